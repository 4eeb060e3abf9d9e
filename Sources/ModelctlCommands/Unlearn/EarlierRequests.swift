internal import Checkpoints
internal import ModelCore

/// What was forgotten before, as far as the file tells it and the operator still knows it.
struct EarlierRequests {
  /// The training rows of each list of ids, ascending: records that are still at hand.
  private(set) var rows: [[Int]] = []
  /// How many earlier unlearnings the file's provenance tells of.
  private let recorded: Int
  /// Whether one of them mixed the weights with fresh ones.
  let hasReset: Bool
  private var lists: [IdentifierList] = []
  private var isInteger: Bool
  private let commitments: Set<String>

  /// - Parameters:
  ///   - paths: a list of ids for each earlier request.
  ///   - model: whose provenance tells of them.
  ///   - data: where the samples are.
  init(
    _ paths: [String], of model: Checkpoint, in data: Checkpoint, training: StoredSplit
  ) throws {
    let records = model.provenance.filter { $0.operation == "unlearn" }
    recorded = records.count
    hasReset = records.contains {
      $0.details?["method"]?["findings"]?["softReset"] != nil
    }
    commitments = IdentifierLedger.commitments(in: records)
    isInteger = training.idKind == .integers
    for path in paths {
      let list = try IdentifierList(path: path)
      let wanted = Set(list.entries.map(\.text))
      var found: [Int] = []
      try data.forEachIdentifier(of: training) { row, identifier in
        if wanted.contains(identifier.description) { found.append(row) }
      }
      lists.append(list)
      if !found.isEmpty { rows.append(found) }
    }
  }

  /// Says on stderr what cannot be kept forgotten, and which ids the ledger does not know.
  func warnAboutLists(ledger: IdentifierLedger?) {
    if recorded > 0, rows.isEmpty {
      warn(
        "\(recorded) earlier unlearning\(recorded == 1 ? "" : "s") of this model cannot be replayed: "
          + "their records are not at hand (--forgotten-before), and some of them may be recognised "
          + "a little again")
    }
    guard let ledger, !commitments.isEmpty else { return }
    for list in lists {
      let strangers = list.entries.filter { entry in
        !commitments.contains(ledger.commitment(to: identifier(entry.text)))
      }
      guard !strangers.isEmpty else { continue }
      warn(
        "\(list.name) names \(strangers.count.grouped("id")) that the ledger does not know under this key: "
          + IdentifierList.quote(strangers))
    }
  }

  private func identifier(_ text: String) -> SampleIdentifier {
    guard isInteger, let number = Int64(text) else { return .string(text) }
    return .integer(number)
  }
}
