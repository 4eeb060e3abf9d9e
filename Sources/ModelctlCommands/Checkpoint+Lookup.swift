internal import Checkpoints
internal import Conversion
internal import ModelCore

/// How the commands find their way in a checkpoint.
extension Checkpoint {
  /// How many rows are looked at together where a split is read through.
  private static let blockSize = 16_384

  /// The split of that name, or the only one with that role.
  ///
  /// - Throws: `CommandError` when there is none, or more than one to choose from.
  func split(named name: String?, role: SplitRole) throws -> StoredSplit {
    if let name {
      guard let split = splits.first(where: { $0.name == name }) else {
        throw CommandError(
          .badInput, "\(path.quoted) has no split \(name.quoted); \(splitList)")
      }
      return split
    }
    let found = splits(role)
    guard let split = found.first, found.count == 1 else {
      let problem =
        found.isEmpty
        ? "no split with the role '\(role.rawValue)'"
        : "\(found.count) splits with the role '\(role.rawValue)'"
      throw CommandError(
        .badInput, "\(path.quoted) has \(problem); \(splitList). \(Self.remedy(role))")
    }
    return split
  }

  private var splitList: String {
    guard !splits.isEmpty else { return "it holds no splits at all" }
    let names = splits.map { "\($0.name.quoted) (\($0.role.rawValue))" }
    return "it has " + names.joined(separator: ", ")
  }

  private static func remedy(_ role: SplitRole) -> String {
    role == .unseen
      ? "Unlearning compares with data that the model has never seen: name a split with --unseen, "
        + "or cut one with 'modelctl import --unseen'"
      : "'modelctl import' makes a checkpoint with splits"
  }

  /// - Throws: `CommandError` for a layer that Keras was told not to train.
  func requireTrainableLayers() throws {
    let architecture = try requireArchitecture()
    let holders = Set(storedWeights.map(\.layer))
    guard
      let frozen = architecture.layers.first(where: {
        !$0.isTrainable && holders.contains($0.name)
      })
    else { return }
    throw CommandError(
      .badInput,
      "\(path.quoted): layer \(frozen.name.quoted) (\(frozen.kind.className)) is frozen "
        + "(trainable: false); modelctl trains whole networks only")
  }

  /// Calls `body` with each row of a split and its id.
  func forEachIdentifier(
    of split: StoredSplit, _ body: (Int, SampleIdentifier) throws -> Void
  ) throws {
    for start in stride(from: 0, to: split.layout.count, by: Self.blockSize) {
      try Interruption.check()
      let rows = start..<min(start + Self.blockSize, split.layout.count)
      for (row, identifier) in zip(rows, try identifiers(of: split, rows: rows)) {
        try body(row, identifier)
      }
    }
  }

  /// The rows of a split that belong to some classes, ascending.
  func rows(of split: StoredSplit, in classes: Set<Int32>) throws -> [Int] {
    let source = try samples(of: split)
    var found: [Int] = []
    for start in stride(from: 0, to: split.layout.count, by: Self.blockSize) {
      try Interruption.check()
      let rows = start..<min(start + Self.blockSize, split.layout.count)
      guard case .classes(let labels) = try source.readTargets(rows) else {
        throw CommandError(
          .badInput,
          "\(path.quoted): split \(split.name.quoted) has soft targets, so no sample belongs to one "
            + "class; name ids with --forget")
      }
      for (row, label) in zip(rows, labels) where classes.contains(label) { found.append(row) }
    }
    return found
  }

  /// A class by its name in the file, or by its index.
  func classIndex(named name: String, classCount: Int) throws -> Int {
    if let index = classNames?.firstIndex(of: name) { return index }
    if let index = Int(name), (0..<classCount).contains(index) { return index }
    let known = classNames.map { $0.map(\.quoted).joined(separator: ", ") }
    throw CommandError(
      .badInput,
      "\(path.quoted) has no class \(name.quoted); it tells "
        + (known ?? "classes 0 to \(classCount - 1)") + " apart")
  }

  /// All ids of a split, as an export stores them.
  func sampleIdentifiers(of split: StoredSplit) throws -> SampleIdentifiers {
    var integers: [Int64] = []
    var strings: [String] = []
    try forEachIdentifier(of: split) { _, identifier in
      switch identifier {
      case .integer(let value): integers.append(value)
      case .string(let value): strings.append(value)
      }
    }
    return split.idKind == .integers ? .integers(integers) : .strings(strings)
  }
}
