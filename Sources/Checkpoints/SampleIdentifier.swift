/// What a sample is called, in all splits of a file.
public enum SampleIdentifier: Hashable, Sendable {
  case integer(Int64)
  case string(String)
}

/// Which kind of identifiers a split has.
public enum SampleIdentifierKind: String, Sendable {
  case integers, strings
}

extension SampleIdentifier: CustomStringConvertible {
  /// The identifier as a line of a list.
  public var description: String {
    switch self {
    case .integer(let value): String(value)
    case .string(let value): value
    }
  }

  public var kind: SampleIdentifierKind {
    switch self {
    case .integer: .integers
    case .string: .strings
    }
  }
}
