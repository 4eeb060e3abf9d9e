internal import HDF5
internal import Zip

/// Applies the filters of a dataset to its chunks, on any thread, as a `ChunkUnpacker` undoes them.
final class ChunkPacker {
  private let zlib: ZlibPacker
  private let elementBytes: Int
  /// A chunk whose bytes are sorted by their weight; empty where they are packed as they are.
  private let shuffled: UnsafeMutableRawBufferPointer

  /// - Returns: nil when there is nothing to pack, or the library has to.
  init?(for dataset: HDF5Dataset) {
    guard case .chunked(_, let filters) = dataset.description.storage,
      dataset.description.hasChunksOfWholeRows, let width = dataset.type.byteCount,
      case .deflate(let level)? = filters.last,
      filters.count == 1 || (filters.count == 2 && filters[0] == .shuffle),
      let byteCount = try? dataset.bufferByteCount(rows: dataset.description.rowsPerChunk),
      let zlib = ZlibPacker(level: level, byteCount: byteCount)
    else { return nil }
    if case .number(_, isBigEndian: true) = dataset.type { return nil }
    self.zlib = zlib
    elementBytes = width
    shuffled = .allocate(byteCount: filters.count == 2 ? byteCount : 0, alignment: 64)
  }

  deinit { shuffled.deallocate() }

  /// Packs a whole chunk.
  ///
  /// - Returns: nil when only the library can.
  func pack(_ bytes: UnsafeRawBufferPointer) -> HDF5Dataset.Chunk? {
    var source = bytes
    if shuffled.count > 0 {
      guard shuffled.count == bytes.count else { return nil }
      shuffle(bytes)
      source = UnsafeRawBufferPointer(shuffled)
    }
    return zlib.pack(source).map { HDF5Dataset.Chunk(bytes: Array($0)) }
  }

  /// Puts the first bytes of all elements first, then the second ones, and so on.
  private func shuffle(_ source: UnsafeRawBufferPointer) {
    let count = source.count / elementBytes
    guard let from = source.baseAddress, let to = shuffled.baseAddress else { return }
    for byte in 0..<elementBytes {
      let place = (from + byte).assumingMemoryBound(to: UInt8.self)
      let plane = (to + byte * count).assumingMemoryBound(to: UInt8.self)
      for index in 0..<count { plane[index] = place[index * elementBytes] }
    }
  }
}
