internal import CHDF5
internal import Foundation

extension HDF5Dataset {
  /// A chunk as it lies in the file: after the filters.
  public struct Chunk: Hashable, Sendable {
    public fileprivate(set) var bytes: [UInt8]
    /// Which filters were left out, one bit for each.
    public fileprivate(set) var skippedFilters: UInt32

    public init(bytes: [UInt8] = [], skippedFilters: UInt32 = 0) {
      self.bytes = bytes
      self.skippedFilters = skippedFilters
    }

    public static func == (one: Self, other: Self) -> Bool {
      guard one.skippedFilters == other.skippedFilters, one.bytes.count == other.bytes.count else {
        return false
      }
      return one.bytes.withUnsafeBytes { own in
        other.bytes.withUnsafeBytes { theirs in
          // Arrays are compared byte by byte; this is what checks large copies.
          guard let own = own.baseAddress, let theirs = theirs.baseAddress else { return true }
          return memcmp(own, theirs, one.bytes.count) == 0
        }
      }
    }
  }

  /// The stored form of the chunk that starts at the given row and at zero on all other axes.
  ///
  /// - Returns: nil when the chunk was never written.
  public func storedChunk(atRow row: Int) throws -> Chunk? {
    try storedChunk(at: chunkOffset(row))
  }

  /// Reads the stored form of a chunk into one that is used again.
  ///
  /// - Returns: false when the chunk was never written.
  public func readChunk(atRow row: Int, into chunk: inout Chunk) throws -> Bool {
    try read(at: chunkOffset(row), into: &chunk)
  }

  /// Hands over the stored forms of all chunks that hold a part of a row.
  public func forEachStoredChunk(ofRow row: Int, _ body: (Chunk) throws -> Void) throws {
    guard case .chunked(let extents, _) = description.storage, row >= 0, row < rowCount,
      extents.count == shape.count
    else { return }
    var offset = try chunkOffset(row - row % max(1, description.rowsPerChunk))
    while true {
      if let chunk = try storedChunk(at: offset) { try body(chunk) }
      // Counts up like an odometer, over all axes but the first.
      var axis = shape.count - 1
      while axis > 0 {
        offset[axis] += UInt64(max(1, extents[axis]))
        if offset[axis] < UInt64(shape[axis]) { break }
        offset[axis] = 0
        axis -= 1
      }
      if axis <= 0 { return }
    }
  }

  private func storedChunk(at offset: [UInt64]) throws -> Chunk? {
    var chunk = Chunk()
    return try read(at: offset, into: &chunk) ? chunk : nil
  }

  private func read(at offset: [UInt64], into chunk: inout Chunk) throws -> Bool {
    let id = try identifier()
    var size: UInt64 = 0
    // For a chunk that is not there, some versions of the library say zero and others fail.
    let found = HDF5Library.query { H5Dget_chunk_storage_size(id, offset, &size) }
    guard found >= 0, size > 0 else { return false }
    guard size <= UInt64(description.storedByteCount) else {
      throw HDF5Error(
        .badInput, "read a chunk of", subject,
        reason: "it takes \(size) bytes, and all of them \(description.storedByteCount)")
    }
    let excess = chunk.bytes.count - Int(size)
    if excess > 0 { chunk.bytes.removeLast(excess) }
    if excess < 0 { chunk.bytes += repeatElement(0, count: -excess) }
    var mask: UInt32 = 0
    try chunk.bytes.withUnsafeMutableBytes { buffer in
      let start = buffer.baseAddress
      try HDF5Library.call("read a chunk of", subject) {
        chdf5_read_chunk(id, offset, &mask, start)
      }
    }
    chunk.skippedFilters = mask
    return true
  }

  /// Stores a chunk as it is, past the filters.
  public func write(_ chunk: Chunk, atRow row: Int) throws {
    let id = try identifier()
    let offset = try chunkOffset(row)
    try chunk.bytes.withUnsafeBytes { buffer in
      let start = buffer.baseAddress
      try HDF5Library.call("write a chunk of", subject, failing: .io) {
        H5Dwrite_chunk(id, 0, chunk.skippedFilters, offset, buffer.count, start)
      }
    }
  }

  private func chunkOffset(_ row: Int) throws -> [UInt64] {
    guard case .chunked = description.storage, row >= 0, row < rowCount,
      row % max(1, description.rowsPerChunk) == 0
    else {
      throw HDF5Error(
        .badInput, "use a chunk of", subject, reason: "no chunk starts at row \(row)")
    }
    return [UInt64(row)] + [UInt64](repeating: 0, count: shape.count - 1)
  }
}

extension HDF5DatasetDescription {
  /// Whether each chunk holds whole rows.
  public var hasChunksOfWholeRows: Bool {
    guard case .chunked(let extents, _) = storage else { return false }
    return extents.count == shape.count && extents.dropFirst().elementsEqual(shape.dropFirst())
  }
}
