internal import Foundation

/// Tools for as many threads as there are, made before they are needed.
final class ToolPool<Tool> {
  private let lock = NSLock()
  private var free: [Tool] = []

  /// - Returns: nil when a tool cannot be made.
  init?(count: Int, make: () -> Tool?) {
    for _ in 0..<count {
      guard let tool = make() else { return nil }
      free.append(tool)
    }
  }

  /// Lends a tool, on any thread.
  ///
  /// - Returns: nil when all are in use, too.
  func withTool<Result>(_ body: (Tool) -> Result?) -> Result? {
    lock.lock()
    let tool = free.popLast()
    lock.unlock()
    guard let tool else { return nil }
    defer {
      lock.lock()
      free.append(tool)
      lock.unlock()
    }
    return body(tool)
  }
}
