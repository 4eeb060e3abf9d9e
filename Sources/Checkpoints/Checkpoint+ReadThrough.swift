internal import HDF5

extension Checkpoint {
  /// What all arrays of the file together take in memory, in bytes.
  public var declaredByteCount: Int { file.declaredByteCount }

  /// Reads every attribute and unpacks every chunk of the file, and keeps nothing of it.
  ///
  /// A reader that comes through has met every structure that later work on the file will meet.
  ///
  /// - Throws: `CheckpointError`, also for data that only the HDF5 library knows how to copy.
  public func readThrough() throws {
    try CheckpointError.naming(path) {
      for path in file.paths.sorted() {
        guard case .dataset = file.node(at: path) else {
          try file.group(at: path).readThroughAttributes()
          continue
        }
        let dataset = try file.dataset(at: path)
        try dataset.readThroughAttributes()
        try dataset.readThrough()
      }
    }
  }
}

extension HDF5Dataset {
  fileprivate func readThrough() throws {
    if type == .variableString {
      try forEachRawString { _ in }
    } else if type.byteCount != nil {
      try forEachBlock { _, _ in }
    } else {
      throw CheckpointError(
        file.path,
        .malformed(
          object: path, expected: "elements of a fixed size, or strings",
          found: "the type '\(type)'"))
    }
  }
}
