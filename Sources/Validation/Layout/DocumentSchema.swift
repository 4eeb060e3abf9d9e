internal import ModelCore

/// The part of JSON Schema 2020-12 that the files in `Schemas/json` use.
///
/// A keyword that is not known here is an error, so that no rule is passed over in silence.
struct DocumentSchema {
  /// What is wrong with a part of a document.
  struct Violation: Hashable {
    /// Such as `.arrays[3].sha256`; empty for the whole.
    let path: String
    /// The keyword of the schema that is not kept.
    let keyword: String
    let expected: String
    let found: String
  }

  private let root: JSONValue

  init(_ root: JSONValue) { self.root = root }

  /// Everything that is wrong with a document; empty when it is valid.
  func violations(_ document: JSONValue) throws -> [Violation] {
    try check(document, root, at: "")
  }

  private func check(
    _ value: JSONValue, _ schema: JSONValue, at path: String
  ) throws -> [Violation] {
    var found: [Violation] = []
    // In a fixed order, so that the same document always gives the same findings.
    for keyword in (schema.object ?? [:]).keys.sorted() {
      guard let rule = schema[keyword] else { continue }
      found += try check(value, keyword, rule, of: schema, at: path)
    }
    return found
  }

  private func check(
    _ value: JSONValue, _ keyword: String, _ rule: JSONValue, of schema: JSONValue,
    at path: String
  ) throws -> [Violation] {
    func unless(_ isValid: Bool, _ expected: String) -> [Violation] {
      isValid
        ? []
        : [
          Violation(
            path: path, keyword: keyword, expected: expected, found: Self.excerpt(value))
        ]
    }
    switch keyword {
    case "$schema", "$defs", "title", "description": return []
    case "$ref": return try check(value, try resolve(rule), at: path)
    case "type":
      let types = (rule.array ?? [rule]).compactMap(\.string)
      return unless(
        types.contains { Self.isType(value, $0) }, types.joined(separator: " or "))
    case "const": return unless(value == rule, rule.text)
    case "enum": return unless(rule.array?.contains(value) ?? false, "one of \(rule.text)")
    case "required":
      guard let members = value.object else { return [] }
      let missing = (rule.array ?? []).compactMap(\.string).filter { members[$0] == nil }
      return missing.map { member in
        Violation(path: path, keyword: keyword, expected: "a member '\(member)'", found: "none")
      }
    case "properties", "additionalProperties":
      return try checkMembers(value, keyword, rule, of: schema, at: path)
    case "items":
      return try (value.array ?? []).enumerated().flatMap { index, item in
        try check(item, rule, at: "\(path)[\(index)]")
      }
    case "oneOf":
      let valid = try (rule.array ?? []).count { try check(value, $0, at: path).isEmpty }
      return unless(valid == 1, "exactly one of \(rule.array?.count ?? 0) forms")
    case "pattern":
      guard let text = value.string, let pattern = rule.string else { return [] }
      return unless(try text.firstMatch(of: Regex(pattern)) != nil, "something like \(pattern)")
    case "minimum", "maximum", "exclusiveMinimum", "minLength", "minItems",
      "minProperties", "maxProperties":
      return unless(Self.keeps(value, keyword, rule), "\(keyword) \(rule.text)")
    default:
      throw LayoutError(item: "schema", reason: "the keyword '\(keyword)' is not known")
    }
  }

  private func checkMembers(
    _ value: JSONValue, _ keyword: String, _ rule: JSONValue, of schema: JSONValue,
    at path: String
  ) throws -> [Violation] {
    let described = schema["properties"]?.object ?? [:]
    var found: [Violation] = []
    for (key, member) in (value.object ?? [:]).sorted(by: { $0.key < $1.key }) {
      if keyword == "properties", let sub = described[key] {
        found += try check(member, sub, at: "\(path).\(key)")
      } else if keyword == "additionalProperties", described[key] == nil {
        guard rule.boolean == false else { continue }
        found.append(
          Violation(path: path, keyword: keyword, expected: "no member '\(key)'", found: "one"))
      }
    }
    return found
  }

  private func resolve(_ rule: JSONValue) throws -> JSONValue {
    let name = rule.string ?? ""
    guard name.hasPrefix("#/$defs/"),
      let schema = root["$defs"]?[String(name.dropFirst("#/$defs/".count))]
    else { throw LayoutError(item: "schema", reason: "'\(name)' leads nowhere") }
    return schema
  }

  private static func isType(_ value: JSONValue, _ type: String) -> Bool {
    switch type {
    case "object": value.object != nil
    case "array": value.array != nil
    case "string": value.string != nil
    case "boolean": value.boolean != nil
    case "null": value.isNull
    case "number": value.number != nil
    case "integer": value.integer != nil
    default: false
    }
  }

  /// Whether a value keeps to a bound; one that the bound is not about does.
  private static func keeps(_ value: JSONValue, _ keyword: String, _ rule: JSONValue) -> Bool {
    guard let bound = rule.number else { return false }
    switch keyword {
    case "minLength": return value.string.map { Double($0.count) >= bound } ?? true
    case "minItems": return value.array.map { Double($0.count) >= bound } ?? true
    case "minProperties": return value.object.map { Double($0.count) >= bound } ?? true
    case "maxProperties": return value.object.map { Double($0.count) <= bound } ?? true
    default: break
    }
    guard let number = value.number else { return true }
    switch keyword {
    case "minimum": return number >= bound
    case "maximum": return number <= bound
    default: return number > bound
    }
  }

  /// A value as a finding shows it: not long, and never a whole document.
  private static func excerpt(_ value: JSONValue) -> String {
    switch value {
    case .object: return "an object"
    case .array(let values): return "an array of \(values.count)"
    default:
      let text = value.text
      return text.count > 80 ? text.prefix(80) + "..." : text
    }
  }
}
