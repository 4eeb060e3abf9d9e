internal import CDeflate

/// Unpacks zlib streams that are in memory as a whole, one after another.
///
/// All memory is taken when it is made: threads that only unpack need none of their own.
package final class ZlibUnpacker {
  private let decompressor: OpaquePointer

  /// - Returns: nil when there is no memory left.
  package init?() {
    guard let decompressor = libdeflate_alloc_decompressor() else { return nil }
    self.decompressor = decompressor
  }

  deinit { libdeflate_free_decompressor(decompressor) }

  /// Unpacks a stream that has to fill the buffer to its last byte.
  ///
  /// - Returns: how many bytes the stream takes, behind which others may follow; nil when it is
  ///   damaged, or holds more or less.
  package func unpack(
    _ packed: UnsafeRawBufferPointer, into buffer: UnsafeMutableRawBufferPointer
  ) -> Int? {
    guard let source = packed.baseAddress, let target = buffer.baseAddress else { return nil }
    var used = 0
    // Without a place for the number of unpacked bytes, fewer than asked for are a failure.
    let result = libdeflate_zlib_decompress_ex(
      decompressor, source, packed.count, target, buffer.count, &used, nil)
    return result == LIBDEFLATE_SUCCESS ? used : nil
  }
}
