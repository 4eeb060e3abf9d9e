internal import Foundation

/// Something that could not be done with an HDF5 file.
public struct HDF5Error: Error, Hashable, Sendable {
  /// What kind of trouble it is, and so what a user can do about it.
  public enum Kind: String, Sendable {
    /// There is no such file.
    case notFound
    /// The file is damaged, hostile, or not what was asked for.
    case badInput
    /// Another process holds the file; trying again later may work.
    case locked
    /// The new file cannot be made where it was asked for.
    case cannotCreate
    /// The disk, or a quota, is full.
    case noSpace
    /// The operating system failed to read or write.
    case io
  }

  /// One step of the library's own explanation.
  public struct Frame: Hashable, Sendable {
    public let function: String
    public let message: String
  }

  public let kind: Kind
  /// What we were doing, in our words: `open dataset`.
  public let operation: String
  /// What we were doing it to: a file's path, or a path inside a file.
  public let subject: String
  /// Our own explanation, when we found the trouble before the library did.
  public let reason: String?
  /// The library's explanation, outermost first; may be empty.
  public let frames: [Frame]

  init(_ kind: Kind, _ operation: String, _ subject: String, reason: String) {
    self.kind = kind
    self.operation = operation
    self.subject = subject
    self.reason = reason
    self.frames = []
  }

  init(_ kind: Kind, _ operation: String, _ subject: String, frames: [Frame]) {
    self.kind = Self.kind(told: frames) ?? kind
    self.operation = operation
    self.subject = subject
    self.reason = nil
    self.frames = frames
  }

  /// The library hides what the operating system said in the wording of its frames.
  private static func kind(told frames: [Frame]) -> Kind? {
    for frame in frames {
      let isLock = frame.message.contains("unable to lock file")
      if isLock, [EAGAIN, EWOULDBLOCK, EACCES].contains(where: { frame.names($0) }) {
        return .locked
      }
      if frame.names(ENOSPC) || frame.names(EDQUOT) { return .noSpace }
      if frame.names(EIO) { return .io }
    }
    return nil
  }
}

extension HDF5Error.Frame {
  /// Whether the message quotes this `errno`.
  fileprivate func names(_ code: Int32) -> Bool { message.contains("errno = \(code),") }

  /// The message without the addresses, times and counts that surround what the operating
  /// system said.
  fileprivate var summary: String {
    let start = "error message = '"
    guard let quote = message.range(of: start),
      let end = message[quote.upperBound...].firstIndex(of: "'")
    else { return Quoted.escaped(message) }
    return Quoted.escaped(String(message[quote.upperBound..<end]))
  }
}

extension HDF5Error: CustomStringConvertible {
  public var description: String {
    let start = "cannot \(operation) \(Quoted(subject))"
    if kind == .locked { return "\(start): another process has it open for writing" }
    if let reason { return "\(start): \(reason)" }
    guard let cause = frames.last else { return start }
    return "\(start): \(cause.summary) (\(cause.function))"
  }
}
