/// Which array of one file is which of another.
public struct NamePairing: Sendable {
  /// How the two of a pair were found to be the same array.
  public enum Reason: String, Hashable, Sendable {
    /// By their names, in one of the forms that are known to mean the same.
    case name
    /// The user said so.
    case map
    /// By their content: the array has been renamed.
    case content
  }

  public struct Pair: Hashable, Sendable {
    /// Positions in the two lists.
    public let first: Int
    public let second: Int
    public let reason: Reason
  }

  /// In the order of the first list.
  public private(set) var pairs: [Pair] = []
  /// Positions in the first list that have no counterpart.
  public var removed: [Int] { isPaired.first.indices.filter { !isPaired.first[$0] } }
  /// Positions in the second list that have no counterpart.
  public var added: [Int] { isPaired.second.indices.filter { !isPaired.second[$0] } }
  /// Entries of the map that name nothing in the first list, or nothing in the second.
  public private(set) var unusedMappings: [String] = []
  private var isPaired: (first: [Bool], second: [Bool])

  /// Pairs by the map, then by equal names, then by canonical and by short forms, where those
  /// name one array only in each file, then by place where one file only numbers a layer's arrays.
  ///
  /// - Parameter map: a name, or a layer, of the first list, and what it is in the second.
  public init(_ first: [String], _ second: [String], map: [(old: String, new: String)] = []) {
    isPaired = (first.map { _ in false }, second.map { _ in false })
    for (old, new) in map { apply(old, new, first, second) }
    pair(first, second, by: .name) { $0 }
    pair(first, second, by: .name) { NameForms($0).canonical }
    pair(first, second, by: .name) { NameForms($0).short }
    pairNumbered(first, second)
    pairs.sort { $0.first < $1.first }
  }

  /// Pairs what is left by content.
  ///
  /// Where several arrays are equal, as fresh biases are, they are taken in order.
  ///
  /// - Parameters:
  ///   - first: what identifies the content of each array of the first list; nil for none.
  ///   - second: the same for the second list.
  public mutating func pairByContent(
    _ first: (Int) throws -> String?, _ second: (Int) throws -> String?
  )
    rethrows
  {
    var waiting: [String: [Int]] = [:]
    for index in added {
      if let key = try second(index) { waiting[key, default: []].append(index) }
    }
    for index in removed {
      guard let key = try first(index), let other = waiting[key]?.first else { continue }
      waiting[key]?.removeFirst()
      add(index, other, .content)
    }
    pairs.sort { $0.first < $1.first }
  }

  private mutating func apply(_ old: String, _ new: String, _ first: [String], _ second: [String]) {
    var isUsed = false
    let open = Dictionary(grouping: added) { NameForms(second[$0]).canonical }
    for index in removed {
      guard let renamed = Self.rename(first[index], old, new),
        let other = open[NameForms(renamed).canonical]?.first(where: { !isPaired.second[$0] })
      else { continue }
      add(index, other, .map)
      isUsed = true
    }
    if !isUsed { unusedMappings.append("\(old)=\(new)") }
  }

  /// The name after a mapping of the whole of it, or of the layers that it starts with.
  private static func rename(_ name: String, _ old: String, _ new: String) -> String? {
    for form in [name, NameForms(name).canonical] {
      if form == old { return new }
      if form.hasPrefix(old + "/") { return new + form.dropFirst(old.count) }
    }
    return nil
  }

  private mutating func pair(
    _ first: [String], _ second: [String], by reason: Reason, _ form: (String) -> String
  ) {
    let left = Dictionary(grouping: removed) { form(first[$0]) }
    let right = Dictionary(grouping: added) { form(second[$0]) }
    for index in removed {
      let key = form(first[index])
      guard left[key]?.count == 1, let others = right[key], others.count == 1 else { continue }
      add(index, others[0], reason)
    }
  }

  /// Keras 3 numbers the variables of a class that it does not know, in the order in which an
  /// `.h5` lists their names.
  private mutating func pairNumbered(_ first: [String], _ second: [String]) {
    let left = Dictionary(grouping: removed) { NameForms(first[$0]).owner }
    let right = Dictionary(grouping: added) { NameForms(second[$0]).owner }
    for (owner, own) in left {
      guard !owner.isEmpty, let others = right[owner], own.count == others.count else { continue }
      let numbers = own.indices.map(String.init)
      let isNumbered = [
        own.map { NameForms(first[$0]).role }, others.map { NameForms(second[$0]).role },
      ]
      .contains(numbers)
      guard isNumbered else { continue }
      for (index, other) in zip(own, others) { add(index, other, .name) }
    }
  }

  private mutating func add(_ first: Int, _ second: Int, _ reason: Reason) {
    pairs.append(Pair(first: first, second: second, reason: reason))
    isPaired.first[first] = true
    isPaired.second[second] = true
  }
}
