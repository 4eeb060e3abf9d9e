internal import Checkpoints
internal import HDF5
internal import ModelCore

/// Looks for traces of records that are said to be gone.
///
/// A search that finds nothing shows that no trace of the kinds in the summary is there. It
/// cannot show what the weights remember; that is what `unlearn`'s report and audits are for.
public struct ErasureSearch {
  /// What was searched, so that nobody takes the answer for more than it is.
  public struct Summary: Hashable, Sendable {
    public internal(set) var identifierCount = 0
    /// The ids that were also looked for outside of the splits.
    public internal(set) var specificIdentifierCount = 0
    /// The ids that are so short that any text has them.
    public internal(set) var unspecificIdentifierCount = 0
    public internal(set) var searchedFileByteCount = 0
    /// Of datasets that are packed in the file.
    public internal(set) var searchedUnpackedByteCount = 0
    public internal(set) var comparedRowCount = 0
    /// Forgotten records that the original has; nil without an original.
    public internal(set) var originalRowCount: Int?
    /// Records of one value throughout, or of few bytes, which were not looked for.
    public internal(set) var trivialRowCount = 0
    public internal(set) var originalChunkCount = 0
  }

  let file: HDF5File
  let checkpoint: Checkpoint?
  let map: StorageMap
  let identifiers: [String]
  let original: String?
  let checkInterruption: () throws -> Void

  func run(_ findings: inout Findings) throws -> Summary {
    var summary = Summary()
    let wanted = Set(identifiers)
    summary.identifierCount = wanted.count
    let left = try findIdentifiers(wanted, &findings)
    try checkTrainingState(&findings)
    let records = try original.map { path in
      try ForgottenRecords(wanted, in: Checkpoint(reading: path), checkInterruption)
    }
    if let records { try describe(records, &summary, &findings) }
    let texts = wanted.filter(Self.isSpecific)
    summary.specificIdentifierCount = texts.count
    summary.unspecificIdentifierCount = wanted.count - texts.count
    var search = TraceSearch(
      file: file, map: map, texts: texts.subtracting(left).sorted(), records: records,
      checkInterruption: checkInterruption)
    try search.run(&findings)
    summary.searchedFileByteCount = search.fileByteCount
    summary.searchedUnpackedByteCount = search.unpackedByteCount
    if let records {
      summary.comparedRowCount = try compareRows(records, &findings)
    }
    return summary
  }

  /// Whether finding an id somewhere means something: short numbers are everywhere.
  static func isSpecific(_ identifier: String) -> Bool {
    let count = identifier.utf8.count
    let isNumber = identifier.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2D }
    return isNumber ? count >= 9 : count >= 6
  }

  /// - Returns: the ids that some split still has.
  private func findIdentifiers(
    _ wanted: Set<String>, _ findings: inout Findings
  ) throws -> Set<String> {
    var left: Set<String> = []
    try checkpoint?.forEachIdentifier(checkInterruption) { split, row, identifier in
      let text = identifier.description
      guard wanted.contains(text) else { return }
      left.insert(text)
      findings.add(
        .forgottenIdentifier, at: "\(split.path)/id[\(row)]", expected: "no forgotten id",
        found: "\(Quoted(text))")
    }
    return left
  }

  private func checkTrainingState(_ findings: inout Findings) throws {
    guard let checkpoint else { return }
    for path in checkpoint.optimizerStates {
      findings.add(
        .optimizerState, at: path, expected: "nothing", found: "an optimizer's state")
    }
    for path in try checkpoint.metricsWithTraces(checkInterruption) {
      findings.add(.optimizerState, at: path, expected: "zeros", found: "a metric's sums")
    }
  }

  private func describe(
    _ records: ForgottenRecords, _ summary: inout Summary, _ findings: inout Findings
  ) throws {
    summary.originalRowCount = records.rowCount
    summary.trivialRowCount = records.trivialRowCount
    summary.originalChunkCount = records.chunkCount
    for identifier in records.missing.sorted() {
      findings.add(
        .notInOriginal, at: "the list of ids", expected: "an id of the original",
        found: "\(Quoted(identifier)), whose content is therefore not known")
    }
  }

  /// Compares every record of the file with the forgotten ones.
  private func compareRows(
    _ records: ForgottenRecords, _ findings: inout Findings
  ) throws -> Int {
    var count = 0
    for split in checkpoint?.splits ?? [] {
      let dataset = try file.dataset(at: split.path + "/x")
      let rowBytes = try dataset.byteCount(rows: 1)
      let type = dataset.type.description
      try dataset.forEachBlock { rows, bytes in
        try checkInterruption()
        count += rows.count
        for (index, row) in rows.enumerated() {
          let part = UnsafeRawBufferPointer(
            rebasing: bytes[index * rowBytes..<(index + 1) * rowBytes])
          guard let source = records.rowHashes[.init(part, type: type)] else { continue }
          findings.add(
            .sameContent, at: "\(dataset.path)[\(row)]", expected: "another record",
            found: "the same values as a forgotten record of \(source)")
        }
      }
    }
    return count
  }
}
