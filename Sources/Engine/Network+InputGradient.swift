internal import OneDNN

extension Network {
  /// Runs forward and backward in `frozen` mode, down to the samples themselves.
  ///
  /// - Parameter loss: given the logits `[N, C]`, fills their gradient `[N, C]` and returns the
  ///   loss.
  /// - Returns: `[N, E]`: the loss's gradient with respect to `batch.inputs`. The gradients of the
  ///   weights are replaced as well.
  /// - Precondition: no layer looks the samples up in a table: nothing flows back through one.
  /// - Throws: as `backpropagate(_:mode:loss:)`.
  public func inputGradients(
    _ batch: Batch,
    loss: (
      _ logits: UnsafeBufferPointer<Float>, _ gradient: UnsafeMutableBufferPointer<Float>
    ) throws -> Float
  ) throws -> [Float] {
    let plan = try run(batch, .inputGradient, loss: loss)
    return Array(plan.inputGradient)
  }
}
