/// How a checkpoint is written.
public struct WriteOptions {
  /// Whether a file may be there already; it is replaced when the new one is complete.
  public var replacesExisting: Bool
  /// The program's name and version, which the file and its provenance tell.
  public var producer: String
  /// Called between blocks; what it throws ends the work, and nothing is left behind.
  public var checkInterruption: () throws -> Void

  public init(
    replacesExisting: Bool = true, producer: String = "modelctl",
    checkInterruption: @escaping () throws -> Void = {}
  ) {
    self.replacesExisting = replacesExisting
    self.producer = producer
    self.checkInterruption = checkInterruption
  }
}

/// What writing a checkpoint came to.
public struct WriteReceipt: Hashable, Sendable {
  /// The digest of the new file's arrays.
  public let contentDigest: String
  /// The digest of the arrays of the file it was made from, computed on the way; nil for a draft.
  public let sourceDigest: String?
  /// The record that was appended, if one was asked for.
  public let record: ProvenanceRecord?
  /// The size of the new file in bytes.
  public let byteCount: Int
}
