/// A version of the layout: readers of a major version read all its minor ones.
public struct FormatVersion: Hashable, Sendable, CustomStringConvertible {
  public let major: Int
  public let minor: Int

  /// What this program writes.
  public static let current = FormatVersion(major: 1, minor: 0)

  init(major: Int, minor: Int) {
    self.major = major
    self.minor = minor
  }

  /// - Returns: nil unless the text is two numbers with a dot between them.
  public init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, let major = UInt16(parts[0]), let minor = UInt16(parts[1]) else {
      return nil
    }
    self.init(major: Int(major), minor: Int(minor))
  }

  public var description: String { "\(major).\(minor)" }
}
