/// What a run of `modelctl` tells the script that called it; the numbers are an interface.
///
/// - SeeAlso: the table in `README.md`, and `sysexits.h`.
public enum ExitStatus: Int32, CaseIterable, Sendable {
  /// Done, and what was asked for holds.
  case success = 0
  /// It ran, and the answer is no: not forgotten, differs, invalid.
  case no = 1
  /// A failure of our own.
  case internalFailure = 2
  case usage = 64
  /// Bad or hostile input.
  case badInput = 65
  case inputMissing = 66
  case cannotCreate = 73
  case readOrWriteFailed = 74
  /// Try again: a file is locked, or the disk is full.
  case temporary = 75
  case interrupted = 130
  case terminated = 143
}

/// A failure that the commands themselves find, in one sentence.
struct CommandError: Error, CustomStringConvertible {
  let status: ExitStatus
  let description: String

  init(_ status: ExitStatus, _ description: String) {
    self.status = status
    self.description = description
  }
}
