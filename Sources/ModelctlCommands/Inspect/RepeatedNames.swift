/// Rows that are alike but for the numbers in their names, shown as one: `conv2d_#` x 12.
struct RepeatedNames<Row> {
  struct Group {
    /// The first of the rows.
    let row: Row
    /// Its name, or the pattern that all names share.
    let name: String
    var count: Int
  }

  /// From this many rows on, one line tells more than all of them.
  static var least: Int { 3 }

  /// In the order of each group's first row.
  let groups: [Group]

  /// - Parameters:
  ///   - alike: what rows must have in common beside the pattern of their names.
  init<Alike: Hashable>(_ rows: [Row], name: (Row) -> String, alike: (Row) -> Alike) {
    let patterns = rows.map { RepeatedName.pattern(name($0)) }
    let known = Set(patterns)
    let keys = zip(rows, patterns).map { row, pattern in
      // The first of several layers carries no number: `conv2d`, `conv2d_1`, `conv2d_2`.
      let numbered = RepeatedName.numbered(pattern)
      return Key(pattern: known.contains(numbered) ? numbered : pattern, alike: alike(row))
    }
    let counts = Dictionary(keys.map { ($0, 1) }, uniquingKeysWith: +)
    var positions: [Key<Alike>: Int] = [:]
    var groups: [Group] = []
    for (row, key) in zip(rows, keys) {
      let count = counts[key] ?? 1
      if count < Self.least {
        groups.append(Group(row: row, name: name(row), count: 1))
      } else if positions[key] == nil {
        positions[key] = groups.count
        groups.append(Group(row: row, name: key.pattern, count: count))
      }
    }
    self.groups = groups
  }

  private struct Key<Alike: Hashable>: Hashable {
    let pattern: String
    let alike: Alike
  }
}

private enum RepeatedName {
  /// The name with `#` for every number that ends a word: `block1_conv2` is `block#_conv#`, and
  /// `conv2d` stays what it is.
  static func pattern(_ name: String) -> String {
    var result = ""
    var rest = name[...]
    while let start = rest.firstIndex(where: isDigit) {
      let end = rest[start...].firstIndex { !isDigit($0) } ?? rest.endIndex
      let endsWord = end == rest.endIndex || "_-./:".contains(rest[end])
      result += rest[..<start] + (endsWord ? "#" : rest[start..<end])
      rest = rest[end...]
    }
    return result + rest
  }

  /// The pattern of the layer that comes after one without a number.
  static func numbered(_ pattern: String) -> String {
    guard let slash = pattern.lastIndex(of: "/") else { return pattern + "_#" }
    return pattern[..<slash] + "_#" + pattern[slash...]
  }

  private static func isDigit(_ character: Character) -> Bool {
    character.isASCII && character.isNumber
  }
}
