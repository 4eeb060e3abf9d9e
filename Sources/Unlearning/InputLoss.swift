internal import Engine
internal import Foundation
internal import ModelCore

/// The cross-entropy as a function of the samples.
enum InputLoss {
  /// The gradient of `weight * mean CE(labels)` with respect to a batch's inputs: `[N, E]`.
  ///
  /// - Parameter labels: `[N]`, each within `0..<C`.
  static func gradients(
    _ network: Network, _ batch: Batch, labels: [Int], weight: Float = 1
  ) throws -> [Float] {
    let (width, count) = (batch.classCount, batch.count)
    return try network.inputGradients(batch) { logits, gradient in
      var total: Float = 0
      for (row, label) in labels.enumerated() {
        let scores = logits[(row * width)..<((row + 1) * width)]
        let largest = scores.max() ?? 0
        let logSum = log(scores.reduce(0) { $0 + exp($1 - largest) })
        for column in 0..<width {
          let index = row * width + column
          let logShare = logits[index] - largest - logSum
          gradient[index] =
            weight / Float(count) * (exp(logShare) - (column == label ? 1 : 0))
          if column == label { total -= weight / Float(count) * logShare }
        }
      }
      return total
    }
  }
}

extension UnlearningSession {
  /// Makes sure that a gradient reaches the samples.
  ///
  /// - Parameter instead: what goes without, to end the sentence.
  /// - Throws: `UnlearningError.architecture` for samples that are looked up in a table.
  func requireInputGradient(instead: String = "") throws {
    let looksUp = network.architecture.layers.contains {
      if case .embedding = $0.kind { return true }
      return false
    }
    guard looksUp else { return }
    throw UnlearningError.architecture(
      method: methodName,
      reason: "its samples are looked up in a table, and no small step leads from one to another"
        + instead)
  }
}
