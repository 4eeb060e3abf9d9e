internal import Engine
internal import Evidence
internal import ModelCore

/// A model under audit: its answers about the three kinds of samples.
struct AuditedModel: Sendable {
  enum Role: String, Codable, Sendable { case original, unlearned, retrained, shadow }

  let role: Role
  let name: String
  let forget: Answers
  let retain: Answers
  let strangers: Answers

  /// - Parameter check: called between batches; what it throws ends the work.
  init(
    _ role: Role, name: String, network: Network, samples: AuditSamples,
    check: () throws -> Void
  ) throws {
    self.role = role
    self.name = name
    forget = try network.answers(of: samples.train, rows: samples.askedForgetRows, check: check)
    retain = try network.answers(of: samples.train, rows: samples.askedRetainRows, check: check)
    strangers = try network.answers(
      of: samples.strangers, rows: samples.askedStrangerRows, check: check)
  }
}

extension Network {
  /// The answers to samples in their order.
  ///
  /// - Parameter check: called between batches; what it throws ends the work.
  func answers(
    of source: any SampleSource, rows: [Int], check: () throws -> Void
  ) throws -> Answers {
    var logits: [Float] = []
    var labels: [Int32] = []
    try forEachBatch(of: source, rows: rows) { batch, scores, _ in
      try check()
      logits.append(contentsOf: scores)
      for row in 0..<batch.count {
        let target = batch.targets[row * classCount..<(row + 1) * classCount]
        let best = target.indices.max { (target[$0], -$0) < (target[$1], -$1) }
        labels.append(Int32((best ?? target.startIndex) - target.startIndex))
      }
    }
    return try Answers(logits: logits, labels: labels, classCount: classCount)
  }
}
