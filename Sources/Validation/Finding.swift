/// One thing about a file that is not as it should be.
public struct Finding: Hashable, Sendable {
  /// How much it matters.
  public enum Severity: String, CaseIterable, Comparable, Sendable {
    /// Worth knowing; nothing is wrong.
    case note
    /// Allowed, but seldom meant.
    case warning
    /// The file breaks a promise.
    case error

    public static func < (left: Severity, right: Severity) -> Bool {
      (allCases.firstIndex(of: left) ?? 0) < (allCases.firstIndex(of: right) ?? 0)
    }
  }

  /// The rule's id, such as `MC122`.
  public let rule: String
  public let severity: Severity
  /// Where in the file: a path, `path@name` for an attribute, or a range of bytes.
  public let path: String
  public let expected: String
  public let found: String

  public init(
    rule: String, severity: Severity, path: String, expected: String, found: String
  ) {
    self.rule = rule
    self.severity = severity
    self.path = path
    self.expected = expected
    self.found = found
  }
}

/// Findings as they are made: all are counted, and of each rule the first are kept.
///
/// A file can be wrong in a million places; nobody reads that, and it would not fit the memory.
public struct Findings: Sendable {
  /// How many findings of one rule are kept.
  public static let keptPerRule = 20

  /// In the order in which they were made.
  public private(set) var kept: [Finding] = []
  /// How many there were of each rule.
  public private(set) var counts: [String: Int] = [:]
  private var countsBySeverity: [Finding.Severity: Int] = [:]

  public init() {}

  public mutating func add(_ finding: Finding) {
    counts[finding.rule, default: 0] += 1
    countsBySeverity[finding.severity, default: 0] += 1
    if counts[finding.rule, default: 0] <= Self.keptPerRule { kept.append(finding) }
  }

  mutating func add(
    _ rule: CodedRule, at path: String, expected: String, found: String,
    severity: Finding.Severity? = nil
  ) {
    add(
      Finding(
        rule: rule.rawValue, severity: severity ?? rule.severity, path: path, expected: expected,
        found: found))
  }

  public func count(_ severity: Finding.Severity) -> Int { countsBySeverity[severity] ?? 0 }

  public var hasErrors: Bool { count(.error) > 0 }
}
