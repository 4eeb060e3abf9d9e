internal import HDF5
internal import Zip

/// A new checkpoint that is written and read back, but not in its place yet.
///
/// It goes without a trace unless it is committed, so that of several files either all come to be
/// or, short of a crash between two renames, none.
public final class PendingCheckpoint {
  public let receipt: WriteReceipt
  private let path: String
  private let output: AtomicFile
  private let options: WriteOptions

  /// What the new file was made from, when it takes its place.
  private let original: HDF5File?

  init(
    _ receipt: WriteReceipt, _ path: String, _ output: AtomicFile, _ options: WriteOptions,
    inPlaceOf original: HDF5File?
  ) {
    self.receipt = receipt
    self.path = path
    self.output = output
    self.options = options
    self.original = original
  }

  /// Puts the file in its place.
  ///
  /// - Throws: `CheckpointError`, and whatever `options.checkInterruption` throws.
  public func commit() throws {
    try options.checkInterruption()
    try CheckpointError.naming(path) {
      try output.commit(
        ifStill: original.map { [output] original in { original.isFile(at: output.target) } })
    }
  }
}
