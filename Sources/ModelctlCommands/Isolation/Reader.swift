internal import Foundation

/// What tells a process that it is the reader of another `modelctl`.
///
/// Its messages go through a pipe, so that the files it may not write include the one that
/// somebody redirected stderr to; and its stderr is nobody's, because what a dying process says
/// about itself is no message for a user.
enum Reader {
  /// The first argument of a reader; the second form means that somebody watches.
  private static let marks = ["@reader", "@watched-reader"]

  static let messages: Int32 = 3

  static let isThisProcess = CommandLine.arguments.dropFirst().first.map(marks.contains) ?? false

  /// What comes after the mark, or everything where there is none.
  static var arguments: [String] {
    Array(CommandLine.arguments.dropFirst(isThisProcess ? 2 : 1))
  }

  static func mark(isWatched: Bool) -> String { marks[isWatched ? 1 : 0] }

  static var isWatched: Bool { CommandLine.arguments.dropFirst().first == marks[1] }
}

/// Where messages and progress go: to stderr, or from a reader to its parent.
enum Messages {
  static let descriptor = Reader.isThisProcess ? Reader.messages : STDERR_FILENO

  /// Whether somebody sees the messages as they come.
  static let isTerminal = Reader.isThisProcess ? Reader.isWatched : isatty(STDERR_FILENO) == 1

  static func write(_ text: String) {
    FileHandle(fileDescriptor: descriptor, closeOnDealloc: false).write(Data(text.utf8))
  }
}
