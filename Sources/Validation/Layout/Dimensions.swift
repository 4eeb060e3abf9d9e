internal import HDF5

/// Named extents: one name is one number in the group where it was first met, and below it.
struct Dimensions {
  private var bound: [String: [String: Int]] = [:]

  /// What a name stands for as seen from a group.
  private func value(_ name: String, in group: String) -> Int? {
    var group = group
    while true {
      if let value = bound[group]?[name] { return value }
      guard group != "/" else { return nil }
      let end = group.lastIndex(of: "/") ?? group.startIndex
      group = end == group.startIndex ? "/" : String(group[..<end])
    }
  }

  /// Compares extents with a form; names that are new are bound when everything fits.
  mutating func match(_ shape: [Int], _ form: [LayoutItem.Extent], in group: String) -> Bool {
    let fixed = form.count { $0 != .more }
    guard shape.count == fixed || (shape.count > fixed && fixed < form.count) else { return false }
    var fresh: [String: Int] = [:]
    var position = 0
    for extent in form {
      switch extent {
      case .more: position += shape.count - fixed
      case .any: position += 1
      case .exactly(let number):
        guard shape[position] == number else { return false }
        position += 1
      case .named(let name):
        let known = fresh[name] ?? value(name, in: group)
        guard known == nil || known == shape[position] else { return false }
        fresh[name] = shape[position]
        position += 1
      }
    }
    for (name, number) in fresh where value(name, in: group) == nil {
      bound[group, default: [:]][name] = number
    }
    return true
  }

  /// A form in words, with the numbers that are known: `[N = 60, ...]`.
  func text(_ form: [LayoutItem.Extent], in group: String) -> String {
    let words = form.map { extent in
      switch extent {
      case .more: return "..."
      case .any: return "*"
      case .exactly(let number): return "\(number)"
      case .named(let name): return value(name, in: group).map { "\(name) = \($0)" } ?? name
      }
    }
    return "[" + words.joined(separator: ", ") + "]"
  }
}
