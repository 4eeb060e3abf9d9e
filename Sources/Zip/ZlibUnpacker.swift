internal import CZlib

/// Unpacks zlib streams that are in memory as a whole, one after another.
///
/// All memory is taken when it is made: threads that only unpack need none of their own.
package final class ZlibUnpacker {
  // The library keeps the address of the structure, so it must not move.
  private let stream: UnsafeMutablePointer<z_stream>

  /// - Returns: nil when there is no memory left.
  package init?() {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let size = Int32(MemoryLayout<z_stream>.size)
    guard inflateInit_(stream, ZLIB_VERSION, size) == Z_OK else {
      stream.deallocate()
      return nil
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// Unpacks a stream that has to fill the buffer to its last byte.
  ///
  /// - Returns: false when it is damaged, or holds more or less.
  package func unpack(
    _ packed: UnsafeRawBufferPointer, into buffer: UnsafeMutableRawBufferPointer
  ) -> Bool {
    guard let source = packed.baseAddress, let target = buffer.baseAddress,
      let available = uInt(exactly: packed.count), let room = uInt(exactly: buffer.count),
      inflateReset(stream) == Z_OK
    else { return false }
    // The library only reads from it.
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: source.assumingMemoryBound(to: Bytef.self))
    stream.pointee.avail_in = available
    stream.pointee.next_out = target.assumingMemoryBound(to: Bytef.self)
    stream.pointee.avail_out = room
    return inflate(stream, Z_FINISH) == Z_STREAM_END && stream.pointee.avail_out == 0
  }
}
