internal import CKernels

/// Floats that stay where they are, aligned to a cache line and zero at first.
final class FloatArena {
  let floats: UnsafeMutableBufferPointer<Float>

  init(count: Int) {
    let raw = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(64, count * MemoryLayout<Float>.stride), alignment: 64)
    raw.initializeMemory(as: UInt8.self, repeating: 0)
    floats = UnsafeMutableBufferPointer(
      start: raw.bindMemory(to: Float.self).baseAddress, count: count)
  }

  deinit { floats.deallocate() }

  var count: Int { floats.count }

  /// - Precondition: the arena is not empty or `offset` is zero.
  func pointer(_ offset: Int = 0) -> UnsafeMutablePointer<Float> {
    guard let base = floats.baseAddress else { preconditionFailure("an arena without memory") }
    return base + offset
  }

  func copy(from other: FloatArena) {
    precondition(count == other.count)
    if count > 0 { ck_copy(pointer(), other.pointer(), count) }
  }
}
