internal import Foundation

/// Why a file could not be read, understood or written.
public struct FileError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What a caller can do about it; a command turns it into an exit code.
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// There is no such file (exit 66).
    case notFound
    /// The file, or what was asked of it, makes no sense (exit 65).
    case badInput
    /// The output cannot be made (exit 73).
    case cannotCreate
    /// The system failed to read or write (exit 74).
    case io
    /// The same call may succeed later: the disk is full, or somebody was faster (exit 75).
    case tryAgain

    /// The exit code of `sysexits.h` for this kind of failure.
    public var exitCode: Int32 {
      switch self {
      case .badInput: 65
      case .notFound: 66
      case .cannotCreate: 73
      case .io: 74
      case .tryAgain: 75
      }
    }
  }

  /// What is wrong.
  public enum Problem: Hashable, Sendable {
    case missing
    /// A system call failed; `code` is its `errno`.
    case system(operation: Operation, code: Int32)
    /// No file can be made there.
    case refused(String)
    /// Somebody put another file in the place of the one that was to be replaced.
    case replacedMeanwhile
    /// Something is not what the format or the caller needs.
    case mismatch(expected: String, found: String)
    /// The data are shorter or longer than the header says, in bytes.
    case length(expected: Int, found: Length)
    /// A well-formed thing that is refused, and what to do instead.
    case unsupported(what: String, advice: String)
    /// Two parts have one name.
    case duplicate
    /// The stored data fail their own check.
    case damaged(String)
    /// A compressed member claims to grow beyond what is believable, in bytes.
    case expansion(declared: UInt64, stored: UInt64)
  }

  /// What the system was asked to do.
  public enum Operation: String, Hashable, Sendable { case open, read, create, write }

  /// How many bytes were found: all of them, or at least so many.
  public enum Length: Hashable, Sendable { case exactly(Int), moreThan(Int) }

  /// The file's path as it was given.
  public let file: String
  /// The array or member in the file, if the trouble lies in one.
  public let part: String?
  public let problem: Problem

  public init(file: String, part: String? = nil, _ problem: Problem) {
    self.file = file
    self.part = part
    self.problem = problem
  }

  public var kind: Kind {
    switch problem {
    case .missing: .notFound
    case .system(_, ENOSPC), .system(_, EDQUOT): .tryAgain
    case .replacedMeanwhile: .tryAgain
    case .system(.create, _), .refused: .cannotCreate
    case .system: .io
    default: .badInput
    }
  }

  public var description: String {
    let place = part.map { "\(quoted($0)) in \(quoted(file))" } ?? quoted(file)
    switch problem {
    case .missing: return "cannot open \(place): no such file"
    case .system(let operation, let code):
      return "cannot \(operation.rawValue) \(place): \(String(cString: strerror(code)))"
    case .refused(let reason): return "cannot create \(place): \(reason)"
    case .replacedMeanwhile:
      return "\(place): another process has replaced it since it was read; nothing was written, "
        + "so run this again"
    case .mismatch(let expected, let found):
      return "cannot use \(place): expected \(expected), found \(found)"
    case .length(let expected, .exactly(let found)):
      let what = found < expected ? "it is cut short" : "there are bytes after its end"
      return "cannot use \(place): expected \(expected) bytes, found \(found); \(what)"
    case .length(let expected, .moreThan):
      return "cannot use \(place): expected \(expected) bytes, found more; "
        + "there are bytes after its end"
    case .unsupported(let what, let advice): return "cannot use \(place): \(what); \(advice)"
    case .duplicate: return "cannot use \(place): the name occurs twice"
    case .damaged(let reason): return "cannot read \(place): \(reason)"
    case .expansion(let declared, let stored):
      return "cannot use \(place): \(stored) stored bytes claim to unpack to \(declared), "
        + "more than 1000 times as many"
    }
  }
}

/// A name for a message: in quotes, with nothing in it that could disturb a terminal.
package func quoted(_ name: String) -> String {
  var result = "'"
  for scalar in name.unicodeScalars.prefix(300) {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned:
      result += "\\u{" + String(scalar.value, radix: 16) + "}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  if name.unicodeScalars.count > 300 { result += "..." }
  return result + "'"
}
