internal import Engine
internal import Evidence
internal import ModelCore

/// Teaches other answers for the samples to forget, beside the labels of the retained ones.
///
/// These are baselines: for samples among others of their class a retrained model still answers
/// most of them rightly, and these methods teach it not to.
public struct Relabel: UnlearningMethod, Hashable {
  /// Which answers are taught.
  public enum Answer: String, Hashable, Sendable {
    /// A wrong label drawn for each sample (Golatkar, Achille and Soatto, CVPR 2020).
    case randomLabel = "random-label"
    /// The original's answer with the sample's own class taken out, from the samples to forget alone
    /// (DELETE: Zhou et al., CVPR 2025).
    case withoutLabel = "delete"
    /// What an untrained network answers, while the original teaches the retained samples
    /// (Chundawat et al., AAAI 2023).
    case untrained = "bad-teacher"
  }

  public var answer: Answer
  public var forgetBatch = 64
  /// How many retained samples go into a step; 0 for none.
  public var retainBatch: Int
  /// Adam's rate as a share of training's.
  public var rateShare: Float
  /// The most passes over the samples to forget; nil for what the budget allows.
  public var passes: Double?

  public init(_ answer: Answer) {
    self.answer = answer
    retainBatch = answer == .withoutLabel ? 0 : 128
    rateShare = answer == .withoutLabel ? 0.05 : 0.15
    passes = answer == .withoutLabel ? 5 : nil
  }

  public var name: String { answer.rawValue }
  public static var knobs: [String: Knob<Relabel>] {
    [
      "forgetBatch": .count(\.forgetBatch, in: 1...65_536),
      "retainBatch": .count(\.retainBatch, in: 0...65_536),
      "rateShare": .rate(\.rateShare, in: 0.0001...100),
      "passes": .automatic(\.passes, in: 0.01...10_000),
    ]
  }

  public func needs(for scenario: UnlearningProblem.Scenario) -> BaselineParts { .forget }

  public func unlearn(_ session: UnlearningSession) throws {
    guard let original = session.baseline.forget else { return }
    let (count, retained) = (session.problem.forgetRows.count, session.problem.retainRows.count)
    let (forget, retain) = session.batchSizes(forget: forgetBatch, retain: retainBatch)
    // Random labels weigh as in a shuffled mixture of all samples; a teacher's answers do not.
    let share = Float(count) / Float(count + retained) * Float(forget + retain) / Float(forget)
    var terms = [
      Descent.Term(
        .forget, count: forget,
        .init(
          .table(try table(session, original)),
          weight: answer == .randomLabel && retain > 0 ? share : 1))
    ]
    if retain > 0 {
      terms.append(
        .init(.retain, count: retain, .init(answer == .untrained ? .original : .labels)))
    }
    let checks = session.affordableChecks
    // A teacher answers every batch too, which costs a third on top.
    let retainPasses = Double(retain) * (answer == .untrained ? 4.0 / 3 : 1)
    var steps = session.affordableSteps(
      passesPerStep: Double(forget) + retainPasses, checks: checks)
    if let passes {
      steps = min(steps, Int((passes * Double(count) / Double(forget)).rounded(.up)))
    }
    var descent = Descent(
      [.init(terms)], steps: steps, learningRate: session.adamLearningRate * rateShare)
    descent.schedule = .constant
    descent.averages = false
    descent.checks = checks
    if session.problem.scenario == .samples { descent.choice = .nearestToUnseen }
    try session.descend(descent)
  }

  private func table(
    _ session: UnlearningSession, _ original: Baseline.Answers
  ) throws -> TargetTable {
    let responses = original.responses
    switch answer {
    case .withoutLabel:
      return .withoutLabel(
        logits: original.logits, labels: responses.labels, classCount: responses.classCount)
    case .randomLabel:
      var random = SeededGenerator(seed: session.seed, stream: "unlearn/random-label")
      return .labels(
        responses.labels.map { label in
          let other = Int32(random.next(below: responses.classCount - 1))
          return other < label ? other : other + 1
        }, classCount: responses.classCount)
    case .untrained:
      let network = session.network
      var random = SeededGenerator(seed: session.seed, stream: "unlearn/bad-teacher")
      try network.setParameters(
        Parameters(
          initializing: network.architecture.parameterSpecifications(), seed: random.next()))
      let answers = try Baseline.answers(
        network, session.problem.data.train, session.problem.forgetRows, &session.meter)
      try network.setParameters(session.original)
      return .masked([], logits: answers.logits, classCount: responses.classCount)
    }
  }
}
