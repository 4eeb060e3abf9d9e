internal import HDF5
internal import Zip

/// Undoes the filters of a dataset's chunks, on any thread; the HDF5 library does one at a time.
///
/// - SeeAlso: the filters deflate and shuffle of the HDF5 File Format Specification.
final class ChunkUnpacker {
  private let filters: [HDF5DatasetDescription.Filter]
  private let elementBytes: Int
  private let zlib: ZlibUnpacker
  /// A chunk whose bytes are still sorted by their weight.
  private let shuffled: UnsafeMutableRawBufferPointer

  /// - Returns: nil when the library is needed: for numbers that it has to turn around, checksums
  ///   that it has to compare, and chunks that hold parts of rows.
  init?(of dataset: HDF5Dataset) {
    guard case .chunked(_, let filters) = dataset.description.storage,
      dataset.description.hasChunksOfWholeRows, !filters.contains(.fletcher32),
      let width = dataset.type.byteCount, let zlib = ZlibUnpacker(),
      let chunkBytes = try? dataset.bufferByteCount(rows: dataset.description.rowsPerChunk)
    else { return nil }
    if case .number(_, isBigEndian: true) = dataset.type { return nil }
    self.filters = filters
    self.zlib = zlib
    elementBytes = width
    shuffled = .allocate(byteCount: filters.contains(.shuffle) ? chunkBytes : 0, alignment: 64)
  }

  deinit { shuffled.deallocate() }

  /// What came of a chunk.
  enum Outcome {
    /// Every stored byte serves the elements.
    case whole
    /// Behind the packed elements lies something else, which no reader ever sees.
    case followedByOthers
    /// Only the library can tell what is wrong with it, if anything is.
    case unknown

    fileprivate init(used: Int?, of stored: UnsafeRawBufferPointer) {
      self = used.map { $0 == stored.count ? .whole : .followedByOthers } ?? .unknown
    }
  }

  /// Unpacks a whole chunk.
  ///
  /// - Parameter target: exactly as large as the chunk.
  func unpack(_ chunk: HDF5Dataset.Chunk, into target: UnsafeMutableRawBufferPointer) -> Outcome {
    guard chunk.skippedFilters == 0 else { return .unknown }
    return chunk.bytes.withUnsafeBytes { stored in
      switch filters {
      case []:
        guard stored.count == target.count else { return .unknown }
        target.copyMemory(from: stored)
        return .whole
      case [.shuffle]:
        guard stored.count == target.count else { return .unknown }
        unshuffle(stored, into: target)
        return .whole
      case let all where all.count == 1:
        return Outcome(used: zlib.unpack(stored, into: target), of: stored)
      case let all where all.count == 2 && all[0] == .shuffle && all[1] != .shuffle:
        guard shuffled.count == target.count, let used = zlib.unpack(stored, into: shuffled) else {
          return .unknown
        }
        unshuffle(UnsafeRawBufferPointer(shuffled), into: target)
        return Outcome(used: used, of: stored)
      default: return .unknown
      }
    }
  }

  /// Puts the bytes of each element together again: first come the first bytes of all elements,
  /// then the second ones, and so on; what does not fill an element follows as it is.
  private func unshuffle(
    _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
  ) {
    let count = source.count / elementBytes
    guard let from = source.baseAddress, let to = target.baseAddress else { return }
    for byte in 0..<elementBytes {
      let plane = (from + byte * count).assumingMemoryBound(to: UInt8.self)
      let place = (to + byte).assumingMemoryBound(to: UInt8.self)
      for index in 0..<count { place[index * elementBytes] = plane[index] }
    }
    let done = count * elementBytes
    UnsafeMutableRawBufferPointer(rebasing: target[done...])
      .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[done...]))
  }
}
