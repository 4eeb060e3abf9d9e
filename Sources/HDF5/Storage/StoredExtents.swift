internal import CHDF5

// Where things lie in a file, for those who account for its bytes.

extension HDF5File {
  /// The address of an object's header, counted from the superblock.
  func address(of path: String) throws -> UInt64 {
    let id = try identifier()
    var kind: Int32 = 0
    var (address, attributes): (UInt64, UInt64) = (0, 0)
    try HDF5Library.call("look at", subject(path)) {
      chdf5_object_info(id, path, &kind, &address, &attributes)
    }
    return address
  }

  /// How many bytes the file's list of free space and its table of shared messages take.
  func bookkeepingByteCount() throws -> Int {
    let id = try identifier()
    var size: UInt64 = 0
    try HDF5Library.call("measure file", path) { chdf5_bookkeeping_size(id, &size) }
    return Int(clamping: size)
  }
}

extension HDF5Dataset {
  /// The addresses and sizes of all chunks that are stored, in no order.
  func storedChunkExtents() throws -> [(address: UInt64, byteCount: Int)] {
    let id = try identifier()
    let space = try Handle("look at the extents of", subject) { H5Dget_space(id) }
    var count: UInt64 = 0
    try HDF5Library.call("count the chunks of", subject) {
      H5Dget_num_chunks(id, space.id, &count)
    }
    guard count <= UInt64(file.limits.objects) else {
      throw HDF5Error(.badInput, "accept", subject, reason: "it has \(count) chunks")
    }
    var result: [(address: UInt64, byteCount: Int)] = []
    for index in 0..<count {
      var (address, size): (haddr_t, hsize_t) = (0, 0)
      try HDF5Library.call("look at the chunks of", subject) {
        H5Dget_chunk_info(id, space.id, index, nil, nil, &address, &size)
      }
      result.append((UInt64(address), Int(clamping: size)))
    }
    return result
  }

  /// How many bytes the index of the chunks takes.
  func indexByteCount() throws -> Int {
    let id = try identifier()
    var size: UInt64 = 0
    try HDF5Library.call("measure the index of", subject) { chdf5_index_size(id, &size) }
    return Int(clamping: size)
  }
}
