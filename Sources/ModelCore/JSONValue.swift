/// A JSON document, read strictly.
///
/// Foundation's two readers disagree about `{"a": 1, "a": 2}`, so a file could say one thing to
/// us and another to the next program. Here a repeated key is an error, as are nesting beyond
/// `maximumDepth` and anything after the value.
///
/// - SeeAlso: RFC 8259.
public enum JSONValue: Hashable, Sendable {
  case null
  case boolean(Bool)
  case integer(Int64)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  /// How deeply arrays and objects may nest.
  public static let maximumDepth = 128
  /// The longest text that is read, in bytes.
  public static let maximumByteCount = 64 << 20

  /// - Throws: `JSONError`, which says where in the text.
  public init(parsing text: String) throws(JSONError) {
    try self.init(parsing: Array(text.utf8))
  }

  /// - Parameter bytes: UTF-8 text.
  /// - Throws: `JSONError`, which says where in the text.
  public init(parsing bytes: [UInt8]) throws(JSONError) {
    guard bytes.count <= Self.maximumByteCount else { throw .tooLong(bytes.count) }
    var reader = JSONReader(bytes)
    self = try reader.document()
  }

  /// The value of a key, or nil when this is no object or has no such key.
  public subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members[key]
  }

  public var string: String? { if case .string(let value) = self { value } else { nil } }
  public var boolean: Bool? { if case .boolean(let value) = self { value } else { nil } }
  public var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
  public var object: [String: JSONValue]? {
    if case .object(let value) = self { value } else { nil }
  }
  public var isNull: Bool { self == .null }

  /// A whole number, however it is written.
  public var integer: Int64? {
    switch self {
    case .integer(let value): value
    case .number(let value): Int64(exactly: value)
    default: nil
    }
  }

  public var number: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  /// The document as one line, keys sorted: equal values make equal bytes.
  public var text: String {
    var result = ""
    write(to: &result)
    return result
  }

  private func write(to text: inout String) {
    switch self {
    case .null: text += "null"
    case .boolean(let value): text += value ? "true" : "false"
    case .integer(let value): text += String(value)
    // JSON has no NaN or infinity.
    case .number(let value): text += value.isFinite ? "\(value)" : "null"
    case .string(let value): Self.write(value, to: &text)
    case .array(let values):
      text += "["
      for (index, value) in values.enumerated() {
        if index > 0 { text += ", " }
        value.write(to: &text)
      }
      text += "]"
    case .object(let members):
      text += "{"
      for (index, key) in members.keys.sorted().enumerated() {
        if index > 0 { text += ", " }
        Self.write(key, to: &text)
        text += ": "
        (members[key] ?? .null).write(to: &text)
      }
      text += "}"
    }
  }

  private static func write(_ value: String, to text: inout String) {
    text += "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}

extension JSONValue: Encodable {
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .boolean(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .array(let values): try container.encode(values)
    case .object(let members): try container.encode(members)
    }
  }
}

/// Text that is not the JSON that we read.
public enum JSONError: Error, Hashable, Sendable, CustomStringConvertible {
  /// `offset` counts bytes from zero.
  case unexpected(offset: Int, expected: String)
  case duplicateKey(String, offset: Int)
  case tooDeep(offset: Int)
  case tooLong(Int)

  public var description: String {
    switch self {
    case .unexpected(let offset, let expected):
      "not valid JSON: expected \(expected) at byte \(offset)"
    case .duplicateKey(let key, let offset):
      "the key '\(key)' occurs twice, again at byte \(offset)"
    case .tooDeep(let offset):
      "nested more than \(JSONValue.maximumDepth) deep at byte \(offset)"
    case .tooLong(let count):
      "\(count) bytes of JSON are more than the limit of \(JSONValue.maximumByteCount)"
    }
  }
}
