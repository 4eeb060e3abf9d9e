public import ModelCore

/// A value of a JSON document that another document does not have, or has otherwise.
public struct FieldDifference: Hashable, Sendable {
  /// Where, such as `kernel_initializer.config.seed` or `axis[0]`; empty for the whole.
  public let path: String
  /// Nil where there is nothing.
  public let before: JSONValue?
  public let after: JSONValue?

  public init(path: String, before: JSONValue?, after: JSONValue?) {
    self.path = path
    self.before = before
    self.after = after
  }

  /// Everything that differs between two documents, sorted by path.
  ///
  /// A whole number equals the same number with a point. Lists of different lengths differ as a
  /// whole; of those as long as each other, the elements are compared.
  public static func all(from before: JSONValue?, to after: JSONValue?) -> [FieldDifference] {
    var found: [FieldDifference] = []
    collect(before, after, at: "", into: &found)
    return found
  }

  private static func collect(
    _ before: JSONValue?, _ after: JSONValue?, at path: String, into found: inout [FieldDifference]
  ) {
    guard before != after else { return }
    switch (before, after) {
    case (.object(let old), .object(let new)):
      for key in Set(old.keys).union(new.keys).sorted() {
        collect(old[key], new[key], at: path.isEmpty ? key : "\(path).\(key)", into: &found)
      }
    case (.array(let old), .array(let new)) where old.count == new.count:
      for index in old.indices {
        collect(old[index], new[index], at: "\(path)[\(index)]", into: &found)
      }
    case (.integer(let old), .number(let new)) where Int64(exactly: new) == old: break
    case (.number(let old), .integer(let new)) where Int64(exactly: old) == new: break
    default: found.append(FieldDifference(path: path, before: before, after: after))
    }
  }
}
