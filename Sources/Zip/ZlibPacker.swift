internal import CDeflate

/// Packs bytes that are in memory as a whole into zlib streams, one after another.
///
/// All memory is taken when it is made, as an unpacker's.
package final class ZlibPacker {
  private let compressor: OpaquePointer
  private let packed: UnsafeMutableRawBufferPointer

  /// - Parameters:
  ///   - level: 0 (stored) to 9 (smallest).
  ///   - byteCount: how many bytes there are at most in one go.
  /// - Returns: nil when there is no memory left, or no such level.
  package init?(level: Int, byteCount: Int) {
    guard (0...9).contains(level),
      let compressor = libdeflate_alloc_compressor(Int32(level))
    else { return nil }
    self.compressor = compressor
    packed = .allocate(
      byteCount: libdeflate_zlib_compress_bound(compressor, byteCount), alignment: 64)
  }

  deinit {
    packed.deallocate()
    libdeflate_free_compressor(compressor)
  }

  /// Packs some bytes.
  ///
  /// - Returns: the stream, good until the next call; nil when there are too many bytes.
  package func pack(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    let count = libdeflate_zlib_compress(
      compressor, bytes.baseAddress, bytes.count, packed.baseAddress, packed.count)
    return count > 0 ? UnsafeRawBufferPointer(rebasing: packed[..<count]) : nil
  }
}
