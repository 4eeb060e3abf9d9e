internal import Checkpoints
internal import ModelCore

/// Which stored rows a deletion request means.
struct ForgetSelection {
  /// Ascending rows by split; only splits that lose something are here.
  private(set) var rows: [String: [Int]] = [:]
  /// Ids that no split of the file has.
  private(set) var unknown: [IdentifierList.Entry] = []
  /// Ids of records that the model was never trained on; they are deleted all the same.
  private(set) var outsideTraining: [IdentifierList.Entry] = []
  /// The ids of all records that go, in the order of the file.
  private(set) var identifiers: [SampleIdentifier] = []

  /// Finds what the list names, or where there is none, every record of the classes.
  init(
    _ list: IdentifierList?, orClasses classes: Set<Int32>, of training: String,
    in checkpoint: Checkpoint
  ) throws {
    guard let list else {
      try self.init(classes: classes, in: checkpoint)
      return
    }
    try self.init(list, in: checkpoint, training: training)
  }

  /// Finds the records that a list of ids names.
  ///
  /// - Parameter training: the name of the split that the model was trained on.
  init(_ list: IdentifierList, in checkpoint: Checkpoint, training: String) throws {
    var entries: [String: IdentifierList.Entry] = [:]
    for entry in list.entries { entries[entry.text] = entry }
    for split in checkpoint.splits {
      var found: [Int] = []
      try checkpoint.forEachIdentifier(of: split) { row, identifier in
        guard let entry = entries.removeValue(forKey: identifier.description) else { return }
        found.append(row)
        identifiers.append(identifier)
        if split.name != training { outsideTraining.append(entry) }
      }
      if !found.isEmpty { rows[split.name] = found }
    }
    unknown = entries.values.sorted { $0.line < $1.line }
    outsideTraining.sort { $0.line < $1.line }
  }

  /// Finds every record of some classes, in all splits.
  init(classes: Set<Int32>, in checkpoint: Checkpoint) throws {
    guard !classes.isEmpty else { return }
    for split in checkpoint.splits {
      let found = try checkpoint.rows(of: split, in: classes)
      guard !found.isEmpty else { continue }
      rows[split.name] = found
      let gone = Set(found)
      try checkpoint.forEachIdentifier(of: split) { row, identifier in
        if gone.contains(row) { identifiers.append(identifier) }
      }
    }
  }
}
