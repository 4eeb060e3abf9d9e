internal import Foundation

/// Threads that help with the pieces of a task.
///
/// Whoever asks does what they leave, and waits for no thread that has not begun: where a process
/// may have no further threads, the work is done all the same.
final class Crew {
  private let board = Board()

  /// - Parameter helpers: how many threads at most besides the one that asks.
  init(helpers: Int) {
    for _ in 0..<helpers {
      let thread = Thread { [board] in board.help() }
      // What it does needs little, and address space may be limited.
      thread.stackSize = 256 << 10
      thread.start()
    }
  }

  deinit { board.dismiss() }

  /// As many helpers as the machine has use for, when there is much to do.
  static func helpers(for bytes: Int) -> Int {
    bytes < 1 << 20 ? 0 : min(ProcessInfo.processInfo.activeProcessorCount - 1, 7)
  }

  /// Calls `work` with each number below `count`, on any thread; `meanwhile` on this one.
  ///
  /// Returns when all is done, also when `meanwhile` throws.
  func perform(
    _ count: Int, meanwhile: () throws -> Void, work: @escaping (Int) -> Void
  ) rethrows {
    board.post(count, work)
    defer { board.finish() }
    try meanwhile()
  }
}

/// Where the pieces of a task are given out.
private final class Board: @unchecked Sendable {
  // Everything below is touched by its holder alone.
  private let condition = NSCondition()
  private var work: ((Int) -> Void)?
  private var next = 0
  private var count = 0
  private var done = 0
  private var isDismissed = false

  func post(_ count: Int, _ work: @escaping (Int) -> Void) {
    condition.lock()
    (self.work, self.count, next, done) = (work, count, 0, 0)
    condition.broadcast()
    condition.unlock()
  }

  /// Does what nobody has begun, and waits for the rest.
  func finish() {
    condition.lock()
    while doNext() {}
    while done < count { condition.wait() }
    work = nil
    condition.unlock()
  }

  func help() {
    condition.lock()
    while !isDismissed {
      if !doNext() { condition.wait() }
    }
    condition.unlock()
  }

  func dismiss() {
    condition.lock()
    isDismissed = true
    condition.broadcast()
    condition.unlock()
  }

  /// Called by the holder of the lock, and returns to it.
  private func doNext() -> Bool {
    guard let work, next < count else { return false }
    let index = next
    next += 1
    condition.unlock()
    work(index)
    condition.lock()
    done += 1
    if done == count { condition.broadcast() }
    return true
  }
}
