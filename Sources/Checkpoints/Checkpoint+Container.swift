public import HDF5
internal import Zip

extension Checkpoint {
  /// Opens the HDF5 file of a checkpoint: the file itself, the one inside a `.keras` archive, or
  /// what shards come to together.
  ///
  /// For those who look at more than a checkpoint tells, such as how things are stored.
  ///
  /// - Throws: `CheckpointError` when the file cannot be trusted.
  public static func container(of path: String) throws -> HDF5File {
    try CheckpointError.naming(path) { try open(path).file }
  }

  static func open(_ path: String) throws -> (archive: KerasArchive?, file: HDF5File) {
    if KerasShards.isIndex(path) { return (nil, try KerasShards(path: path).open()) }
    if let stranger = Stranger(at: path) { throw CheckpointError(path, .stranger(stranger)) }
    guard KerasArchive.isArchive(path) else { return (nil, try HDF5File(reading: path)) }
    let archive = try KerasArchive(path: path)
    return (archive, try archive.openWeights())
  }
}
