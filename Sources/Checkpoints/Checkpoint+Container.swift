public import HDF5

extension Checkpoint {
  /// Opens the HDF5 file of a checkpoint: the file itself, or the one inside a `.keras` archive.
  ///
  /// For those who look at more than a checkpoint tells, such as how things are stored.
  ///
  /// - Throws: `CheckpointError` when the file cannot be trusted.
  public static func container(of path: String) throws -> HDF5File {
    try CheckpointError.naming(path) { try open(path).file }
  }

  static func open(_ path: String) throws -> (archive: KerasArchive?, file: HDF5File) {
    guard KerasArchive.isArchive(path) else { return (nil, try HDF5File(reading: path)) }
    let archive = try KerasArchive(path: path)
    return (archive, try archive.openWeights())
  }
}
