public import ModelCore

/// What is different in a new checkpoint that is made from another one.
///
/// Everything else stays: Keras's own groups and attributes, and whatever somebody added.
public struct CheckpointChanges: Sendable {
  /// New weights, stored in the type of the old ones; a number that did not change keeps its
  /// bytes. Nil keeps all weights.
  public var parameters: Parameters?
  /// Rows to leave out, by the name of their split; the last ones that stay come into their places.
  public var removedRows: [String: Set<Int>] = [:]
  /// Leaves out the optimizer's state, which holds traces of all samples it has seen.
  public var dropsOptimizerState = false
  /// Whether the samples come along.
  public var keepsSplits = true
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
    let pending = try prepare(changes, to: path, options: options)
    try pending.commit()
    return pending.receipt
  }

  /// Writes a new checkpoint beside its place; see `rewrite`.
  public func prepare(
    _ changes: CheckpointChanges, to path: String, options: WriteOptions = WriteOptions()
  ) throws -> PendingCheckpoint {
    guard flavour.fits(nameOf: path) else {
      throw CheckpointError(path, .otherFlavour(flavour))
    }
    let rewrite = try CheckpointError.naming(self.path) {
      try CheckpointRewrite(changes, of: self, options: options)
    }
    // A file that was unpacked is nobody else's; what it was unpacked from is not watched.
    let isUnpacked = archive != nil || KerasShards.isIndex(self.path)
    var assembly = CheckpointAssembly(
      path: path, options: options, original: isUnpacked ? nil : file)
    if let archive {
      assembly.wrapping = {
        try archive.contents(
          replacingWeightsBy: $0, checkInterruption: options.checkInterruption)
      }
    }
    return try assembly.prepare(rewrite.fill)
  }
}
