internal import Checkpoints
internal import ModelCore

/// The rules about what a checkpoint says of itself.
struct CheckpointRules {
  let checkpoint: Checkpoint
  let checkInterruption: () throws -> Void
  var findings: Findings
  /// The datasets in whose chunks every byte was seen to serve an element.
  private(set) var exactDatasets: Set<String> = []

  init(
    checkpoint: Checkpoint, checkInterruption: @escaping () throws -> Void, findings: Findings
  ) {
    self.checkpoint = checkpoint
    self.checkInterruption = checkInterruption
    self.findings = findings
  }

  mutating func run() throws {
    checkConfiguration()
    try checkWeights()
    try checkDigests()
    checkProvenance()
    for split in checkpoint.splits { try checkTargets(of: split) }
    try IdentifierRule(checkpoint: checkpoint, checkInterruption: checkInterruption)
      .run(&findings)
  }

  // MARK: Model

  private mutating func checkConfiguration() {
    guard let problem = checkpoint.configurationProblem else { return }
    var severity = Finding.Severity.warning
    // A model of a class of somebody's own is none of our business; text that is no JSON is.
    if case .json = problem { severity = .error }
    findings.add(
      .configuration, at: "/@model_config", expected: "a Sequential or Functional model",
      found: problem.description, severity: severity)
  }

  private mutating func checkWeights() throws {
    for weight in checkpoint.storedWeights {
      try checkInterruption()
      let bad = try checkpoint.tensor(weight).floats.count { !$0.isFinite }
      guard bad > 0 else { continue }
      findings.add(
        .finiteWeights, at: weight.path, expected: "finite numbers",
        found: "\(bad) of \(weight.shape.elementCount) are NaN or infinite")
    }
    guard checkpoint.architecture != nil else { return }
    do { _ = try checkpoint.parameters() } catch let error as CheckpointError {
      switch error.problem {
      case .missingWeight(let name, let shape):
        mismatch(name.description, expected: "the shape \(shape)", found: "nothing")
      case .weightShape(let name, let expected, let found):
        mismatch(name.description, expected: "the shape \(expected)", found: "\(found)")
      // Keras adds these to layers that it adapts; the engine runs no such layer.
      case .unexpectedWeight(let name) where name.contains("/lora_"): break
      case .unexpectedWeight(let name):
        mismatch(name, expected: "a weight of the architecture", found: "another one")
      case .ambiguousWeight(let name):
        mismatch(name.description, expected: "one weight", found: "two")
      // A layer that the engine cannot run is nothing that is wrong with the file.
      default: break
      }
    }
  }

  private mutating func mismatch(_ name: String, expected: String, found: String) {
    findings.add(.weights, at: "weight \(name)", expected: expected, found: found)
  }

  // MARK: Digests

  private mutating func checkDigests() throws {
    guard checkpoint.manifest != nil || checkpoint.contentDigest != nil else { return }
    let survey = try checkpoint.survey(checkInterruption: checkInterruption)
    exactDatasets = survey.exactDatasets
    if let stored = checkpoint.manifest { compare(stored, survey.manifest) }
    checkContentDigest(checkpoint.manifest ?? survey.manifest)
  }

  private mutating func checkContentDigest(_ manifest: Manifest) {
    guard let digest = checkpoint.contentDigest, digest != manifest.contentDigest else { return }
    findings.add(
      .contentDigest, at: "/modelctl@content-digest", expected: manifest.contentDigest,
      found: digest)
  }

  private mutating func compare(_ stored: Manifest, _ computed: Manifest) {
    let told = Dictionary(stored.entries.map { ($0.path, $0) }) { first, _ in first }
    let real = Dictionary(computed.entries.map { ($0.path, $0) }) { first, _ in first }
    for path in computed.differences(from: stored) {
      findings.add(
        .manifest, at: "/" + path,
        expected: told[path].map { text($0, against: real[path]) } ?? "to be in the manifest",
        found: real[path].map { text($0, against: told[path]) } ?? "nothing")
    }
  }

  /// An entry, with its hash only where nothing else tells it from the other one.
  private func text(_ entry: Manifest.Entry, against other: Manifest.Entry?) -> String {
    let size = "\(entry.type) \(entry.shape)"
    let isSameSize = other.map { $0.type == entry.type && $0.shape == entry.shape } ?? false
    return isSameSize ? "\(size) with the sha256 \(entry.sha256)" : size
  }

  // MARK: Provenance

  private mutating func checkProvenance() {
    let path = "/modelctl/provenance"
    let records = checkpoint.provenance
    if let index = ProvenanceRecord.firstBreak(in: records) {
      let before = index > 0 ? records[index - 1].digest : "null"
      findings.add(
        .provenanceChain, at: "\(path)[\(index)]",
        expected: "index \(index) and previous \(before)",
        found: "index \(records[index].json["index"]?.text ?? "none") and previous "
          + (records[index].previous ?? "null"))
    }
    if let last = records.last?.contentAfter, let digest = checkpoint.contentDigest,
      last != digest
    {
      findings.add(
        .lastRecord, at: "\(path)[\(records.count - 1)]", expected: "contentAfter \(digest)",
        found: last)
    }
    for path in checkpoint.optimizerStates
    where records.contains(where: { $0.operation == "unlearn" }) {
      findings.add(
        .optimizerAfterUnlearning, at: path,
        expected: "nothing",
        found: "the optimizer's state, and a record of unlearning")
    }
  }

  // MARK: Splits

  private mutating func checkTargets(of split: StoredSplit) throws {
    let source = try checkpoint.samples(of: split)
    for start in stride(from: 0, to: split.layout.count, by: 65_536) {
      try checkInterruption()
      let rows = start..<min(start + 65_536, split.layout.count)
      do { _ = try source.readTargets(rows) } catch let error as CheckpointError {
        switch error.problem {
        case .classOutOfRange(_, let row, let count):
          findings.add(
            .targets, at: "\(split.path)/y[\(row)]", expected: "a class from 0 to \(count - 1)",
            found: "another number")
        case .malformed(let object, let expected, let found):
          findings.add(.targets, at: object, expected: expected, found: found)
        default: throw error
        }
      }
    }
  }
}
