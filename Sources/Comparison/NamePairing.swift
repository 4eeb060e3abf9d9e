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

  /// What is known of an array before its content.
  public struct Label: Hashable, Sendable {
    public let name: String
    /// Where the network has it: the layers on the way and what it is to the last of them; nil
    /// where nothing says so.
    public let place: [String]?
    /// What its layer's class calls it elsewhere.
    public let otherName: String?
    /// Where the file has it, which tells arrays of one name apart.
    public let location: String?

    public init(
      _ name: String, place: [String]? = nil, otherName: String? = nil, location: String? = nil
    ) {
      (self.name, self.place) = (name, place)
      (self.otherName, self.location) = (otherName, location)
    }
  }

  /// Pairs arrays of which nothing but the name is known.
  public init(_ first: [String], _ second: [String], map: [(old: String, new: String)] = []) {
    self.init(first.map { Label($0) }, second.map { Label($0) }, map: map)
  }

  /// Pairs by the map, then by place in the network, then by equal names, by canonical and by short
  /// forms of the names and of the conventional ones, where those name one array only in each file,
  /// then by position where one file only numbers a layer's arrays.
  ///
  /// A short form leaves layers out, so it tells nothing of two arrays whose places are known.
  ///
  /// - Parameter map: a name, or a layer, of the first list, and what it is in the second.
  public init(_ first: [Label], _ second: [Label], map: [(old: String, new: String)] = []) {
    isPaired = (first.map { _ in false }, second.map { _ in false })
    let names = (first.map(\.name), second.map(\.name))
    for (old, new) in map { apply(old, new, names.0, names.1) }
    pair(first, second, { $0.place }, { $0.place })
    pair(first, second, { $0.named }, { $0.named })
    pair(first, second, { $0.name }, { $0.name })
    pair(first, second, { $0.canonical }, { $0.canonical })
    for forms in [
      (\Label.short, \Label.short), (\.short, \.placeShort), (\.placeShort, \.short),
      (\.short, \.otherShort), (\.otherShort, \.short),
    ] as [(KeyPath<Label, String?>, KeyPath<Label, String?>)] {
      pair(first, second, { $0[keyPath: forms.0] }, { $0[keyPath: forms.1] }, places: false)
    }
    pairNumbered(names.0, names.1)
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

  /// Pairs what has one form in both lists and shares it with nothing else.
  ///
  /// - Parameter places: whether the form also tells something of two arrays with known places.
  private mutating func pair<Key: Hashable>(
    _ first: [Label], _ second: [Label], _ form: (Label) -> Key?, _ otherForm: (Label) -> Key?,
    places: Bool = true
  ) {
    let left = Dictionary(grouping: removed) { form(first[$0]) }
    let right = Dictionary(grouping: added) { otherForm(second[$0]) }
    for index in removed {
      let key = form(first[index])
      guard key != nil, left[key]?.count == 1, let others = right[key], others.count == 1 else {
        continue
      }
      let isPlaced = first[index].place != nil && second[others[0]].place != nil
      if places || !isPlaced { add(index, others[0], .name) }
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

extension NamePairing.Label {
  fileprivate var named: [String]? { location.map { [name, $0] } }
  fileprivate var canonical: String { NameForms(name).canonical }
  fileprivate var short: String? { NameForms(name).short }
  fileprivate var placeShort: String? {
    place.map { NameForms($0.joined(separator: "/")).short }
  }
  fileprivate var otherShort: String? { otherName.map { NameForms($0).short } }
}
