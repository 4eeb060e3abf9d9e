internal import Checkpoints
internal import HDF5

/// The rules about the bytes of the file.
struct StorageRules {
  let file: HDF5File
  let map: StorageMap
  /// Other writers leave bytes of what was deleted as a matter of course; a modelctl checkpoint
  /// promises not to.
  let isOurs: Bool
  /// Whether traces of something are being looked for.
  let mustBeClean: Bool
  /// The datasets whose chunks are known to hold nothing but their elements.
  let exactDatasets: Set<String>
  let checkInterruption: () throws -> Void

  private var severity: Finding.Severity { isOurs || mustBeClean ? .error : .note }

  func run(_ findings: inout Findings) throws {
    // Where a structure could not be followed, what it leads to only looks unused.
    if map.unusedByteCountNotZero > 0, map.problems.isEmpty {
      findings.add(
        .unusedBytes, at: place, expected: "no unused bytes, or zeros",
        found: "\(map.unusedByteCount) unused bytes, \(amount) of them not zero", severity: severity
      )
    }
    try checkChunks(&findings)
    checkStrings(&findings)
    if map.sharedByteCount > 0 {
      findings.add(
        .sharedBytes, at: "/", expected: "bytes that belong to one object",
        found: "\(map.sharedByteCount) bytes that belong to two")
    }
    for problem in map.problems {
      findings.add(
        .unreadableStructure, at: problem.object, expected: "a structure that can be followed",
        found: "\(problem.reason), so \(map.unusedByteCount) bytes may be in use or not",
        severity: mustBeClean ? .error : nil)
    }
  }

  /// Looks behind the ends of packed streams, where no reader looks.
  private func checkChunks(_ findings: inout Findings) throws {
    for path in file.paths.sorted() where !exactDatasets.contains(path) {
      guard case .dataset(let description) = file.node(at: path) else { continue }
      let dataset = try file.dataset(at: path)
      guard let account = ChunkAccount(of: dataset) else { continue }
      var inexact = 0
      for row in stride(
        from: 0, to: dataset.rowCount, by: max(1, description.rowsPerChunk))
      {
        try checkInterruption()
        try dataset.forEachStoredChunk(ofRow: row) { if !account.isExact($0) { inexact += 1 } }
      }
      guard inexact > 0 else { continue }
      findings.add(
        .unusedBytes, at: path, expected: "chunks that end where their elements do",
        found: "\(inexact) that hold something else too, or are damaged", severity: severity)
    }
  }

  private func checkStrings(_ findings: inout Findings) {
    let strings = map.strings
    if strings.allAreLive == false {
      let count = max(0, strings.storedCount - strings.liveCount)
      let bytes = max(0, strings.storedByteCount - strings.liveByteCount)
      findings.add(
        .deletedStrings, at: "heaps of strings",
        expected: "\(strings.liveCount) strings of \(strings.liveByteCount) bytes",
        found: "\(count) strings more, of \(bytes) bytes, that nothing refers to",
        severity: severity)
    }
    if strings.remnantByteCount > 0 {
      findings.add(
        .deletedStrings, at: "heaps of strings", expected: "zeros behind the last string",
        found: "\(strings.remnantByteCount) bytes of something", severity: severity)
    }
  }

  private var amount: String {
    map.unlocatedByteCount == 0
      ? "\(map.unusedByteCountNotZero)" : "at most \(map.unusedByteCountNotZero)"
  }

  /// Where to look, for those who want to see what it is.
  private var place: String {
    let places = map.remnants.prefix(3).map { "\($0.lowerBound)..<\($0.upperBound)" }
    return "bytes " + places.joined(separator: ", ") + (map.remnants.count > 3 ? ", ..." : "")
  }
}
