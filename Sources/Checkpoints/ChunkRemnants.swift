public import HDF5

/// What lies in a dataset's chunks beside its rows.
///
/// A packed chunk ends where it says so, and readers ignore what is stored behind that: bytes that no
/// reader shows and that a copy of the chunk takes along.
public enum ChunkRemnants {
  /// How many chunks are longer than what is packed in them.
  ///
  /// Chunks that only the HDF5 library unpacks are not counted, nor ever copied as they are stored.
  ///
  /// - Parameter checkInterruption: called before each chunk; what it throws ends the work.
  /// - Throws: `HDF5Error` when the dataset cannot be read.
  public static func count(
    in dataset: HDF5Dataset, checkInterruption: () throws -> Void = {}
  ) throws -> Int {
    guard dataset.description.elementCount > 0, let unpacker = ChunkUnpacker(of: dataset) else {
      return 0
    }
    let rows = max(1, dataset.description.rowsPerChunk)
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: try dataset.bufferByteCount(rows: rows), alignment: 64)
    defer { buffer.deallocate() }
    var chunk = HDF5Dataset.Chunk()
    var count = 0
    for row in stride(from: 0, to: dataset.rowCount, by: rows) {
      try checkInterruption()
      guard try dataset.readChunk(atRow: row, into: &chunk) else { continue }
      if !unpacker.unpack(chunk, into: buffer) { count += 1 }
    }
    return count
  }
}
