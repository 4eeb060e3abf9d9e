public import ModelCore

/// What is different in a new checkpoint that is made from another one.
///
/// Everything else stays: Keras's own groups and attributes, and whatever somebody added.
public struct CheckpointChanges: Sendable {
  /// New weights, stored in the type of the old ones; a number that did not change keeps its
  /// bytes. Nil keeps all weights.
  public var parameters: Parameters?
  /// Rows to leave out, by the name of their split.
  public var removedRows: [String: Set<Int>] = [:]
  /// Leaves out the optimizer's state, which holds traces of all samples it has seen.
  public var dropsOptimizerState = false
  /// A new recipe; nil keeps the old one.
  public var recipe: TrainingRecipe?
  /// A record to append.
  public var provenance: ProvenanceEntry?

  public init() {}
}

extension Checkpoint {
  /// Writes a new checkpoint that is this one with changes.
  ///
  /// The new file is complete or not there, whatever happens; equal inputs give equal bytes.
  /// It may take this one's place.
  ///
  /// - Throws: `CheckpointError`, and whatever `options.checkInterruption` throws.
  @discardableResult
  public func rewrite(
    _ changes: CheckpointChanges, to path: String, options: WriteOptions = WriteOptions()
  ) throws -> WriteReceipt {
    let rewrite = try CheckpointError.naming(self.path) {
      try CheckpointRewrite(changes, of: self, options: options)
    }
    return try CheckpointAssembly(path: path, options: options, original: file).write(rewrite.fill)
  }
}
