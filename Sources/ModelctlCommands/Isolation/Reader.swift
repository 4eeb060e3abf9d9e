internal import Foundation
internal import Synchronization

/// Whether this process is the reader of another `modelctl`.
///
/// Its messages go through a pipe, so that the files it may not write include the one that
/// somebody redirected stderr to; and its stderr is nobody's, because what a dying process says
/// about itself is no message for a user.
enum Reader {
  static let messages: Int32 = 3

  private static let role = Atomic(Role.none)

  private enum Role: UInt8, AtomicRepresentable {
    case none, reader, watchedReader
  }

  static var isThisProcess: Bool { role.load(ordering: .relaxed) != .none }

  /// Whether somebody sees its messages as they come.
  static var isWatched: Bool { role.load(ordering: .relaxed) == .watchedReader }

  /// Makes this process a reader, for good.
  static func begin(isWatched: Bool) {
    role.store(isWatched ? .watchedReader : .reader, ordering: .relaxed)
  }
}

/// Where messages and progress go: to stderr, or from a reader to its parent.
enum Messages {
  static var descriptor: Int32 { Reader.isThisProcess ? Reader.messages : STDERR_FILENO }

  /// Whether somebody sees the messages as they come.
  static var isTerminal: Bool {
    Reader.isThisProcess ? Reader.isWatched : isatty(STDERR_FILENO) == 1
  }

  /// What cannot be said is left unsaid: there is nowhere to say so.
  static func write(_ text: String) { _ = Output.write(Data(text.utf8), to: descriptor) }
}

/// Writes to descriptors that are already open.
enum Output {
  /// Writes a result to stdout.
  ///
  /// - Throws: `CommandError` when it cannot be written; a lost result is no success.
  static func writeResult(_ data: Data) throws {
    guard let code = write(data, to: STDOUT_FILENO) else { return }
    throw CommandError(
      code == ENOSPC ? .temporary : .readOrWriteFailed,
      "cannot write the result: \(String(cString: strerror(code)))")
  }

  /// - Returns: what went wrong, as the system's number, or nil.
  static func write(_ data: Data, to descriptor: Int32) -> Int32? {
    var rest = data[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { return errno }
      rest = rest.dropFirst(count)
    }
    return nil
  }
}
