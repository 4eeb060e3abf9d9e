/// How the samples of two files differ, id by id.
public struct SampleDifference<Identifier: Hashable & Sendable>: Sendable {
  /// A sample that is in another split now.
  public struct Move: Hashable, Sendable {
    public let identifier: Identifier
    public let from: String
    public let to: String
  }

  /// One split of one or both files.
  public struct Split: Sendable {
    public let name: String
    /// How many samples it has in each file; nil where the file has no such split.
    public internal(set) var before: Int?
    public internal(set) var after: Int?
    /// Samples that the second file does not have at all.
    public internal(set) var removed: [Identifier] = []
    /// Samples that the first file does not have at all.
    public internal(set) var added: [Identifier] = []
    /// Samples whose input or target is another one.
    public internal(set) var changed: [Identifier] = []
    /// Samples that this split had in the first file and another one has in the second.
    public internal(set) var movedOut: [Move] = []
    /// Samples that this split has now and another one had in the first file.
    public internal(set) var movedIn: [Move] = []
    /// Whether samples that stayed follow each other in another order.
    public internal(set) var isReordered = false

    public var isEqual: Bool {
      before != nil && after != nil && removed.isEmpty && added.isEmpty && changed.isEmpty
        && movedOut.isEmpty && movedIn.isEmpty && !isReordered
    }
  }

  /// The first file's splits, then those that only the second has.
  public private(set) var splits: [Split]

  public init(
    from first: SampleInventory<Identifier>, to second: SampleInventory<Identifier>
  ) {
    let names = first.splits + second.splits.filter { !first.splits.contains($0) }
    splits = names.map { name in
      Split(
        name: name, before: first.splits.firstIndex(of: name).map { first.counts[$0] },
        after: second.splits.firstIndex(of: name).map { second.counts[$0] })
    }
    let positions = Dictionary(
      names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    for (name, identifiers) in zip(first.splits, first.order) {
      guard let position = positions[name] else { continue }
      for identifier in identifiers { leave(identifier, position, first, second) }
    }
    for (name, identifiers) in zip(second.splits, second.order) {
      guard let position = positions[name] else { continue }
      arrive(identifiers, position, first, second)
    }
  }

  private mutating func leave(
    _ identifier: Identifier, _ position: Int, _ first: SampleInventory<Identifier>,
    _ second: SampleInventory<Identifier>
  ) {
    guard let old = first.entries[identifier] else { return }
    guard let new = second.entries[identifier] else {
      splits[position].removed.append(identifier)
      return
    }
    if new.content != old.content { splits[position].changed.append(identifier) }
    let target = second.splits[new.split]
    if target != splits[position].name {
      splits[position].movedOut.append(
        Move(identifier: identifier, from: splits[position].name, to: target))
    }
  }

  private mutating func arrive(
    _ identifiers: [Identifier], _ position: Int, _ first: SampleInventory<Identifier>,
    _ second: SampleInventory<Identifier>
  ) {
    let name = splits[position].name
    var lastRow = -1
    for identifier in identifiers {
      guard let old = first.entries[identifier] else {
        splits[position].added.append(identifier)
        continue
      }
      let source = first.splits[old.split]
      guard source == name else {
        splits[position].movedIn.append(Move(identifier: identifier, from: source, to: name))
        continue
      }
      if old.row < lastRow { splits[position].isReordered = true }
      lastRow = old.row
    }
  }
}
