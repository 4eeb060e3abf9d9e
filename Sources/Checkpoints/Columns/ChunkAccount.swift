package import HDF5
internal import Zip

/// Accounts for the bytes of a dataset's chunks, as they are stored.
///
/// A reader stops where a packed stream ends, and takes from it what the chunk has room for. What
/// lies behind either is seen by nobody, and could be anything, also a record that was removed.
///
/// - SeeAlso: RFC 1950, which lets a stream end before its bytes do.
package final class ChunkAccount {
  private let filters: [HDF5DatasetDescription.Filter]
  private let chunkBytes: Int
  private let zlib: ZlibUnpacker
  private let unpacked: UnsafeMutableRawBufferPointer

  private static let checksumBytes = 4
  /// A chunk may be wider than its dataset.
  private static let largestChunk = 1 << 28

  /// - Returns: nil where nothing is in chunks, what they hold has no fixed size, or their rows are more than
  ///   may be read at once.
  package init?(of dataset: HDF5Dataset) {
    guard case .chunked(let extents, let filters) = dataset.description.storage,
      let width = dataset.type.byteCount, let zlib = ZlibUnpacker(),
      (try? dataset.bufferByteCount(rows: dataset.description.rowsPerChunk)) != nil
    else { return nil }
    var size = width
    for extent in extents {
      let (product, overflow) = size.multipliedReportingOverflow(by: extent)
      guard !overflow, 0...Self.largestChunk ~= product else { return nil }
      size = product
    }
    self.filters = filters
    self.zlib = zlib
    chunkBytes = size
    let isPacked = filters.contains {
      if case .deflate = $0 { true } else { false }
    }
    unpacked = .allocate(
      byteCount: isPacked ? size + filters.count * Self.checksumBytes : 0, alignment: 64)
  }

  deinit { unpacked.deallocate() }

  /// Whether every byte of a chunk serves its elements.
  package func isExact(_ chunk: HDF5Dataset.Chunk) -> Bool {
    chunk.bytes.withUnsafeBytes { isExact($0, skipping: chunk.skippedFilters) }
  }

  /// Undoes the filters, the last one first, as far as the number of bytes depends on them.
  private func isExact(_ stored: UnsafeRawBufferPointer, skipping skipped: UInt32) -> Bool {
    var bytes = stored
    var isUnpacked = false
    for (index, filter) in filters.enumerated().reversed()
    where index >= UInt32.bitWidth || skipped & 1 << UInt32(index) == 0 {
      switch filter {
      case .shuffle: break
      case .fletcher32: bytes = UnsafeRawBufferPointer(rebasing: bytes.dropLast(Self.checksumBytes))
      case .deflate:
        // Nobody packs twice; such a chunk is not known to be exact.
        guard !isUnpacked else { return false }
        isUnpacked = true
        let checksums = filters[..<index].enumerated().count {
          $1 == .fletcher32 && skipped & 1 << UInt32($0) == 0
        }
        let target = UnsafeMutableRawBufferPointer(
          rebasing: unpacked[..<(chunkBytes + checksums * Self.checksumBytes)])
        guard zlib.unpack(bytes, into: target) == bytes.count else { return false }
        bytes = UnsafeRawBufferPointer(target)
      }
    }
    return bytes.count == chunkBytes
  }
}
