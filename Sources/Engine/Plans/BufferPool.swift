/// Memory for one activation or gradient of a plan, counted by those who still need it.
final class Buffer {
  let pointer: UnsafeMutablePointer<Float>
  let capacity: Int
  fileprivate(set) var holders = 0

  fileprivate init(capacity: Int) {
    self.capacity = capacity
    // Not cleared: pages that no step has touched cost nothing.
    let raw = UnsafeMutableRawPointer.allocate(
      byteCount: max(1, capacity) * MemoryLayout<Float>.stride, alignment: 64)
    pointer = raw.bindMemory(to: Float.self, capacity: max(1, capacity))
  }

  deinit { pointer.deallocate() }
}

/// Hands out memory while a plan is being built. Steps are built in the order in which they
/// will run, so what nobody holds any more can be given to a later one.
final class BufferPool {
  private(set) var all: [Buffer] = []
  private var free: [Buffer] = []

  /// A buffer with one holder.
  func take(_ count: Int) -> Buffer {
    let buffer = reuse(count) ?? make(count)
    buffer.holders = 1
    return buffer
  }

  /// A buffer that no step uses, not even one that is done with it.
  func takeUnused(_ count: Int) -> Buffer {
    let buffer = make(count)
    buffer.holders = 1
    return buffer
  }

  func hold(_ buffer: Buffer) { buffer.holders += 1 }

  func release(_ buffer: Buffer) {
    precondition(buffer.holders > 0, "a buffer was released too often")
    buffer.holders -= 1
    if buffer.holders == 0 { free.append(buffer) }
  }

  /// The smallest that fits, unless most of it would be wasted.
  private func reuse(_ count: Int) -> Buffer? {
    let fitting = free.indices.filter {
      free[$0].capacity >= count && free[$0].capacity <= 2 * count + 1024
    }
    guard let best = fitting.min(by: { free[$0].capacity < free[$1].capacity }) else {
      return nil
    }
    return free.remove(at: best)
  }

  private func make(_ count: Int) -> Buffer {
    let buffer = Buffer(capacity: count)
    all.append(buffer)
    return buffer
  }
}
