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
  /// How many retained samples go into a step, 0 for none; nil for 128, and for none where the method
  /// is published without: classes that answers without their label are taught.
  public var retainBatch: Double?
  /// Adam's rate as a share of training's; a tenth of it where no retained sample holds the rest.
  public var rateShare: Float = 0.5
  /// The most passes over the samples to forget; nil for what the budget allows, and without retained
  /// samples for five, and then on until they are forgotten.
  public var passes: Double?

  public init(_ answer: Answer) { self.answer = answer }

  public var name: String { answer.rawValue }
  public static var knobs: [String: Knob<Relabel>] {
    [
      "forgetBatch": .count(\.forgetBatch, in: 1...65_536),
      "retainBatch": .automatic(\.retainBatch, in: 0...65_536),
      "rateShare": .rate(\.rateShare, in: 0.0001...100),
      "passes": .automatic(\.passes, in: 0.01...10_000),
    ]
  }

  public func needs(for scenario: UnlearningProblem.Scenario) -> BaselineParts { .forget }

  public func unlearn(_ session: UnlearningSession) throws {
    guard let original = session.baseline.forget else { return }
    let count = session.problem.forgetRows.count
    let (forget, retain) = session.batchSizes(
      forget: forgetBatch, retain: retained(session.problem.scenario))
    var terms = [
      Descent.Term(
        .forget, count: forget,
        .init(
          .table(try table(session, original)),
          weight: weight(session.problem, forget: forget, retain: retain)))
    ]
    if retain > 0 {
      terms.append(
        .init(.retain, count: retain, .init(answer == .untrained ? .original : .labels)))
    }
    session.testOften()
    let checks = session.affordableChecks
    // A teacher answers every batch too, which costs a third on top.
    let retainPasses = Double(retain) * (answer == .untrained ? 4.0 / 3 : 1)
    var steps = session.affordableSteps(
      passesPerStep: Double(forget) + retainPasses, checks: checks)
    if let passes {
      steps = min(steps, Int((passes * Double(count) / Double(forget)).rounded(.up)))
    }
    var descent = Descent(
      [.init(terms)], steps: steps,
      learningRate: session.adamLearningRate * rateShare * (retain > 0 ? 1 : 0.1))
    descent.warmUp = 0.1
    descent.checks = checks
    descent.choice = .nearest
    if retain > 0 {
      descent.alternate(
        with: [.init(Array(terms.dropFirst()))], rateShare: rateShare, in: session)
    } else {
      // Nothing repairs what every further step breaks.
      let enough = 5 * Double(count) / Double(forget)
      descent.averages = false
      descent.react = { check, _ in
        Double(check.step) >= enough && session.isReached(check) ? .stop : .go
      }
    }
    try session.descend(descent)
  }

  private func retained(_ scenario: UnlearningProblem.Scenario) -> Int {
    if let retainBatch { return Int(retainBatch) }
    if answer == .withoutLabel, case .classes = scenario { return 0 }
    return 128
  }

  /// Samples weigh as in the shuffled mixture that is published: with all retained ones, or beside a
  /// teacher with three in ten of them.
  private func weight(_ problem: UnlearningProblem, forget: Int, retain: Int) -> Float {
    guard retain > 0, answer != .withoutLabel else { return 1 }
    let others = Float(problem.retainRows.count) * (answer == .untrained ? 0.3 : 1)
    let count = Float(problem.forgetRows.count)
    return count / (count + others) * Float(forget + retain) / Float(forget)
  }

  private func table(
    _ session: UnlearningSession, _ original: Answers
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
