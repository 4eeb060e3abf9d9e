internal import Checkpoints
internal import HDF5
internal import ModelCore

/// Holds a file to a layout.
struct LayoutCheck {
  let layout: Layout
  let file: HDF5File
  /// The objects, and the attributes as `path@name`, that some layout knows.
  private(set) var claimed: Set<String> = []
  private(set) var findings: Findings
  /// The objects that a pattern stands for in this file.
  private var instances: [String: [String]] = [:]
  private var dimensions = Dimensions()

  init(_ layout: Layout, _ file: HDF5File, claimed: Set<String>, findings: Findings) {
    self.layout = layout
    self.file = file
    self.claimed = claimed
    self.findings = findings
  }

  /// Whether a layout is meant for a file.
  static func applies(_ layout: Layout, to file: HDF5File) throws -> Bool {
    try layout.conditions.contains { condition in
      guard file.node(at: condition.object) != nil else { return false }
      guard let attribute = condition.attribute else { return true }
      return try file.object(at: condition.object).hasAttribute(attribute)
    }
  }

  mutating func run(_ checkInterruption: () throws -> Void) throws {
    for item in layout.items {
      try checkInterruption()
      if item.kind != .attribute { instances[item.pattern.object, default: []] += [] }
      if let name = item.pattern.attribute {
        for object in found(item.pattern.object) { try checkAttribute(name, of: object, item) }
      } else {
        for parent in found(item.pattern.parent) { try checkChildren(of: parent, item) }
      }
    }
  }

  /// What a pattern stands for: what its own item found, or the one object that it names.
  private func found(_ pattern: String) -> [String] {
    instances[pattern] ?? (file.node(at: pattern) == nil ? [] : [pattern])
  }

  // MARK: Objects

  private mutating func checkChildren(of parent: String, _ item: LayoutItem) throws {
    guard case .group = file.node(at: parent) else { return }
    var names = try candidates(in: parent, item)
    if item.quantity != .one { names = names.filter { isThere(parent, $0, item) } }
    for name in names {
      let path = HDF5File.path(parent, name)
      guard let node = file.node(at: path) else {
        fault(item, path, expected: "a \(item.kind.rawValue)", found: "nothing")
        continue
      }
      claim(path, upTo: parent)
      switch (node, item.kind) {
      case (.group, .group): instances[item.pattern.object, default: []].append(path)
      case (.dataset, .dataset):
        instances[item.pattern.object, default: []].append(path)
        try checkDataset(path, item)
      case (.group, _): fault(item, path, expected: "a dataset", found: "a group")
      case (.dataset, _): fault(item, path, expected: "a group", found: "a dataset")
      }
    }
  }

  /// The names that an item can be about, whether or not they are there.
  private func candidates(in parent: String, _ item: LayoutItem) throws -> [String] {
    let name = item.pattern.name
    guard name.hasPrefix("<") else { return [name] }
    if let list = item.list {
      return try strings(list, of: file.object(at: parent), isNumbered: true) ?? []
    }
    return name.hasSuffix("...>") ? groups(below: parent) : file.names(in: parent)
  }

  private func groups(below parent: String) -> [String] {
    var found: [String] = []
    var pending = file.names(in: parent)
    while !pending.isEmpty {
      let name = pending.removeFirst()
      let path = HDF5File.path(parent, name)
      guard case .group(let children) = file.node(at: path) else { continue }
      found.append(name)
      pending += children.map { name + "/" + $0 }
    }
    return found
  }

  /// Whether something optional is there; a placeholder leaves out what is known already.
  private func isThere(_ parent: String, _ name: String, _ item: LayoutItem) -> Bool {
    let path = HDF5File.path(parent, name)
    guard file.node(at: path) != nil else { return false }
    guard item.pattern.name.hasPrefix("<"), item.list == nil else { return true }
    return !claimed.contains(path)
  }

  /// Notes that a path is known, with the groups that lead to it from its parent.
  private mutating func claim(_ path: String, upTo parent: String) {
    claimed.insert(path)
    var group = path
    while let end = group.lastIndex(of: "/"), end > group.startIndex {
      group = String(group[..<end])
      guard group.count > parent.count else { break }
      claimed.insert(group)
    }
  }

  // MARK: Arrays

  private mutating func checkDataset(_ path: String, _ item: LayoutItem) throws {
    let dataset = try file.dataset(at: path)
    let group = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    let isWeight = item.forms.contains { $0.types?.contains(.weight) ?? false }
    let type =
      try isWeight ? ElementType(ofWeight: dataset) : ElementType(of: dataset)
    let isString = dataset.holdsStrings
    guard
      matches(
        item, path, scope: group.isEmpty ? "/" : group, type: type, isString: isString,
        shape: dataset.shape, described: dataset.type.description)
    else { return }
    guard isString, item.constrainsStrings, dataset.shape.count <= 1 else { return }
    try checkStrings(dataset.strings(), path, item)
  }

