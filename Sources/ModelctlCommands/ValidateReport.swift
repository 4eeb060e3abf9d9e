internal import HDF5
internal import ModelCore
internal import Validation

/// What is wrong with a file, for people and for programs.
///
/// - SeeAlso: `Schemas/report/validate-1.schema.json`.
struct ValidateReport: Encodable {
  struct Row: Encodable {
    let rule: String
    let severity: String
    let path: String
    let expected: String
    let found: String
  }

  struct Storage: Encodable {
    let bytes: Int
    /// What no structure of the file leads to, and how much of that is not zero.
    let unusedBytes: Int
    let unusedBytesNotZero: Int
    /// Stored strings that nothing refers to; absent when that cannot be told.
    let deletedStrings: Int?
  }

  struct Erasure: Encodable {
    let ids: Int
    let idsSearchedEverywhere: Int
    let idsTooShortToSearch: Int
    let storedBytesSearched: Int
    let unpackedBytesSearched: Int
    let recordsCompared: Int
    let recordsInOriginal: Int?
    let recordsTooPlainToSearch: Int
    let chunksInOriginal: Int
  }

  let schema = "modelctl/validate/1"
  let file: String
  /// The layouts that the file was judged by.
  let layouts: [String]
  let valid: Bool
  let errors: Int
  let warnings: Int
  let notes: Int
  /// Of each rule, the first ones.
  let findings: [Row]
  /// How many findings there were of each rule.
  let findingsByRule: [String: Int]
  /// Which rules could not be checked, and why.
  let unchecked: String?
  let storage: Storage
  let erasure: Erasure?

  init(_ result: Validation.Result, shown: [Finding]) {
    file = result.path
    layouts = result.layouts
    valid = !result.findings.hasErrors
    errors = result.findings.count(.error)
    warnings = result.findings.count(.warning)
    notes = result.findings.count(.note)
    findings = shown.map(Row.init)
    findingsByRule = result.findings.counts
    unchecked = result.unchecked
    storage = Storage(result.storage)
    erasure = result.erasure.map(Erasure.init)
  }
}

extension ValidateReport.Row {
  init(_ finding: Finding) {
    self.init(
      rule: finding.rule, severity: finding.severity.rawValue, path: finding.path,
      expected: finding.expected, found: finding.found)
  }
}

extension ValidateReport.Storage {
  init(_ map: StorageMap) {
    let strings = map.strings
    self.init(
      bytes: map.fileByteCount, unusedBytes: map.unusedByteCount,
      unusedBytesNotZero: map.unusedByteCountNotZero,
      deletedStrings: strings.allAreLive.map { isClean in
        isClean ? 0 : max(1, strings.storedCount - strings.liveCount)
      })
  }
}

extension ValidateReport.Erasure {
  init(_ summary: ErasureSearch.Summary) {
    self.init(
      ids: summary.identifierCount, idsSearchedEverywhere: summary.specificIdentifierCount,
      idsTooShortToSearch: summary.unspecificIdentifierCount,
      storedBytesSearched: summary.searchedFileByteCount,
      unpackedBytesSearched: summary.searchedUnpackedByteCount,
      recordsCompared: summary.comparedRowCount, recordsInOriginal: summary.originalRowCount,
      recordsTooPlainToSearch: summary.trivialRowCount,
      chunksInOriginal: summary.originalChunkCount)
  }
}

extension ValidateReport: CustomStringConvertible {
  var description: String {
    var lines = ["\(file.quoted): judged as \(layouts.joined(separator: ", "))"]
    for finding in findings {
      lines.append("")
      lines.append("\(finding.severity) \(finding.rule) at \(finding.path.unquoted)")
      lines.append("  expected \(finding.expected.unquoted)")
      lines.append("  found    \(finding.found.unquoted)")
    }
    if !findings.isEmpty { lines.append("") }
    lines += hidden
    if let unchecked { lines.append("not checked: \(unchecked.unquoted)") }
    lines.append(storageText)
    if let erasure { lines += erasureText(erasure) }
    lines.append(verdict)
    return lines.joined(separator: "\n")
  }

  private var hidden: [String] {
    var shown: [String: Int] = [:]
    for finding in findings { shown[finding.rule, default: 0] += 1 }
    return findingsByRule.sorted { $0.key < $1.key }.compactMap { rule, count in
      let more = count - (shown[rule] ?? 0)
      return more > 0 ? "\(more.grouped) more of \(rule) not shown" : nil
    }
  }

  private var storageText: String {
    let unused =
      storage.unusedBytes == 0
      ? "every byte is in use"
      : "\(storage.unusedBytes.grouped) unused, \(storage.unusedBytesNotZero.grouped) of them not zero"
    return "\(storage.bytes.grouped) bytes, \(unused)"
  }

  private func erasureText(_ erasure: Erasure) -> [String] {
    var lines = [
      "searched for \(erasure.ids.grouped("id")) in all splits, and for "
        + "\(erasure.idsSearchedEverywhere.grouped) of them in "
        + "\(erasure.storedBytesSearched.grouped) stored and "
        + "\(erasure.unpackedBytesSearched.grouped) unpacked bytes"
    ]
    if erasure.idsTooShortToSearch > 0 {
      lines.append(
        "too short to be searched for outside the splits: "
          + erasure.idsTooShortToSearch.grouped("id"))
    }
    guard let rows = erasure.recordsInOriginal else {
      lines.append("what the records held was not searched for: give --original for that")
      return lines
    }
    lines.append(
      "searched for \(rows.grouped) records and \(erasure.chunksInOriginal.grouped) chunks of the "
        + "original, and compared \(erasure.recordsCompared.grouped) records with them")
    if erasure.recordsTooPlainToSearch > 0 {
      lines.append(
        "\(erasure.recordsTooPlainToSearch.grouped) records are one value throughout, or a few "
          + "bytes, and were not searched for")
    }
    return lines
  }

  private var verdict: String {
    let counts = [
      errors.grouped("error"), warnings.grouped("warning"), notes.grouped("note"),
    ]
    let word = erasure == nil ? (valid ? "valid" : "invalid") : (valid ? "clean" : "not clean")
    return "\(word): \(counts.joined(separator: ", "))"
  }
}
