internal import ModelCore

/// What a file of one kind holds, as data: the files of `Schemas/layout`.
///
/// Nothing here knows any particular format. `Schemas/README.md` explains the language, and
/// `Schemas/meta/layout.schema.json` is its grammar.
struct Layout: Sendable {
  let format: String
  let version: String
  let title: String
  /// The layout applies to a file that has one of these.
  let conditions: [PathPattern]
  let items: [LayoutItem]

  var name: String { "\(format) \(version)" }

  /// All that the program knows.
  static func all() throws -> [Layout] {
    try EmbeddedFiles.layouts.map { try Layout(JSONValue(parsing: $0)) }
  }

  /// - Throws: `LayoutError` when the document is not a layout.
  init(_ json: JSONValue) throws {
    guard let format = json["format"]?.string, let version = json["version"]?.string,
      let title = json["title"]?.string, let when = json["when"]?.array,
      let items = json["items"]?.array
    else { throw LayoutError(item: "layout", reason: "a member is missing") }
    self.format = format
    self.version = version
    self.title = title
    conditions = try when.map { try PathPattern($0.string ?? "") }
    self.items = try items.map { try LayoutItem($0) }
    try checkParents()
  }

  /// A pattern's instances are found below those of its parent, which so has to come first.
  private func checkParents() throws {
    var known: Set<String> = []
    for item in items {
      let parent = item.pattern.attribute == nil ? item.pattern.parent : item.pattern.object
      guard known.contains(parent) || !parent.contains("<") else {
        throw LayoutError(item: item.rule, reason: "'\(parent)' is not described before it")
      }
      if item.kind != .attribute { known.insert(item.pattern.object) }
    }
  }
}

/// A layout that makes no sense.
struct LayoutError: Error, CustomStringConvertible {
  let item: String
  let reason: String
  var description: String { "the layout's item '\(item)': \(reason)" }
}

/// A path in a layout.
struct PathPattern: Hashable, Sendable {
  /// The object's part.
  let object: String
  /// The name of an attribute of it.
  let attribute: String?

  init(_ text: String) throws {
    guard text.hasPrefix("/") else { throw LayoutError(item: text, reason: "it is no path") }
    if let at = text.lastIndex(of: "@") {
      object = String(text[..<at])
      attribute = String(text[text.index(after: at)...])
    } else {
      object = text
      attribute = nil
    }
  }

  /// The group that the object is in.
  var parent: String {
    let end = object.lastIndex(of: "/") ?? object.startIndex
    return end == object.startIndex ? "/" : String(object[..<end])
  }

  /// The object's own name, or the placeholder for it.
  var name: String {
    object.lastIndex(of: "/").map { String(object[object.index(after: $0)...]) } ?? object
  }
}

/// What a layout says about one kind of object or attribute.
struct LayoutItem: Sendable {
  enum Kind: String, Sendable { case group, dataset, attribute }
  enum Quantity: String, Sendable {
    case one = "1"
    case atMostOne = "?"
    case any = "*"
  }
  enum TypeName: String, Sendable {
    case integer, float, number
    /// A number in any form that Keras stores one in.
    case weight
    case string
  }

  enum Extent: Hashable, Sendable {
    case exactly(Int)
    case any
    case named(String)
    case more
  }

  /// One way in which an array can be right; nil is not asked for.
  struct Form: Sendable {
    let types: [TypeName]?
    let shape: [Extent]?
  }

  let rule: String
  let severity: Finding.Severity
  let kind: Kind
  let pattern: PathPattern
  let quantity: Quantity
  /// The attribute of the parent that lists the names.
  let list: String?
  let isNumbered: Bool
  let forms: [Form]
  /// The only strings that are allowed.
  let values: [String]?
  let expression: String?
  let isUnique: Bool
  /// The path in `Schemas/` of what every string has to be valid under.
  let schema: String?

  init(_ json: JSONValue) throws {
    // Where nothing can be wrong, no rule is needed.
    let rule = json["rule"]?.string ?? ""
    let known: [(Kind, JSONValue)] = [Kind.group, .dataset, .attribute].compactMap { kind in
      json[kind.rawValue].map { (kind, $0) }
    }
    guard let (kind, path) = known.first, known.count == 1,
      let quantity = json["quantity"]?.string.flatMap(Quantity.init)
    else { throw LayoutError(item: rule, reason: "no object or no quantity") }
    self.rule = rule
    self.kind = kind
    self.quantity = quantity
    pattern = try PathPattern(path.string ?? "")
    severity = json["severity"]?.string.flatMap(Finding.Severity.init) ?? .error
    list = json["listed"]?.string
    isNumbered = json["numbered"]?.boolean ?? false
    let common = Form(types: try Self.types(json, rule), shape: try Self.shape(json, rule))
    forms = try (json["forms"]?.array ?? [.object([:])]).map { form in
      Form(
        types: try Self.types(form, rule) ?? common.types,
        shape: try Self.shape(form, rule) ?? common.shape)
    }
    values = json["value"]?.string.map { [$0] } ?? json["enum"]?.array?.compactMap(\.string)
    expression = json["pattern"]?.string
    isUnique = json["unique"]?.boolean ?? false
    schema = json["schema"]?.string
  }

  private static func types(_ json: JSONValue, _ rule: String) throws -> [TypeName]? {
    guard let value = json["type"] else { return nil }
    return try (value.array ?? [value]).map { word in
      guard let type = word.string.flatMap(TypeName.init) else {
        throw LayoutError(item: rule, reason: "an unknown type")
      }
      return type
    }
  }

  private static func shape(_ json: JSONValue, _ rule: String) throws -> [Extent]? {
    guard let extents = json["shape"]?.array else { return nil }
    return try extents.map { extent in
      switch (extent.string, extent.integer.flatMap { Int(exactly: $0) }) {
      case ("...", _): return .more
      case ("*", _): return .any
      case (let name?, _): return .named(name)
      case (_, let number?): return .exactly(number)
      default: throw LayoutError(item: rule, reason: "an extent that is none")
      }
    }
  }
}
