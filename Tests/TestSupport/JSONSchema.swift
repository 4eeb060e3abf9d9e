public import Foundation

/// The part of JSON Schema 2020-12 that the files in `Schemas/` use.
///
/// A keyword that is not known here is itself an error, so that no rule is skipped silently.
public struct JSONSchema {
  private let root: [String: Any]

  public static let folder = Fixtures.folder
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Schemas")

  /// - Parameter name: relative to `Schemas/`, such as `report/inspect-1.schema.json`.
  public init(_ name: String) throws {
    let data = try Data(contentsOf: Self.folder.appendingPathComponent(name))
    root = (try JSONSerialization.jsonObject(with: data) as? [String: Any]) ?? [:]
  }

  /// Everything that is wrong with a document, as `path: what`; empty when it is valid.
  public func violations(_ document: Any) -> [String] { check(document, root, at: "$") }

  private func check(_ value: Any, _ schema: [String: Any], at path: String) -> [String] {
    var found: [String] = []
    for (keyword, rule) in schema {
      switch keyword {
      case "$schema", "$id", "$defs", "$comment", "title", "description", "examples", "default":
        break
      case "$ref": found += check(value, resolve(rule), at: path)
      case "type":
        let types = (rule as? [String]) ?? [rule as? String ?? ""]
        if !types.contains(where: { Self.isType(value, $0) }) {
          found.append("\(path): not \(rule)")
        }
      case "const": if !Self.equal(value, rule) { found.append("\(path): not \(rule)") }
      case "enum":
        let options = rule as? [Any] ?? []
        if !options.contains(where: { Self.equal(value, $0) }) {
          found.append("\(path): not one of \(options)")
        }
      case "required":
        guard let object = value as? [String: Any] else { break }
        for key in rule as? [String] ?? [] where object[key] == nil {
          found.append("\(path): no \(key)")
        }
      case "properties":
        for (key, sub) in rule as? [String: [String: Any]] ?? [:] {
          if let member = (value as? [String: Any])?[key] {
            found += check(member, sub, at: "\(path).\(key)")
          }
        }
      case "additionalProperties":
        let known = Set((schema["properties"] as? [String: Any] ?? [:]).keys)
        for (key, member) in value as? [String: Any] ?? [:] where !known.contains(key) {
          if rule as? Bool == false {
            found.append("\(path): unknown \(key)")
          } else if let sub = rule as? [String: Any] {
            found += check(member, sub, at: "\(path).\(key)")
          }
        }
      case "items":
        guard let sub = rule as? [String: Any] else { break }
        for (index, item) in (value as? [Any] ?? []).enumerated() {
          found += check(item, sub, at: "\(path)[\(index)]")
        }
      case "oneOf", "anyOf":
        let options = rule as? [[String: Any]] ?? []
        let valid = options.count { check(value, $0, at: path).isEmpty }
        if keyword == "oneOf" ? valid != 1 : valid == 0 {
          found.append("\(path): fits \(valid) of \(options.count) forms")
        }
      case "minimum", "maximum", "exclusiveMinimum":
        guard let number = value as? Double, let bound = rule as? Double else { break }
        let isValid =
          keyword == "minimum"
          ? number >= bound : keyword == "maximum" ? number <= bound : number > bound
        if !isValid { found.append("\(path): \(number) breaks \(keyword) \(bound)") }
      case "minLength", "minItems", "maxItems", "minProperties", "maxProperties":
        guard let bound = rule as? Int else { break }
        let count =
          (value as? String)?.count ?? (value as? [Any])?.count
          ?? (value as? [String: Any])?.count ?? bound
        if keyword.hasPrefix("min") ? count < bound : count > bound {
          found.append("\(path): \(count) breaks \(keyword) \(bound)")
        }
      case "pattern":
        guard let text = value as? String, let pattern = rule as? String else { break }
        if text.range(of: pattern, options: .regularExpression) == nil {
          found.append("\(path): does not match \(pattern)")
        }
      default: found.append("\(path): the schema uses '\(keyword)', which is not checked")
      }
    }
    return found
  }

  private func resolve(_ rule: Any) -> [String: Any] {
    let name = (rule as? String ?? "").replacingOccurrences(of: "#/$defs/", with: "")
    return (root["$defs"] as? [String: [String: Any]])?[name] ?? ["unresolved": rule]
  }

  private static func isType(_ value: Any, _ type: String) -> Bool {
    // JSONSerialization's booleans are numbers too.
    let isBoolean = (value as? NSNumber).map { String(cString: $0.objCType) == "c" } ?? false
    switch type {
    case "object": return value is [String: Any]
    case "array": return value is [Any]
    case "string": return value is String
    case "boolean": return isBoolean
    case "null": return value is NSNull
    case "number": return value is NSNumber && !isBoolean
    case "integer": return !isBoolean && ((value as? Double).map { $0 == $0.rounded() } ?? false)
    default: return false
    }
  }

  private static func equal(_ left: Any, _ right: Any) -> Bool {
    (left as? NSObject)?.isEqual(right) ?? false
  }
}