  private mutating func checkAttribute(
    _ name: String, of path: String, _ item: LayoutItem
  ) throws {
    let object = try file.object(at: path)
    let names = try attributeNames(name, of: object, isNumbered: item.isNumbered)
    if names.isEmpty, item.quantity == .one {
      fault(item, "\(path)@\(name)", expected: "an attribute", found: "nothing")
    }
    for name in names {
      let place = "\(path)@\(name)"
      claimed.insert(place)
      let (type, shape) = try object.attributeType(name)
      var number: ElementType?
      if case .number(let kind, _) = type { number = ElementType(rawValue: kind.rawValue) }
      guard
        matches(
          item, place, scope: path, type: number, isString: type.isString, shape: shape,
          described: type.description)
      else { continue }
      guard type.isString, item.constrainsStrings else { continue }
      try checkStrings(object.strings(attribute: name), place, item)
    }
  }

  private mutating func matches(
    _ item: LayoutItem, _ path: String, scope: String, type: ElementType?, isString: Bool,
    shape: [Int], described: String
  ) -> Bool {
    for form in item.forms {
      guard form.types?.contains(where: { $0.includes(type, isString: isString) }) ?? true else {
        continue
      }
      guard let extents = form.shape else { return true }
      // A space without any data has no extents to compare.
      if dimensions.match(shape, extents, in: scope) { return true }
    }
    let expected = item.forms.map { form in
      let types = form.types?.map(\.rawValue).joined(separator: " or ")
      return [types, form.shape.map { dimensions.text($0, in: scope) }]
        .compactMap { $0 }.joined(separator: " ")
    }
    fault(
      item, path, expected: expected.joined(separator: ", or "), found: "\(described) \(shape)")
    return false
  }

  // MARK: Strings

  private mutating func checkStrings(_ strings: [String], _ path: String, _ item: LayoutItem)
    throws
  {
    if item.isUnique, Set(strings).count < strings.count {
      fault(item, path, expected: "strings that differ", found: "one of them twice")
    }
    for (index, string) in strings.enumerated() {
      let place = strings.count > 1 ? "\(path)[\(index)]" : path
      if let values = item.values, !values.contains(string) {
        fault(
          item, place, expected: values.map { "'\($0)'" }.joined(separator: " or "),
          found: "\(Quoted(string))")
      }
      if let expression = item.expression, try string.firstMatch(of: Regex(expression)) == nil {
        fault(
          item, place, expected: "something like \(expression)", found: "\(Quoted(string))")
      }
      if let schema = item.schema { try checkDocument(string, place, item, schema) }
    }
  }

  private mutating func checkDocument(
    _ text: String, _ path: String, _ item: LayoutItem, _ name: String
  ) throws {
    guard let bytes = EmbeddedFiles.schemas[name] else {
      throw LayoutError(item: item.rule, reason: "there is no '\(name)'")
    }
    let schema = try DocumentSchema(JSONValue(parsing: bytes))
    do {
      for violation in try schema.violations(JSONValue(parsing: text)).prefix(3) {
        fault(item, path + violation.path, expected: violation.expected, found: violation.found)
      }
    } catch let error as JSONError {
      fault(item, path, expected: "JSON", found: error.description)
    }
  }

  /// The attribute, or the numbered parts of it.
  private func attributeNames(
    _ name: String, of object: HDF5Object, isNumbered: Bool
  ) throws -> [String] {
    if try object.hasAttribute(name) { return [name] }
    guard isNumbered else { return [] }
    var names: [String] = []
    while try object.hasAttribute(name + String(names.count)) {
      names.append(name + String(names.count))
    }
    return names
  }

  private func strings(
    _ name: String, of object: HDF5Object, isNumbered: Bool
  ) throws -> [String]? {
    let names = try attributeNames(name, of: object, isNumbered: isNumbered)
    return try names.filter { try object.attributeType($0).type.isString }
      .flatMap { try object.strings(attribute: $0) }
  }

  private mutating func fault(
    _ item: LayoutItem, _ path: String, expected: String, found: String
  ) {
    findings.add(
      Finding(
        rule: item.rule, severity: item.severity, path: path, expected: expected, found: found))
  }
}

extension LayoutItem {
  fileprivate var constrainsStrings: Bool {
    values != nil || expression != nil || isUnique || schema != nil
  }
}

extension LayoutItem.TypeName {
  fileprivate func includes(_ type: ElementType?, isString: Bool) -> Bool {
    guard let type else { return self == .string && isString }
    switch self {
    case .string: return false
    case .number, .weight: return true
    case .integer: return !type.isFloatingPoint && type != .bool
    case .float: return type.isFloatingPoint
    }
  }
}

extension HDF5Type {
  fileprivate var isString: Bool {
    switch self {
    case .variableString, .fixedString: true
    default: false
    }
  }
}

extension HDF5File {
  /// A group or a dataset.
  func object(at path: String) throws -> HDF5Object {
    if case .dataset = node(at: path) { return try dataset(at: path) }
    return try group(at: path)
  }
}
