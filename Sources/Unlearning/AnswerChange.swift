internal import Engine
public import Evidence
internal import ModelCore

/// How far a result's answers are from the original model's, and from those of a network that knows
/// nothing. For information: a retrained model's are just as far from the original's.
public struct AnswerChange: Hashable, Codable, Sendable {
  /// About the samples to forget; nil when there are fewer than ten.
  public let forget: AnswerDistance?
  /// About unseen samples: what moved without being asked to.
  public let unseen: AnswerDistance?
  /// Nil where `forget` is.
  public let zeroRetrainForgetting: ZeroRetrainForgetting?

  /// Likeness to an untrained network's answers ("ZRF", Chundawat et al., AAAI 2023), 0...1. Good is
  /// what is found on unseen samples, not 1.
  public struct ZeroRetrainForgetting: Hashable, Codable, Sendable {
    /// On the samples to forget, by the original model and by the result.
    public let before: Double
    public let after: Double
    /// On unseen samples, by the result.
    public let unseen: Double
  }

  /// - Parameters:
  ///   - untrained: an untrained network's answers about the same samples.
  ///   - isGroup: whether numbers about the samples to forget speak of a group.
  /// - Throws: `EvidenceError` where the answers are about different samples.
  init(
    before: TestedAnswers, after: TestedAnswers, untrained: TestedAnswers, isGroup: Bool
  ) throws {
    unseen = try AnswerDistance(before.unseen, after.unseen)
    forget = isGroup ? try AnswerDistance(before.forget, after.forget) : nil
    func likeness(_ answers: Answers, _ other: Answers) throws -> Double? {
      try AnswerDistance.zeroRetrainForgetting(answers, untrained: other)
    }
    if isGroup, let first = try likeness(before.forget, untrained.forget),
      let last = try likeness(after.forget, untrained.forget),
      let others = try likeness(after.unseen, untrained.unseen)
    {
      zeroRetrainForgetting = ZeroRetrainForgetting(before: first, after: last, unseen: others)
    } else {
      zeroRetrainForgetting = nil
    }
  }
}

extension TestedAnswers {
  /// What fresh weights answer; the passes are counted.
  init(
    untrained network: Network, _ problem: UnlearningProblem, seed: UInt64,
    _ meter: inout CostMeter
  ) throws {
    var random = SeededGenerator(seed: seed, stream: "unlearn/untrained")
    let fresh = try Network(
      network.architecture,
      parameters: Parameters(
        initializing: network.architecture.parameterSpecifications(), seed: random.next()),
      like: network)
    forget = try Baseline.answers(fresh, problem.data.train, problem.checkedRows, &meter)
    unseen = try Baseline.answers(fresh, problem.data.unseen, problem.validationRows, &meter)
  }
}
