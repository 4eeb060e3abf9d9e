internal import Engine
internal import Evidence
internal import ModelCore

/// Makes the model answer the samples to forget as it answers data it has never seen.
///
/// Samples: each one's margin is pulled to where it would lie had the model never seen it
/// (`MarginMap`); the other classes keep the original model's proportions. Whole classes: the
/// original model's answer with these classes taken out. Wrong labels: what the samples look like
/// (`NeighbourVotes`), or their right labels. A backdoor: stamped unseen samples are answered like
/// clean ones. The loss is the divergence from these targets and the cross-entropy on retained
/// samples, in one batch; where these may not be read, unseen samples keep their answers instead.
///
/// - SeeAlso: after the idea of Chen et al., 2025, matching forgotten data to third-party data;
///   `Unlearning.docc/Match.md` for what was changed and measured.
public struct Match: UnlearningMethod, Hashable {
  /// The most samples to forget in a step.
  public var forgetBatch = 64
  /// The most retained samples in a step.
  public var retainBatch = 128
  /// The most samples to forget in a step where single samples are forgotten: steps are what is missing.
  /// As many retained ones go along, and half as many again where the budget allows twenty passes over
  /// the samples to forget or more.
  public var sampleBatch = 24
  /// Adam's rate as a share of training's; up to half as much again where the aim is further.
  public var rateShare: Float = 0.5
  /// The weight of the retained samples' loss against that of the samples to forget.
  public var retainWeight: Float = 1.5
  /// How many times either is where other answers are taught, to wrong labels and backdoors, and to classes
  /// that a first attempt left: they are far from the present ones, and what is near them is lost on the way
  /// unless it is held. Of classes the weight alone at first.
  public var answerRate: Float = 2
  public var answerWeight: Float = 4
  /// How much of the retained samples of a step is taken from the third, of those asked at the start, that
  /// is answered least surely: these are the first to be lost. They weigh a third whatever their number.
  public var guardShare: Double = 0.5
  /// Where single samples are forgotten, half of the others keep the original model's answers, which say
  /// more of it than labels that it knows by heart: the weight of these.
  public var holdWeight: Float = 2
  /// The temperature of these answers.
  public var holdTemperature: Float = 4
  /// The temperature at which margins are compared: above 1, the difference between a sure answer and a
  /// very sure one counts for more, and a wrong answer for less. Nil is 2, or 1 where the budget allows
  /// few passes, which have to bring samples across first.
  public var temperature: Double?
  /// How far to aim, 1 being the target itself; nil chooses by the passes that the budget allows.
  public var aim: Double?
  /// Whether one scalar brings back the original confidence at the end.
  public var restoresConfidence = true
  /// Whether the model first goes most of the way back to fresh weights, which leaves an attacker
  /// who studies single samples little to find.
  public var isDeep = false
  /// How much of the original weights stays then.
  public var deepShare: Float = 0.4

  public init() {}

  public var name: String { "match" }

  public static var knobs: [String: Knob<Match>] {
    [
      "forgetBatch": .count(\.forgetBatch, in: 1...65_536),
      "retainBatch": .count(\.retainBatch, in: 1...65_536),
      "sampleBatch": .count(\.sampleBatch, in: 1...65_536),
      "rateShare": .rate(\.rateShare, in: 0.0001...100),
      "retainWeight": .rate(\.retainWeight, in: 0...1000),
      "answerRate": .rate(\.answerRate, in: 0.0001...100),
      "answerWeight": .rate(\.answerWeight, in: 0...1000),
      "guardShare": .number(\.guardShare, in: 0...0.99),
      "holdWeight": .rate(\.holdWeight, in: 0...1000),
      "holdTemperature": .rate(\.holdTemperature, in: 1...100),
      "temperature": .automatic(\.temperature, in: 1...100),
      "aim": .automatic(\.aim, in: 0...10),
      "restoresConfidence": .flag(\.restoresConfidence),
      "deep": .flag(\.isDeep),
      "deepShare": .rate(\.deepShare, in: 0...1),
    ]
  }

  public func needs(for scenario: UnlearningProblem.Scenario) -> BaselineParts {
    switch scenario {
    case .samples: .margins
    case .classes, .wrongLabels: .forget
    case .backdoor: .reference
    }
  }

  public func defaultCost(for scenario: UnlearningProblem.Scenario) -> Double? {
    switch scenario {
    case .samples: isDeep ? 0.1 : 0.05
    case .classes: 0.04
    case .wrongLabels, .backdoor: 0.05
    }
  }

  public func unlearn(_ session: UnlearningSession) throws {
    guard !isDeep || session.problem.scenario == .samples else {
      throw UnlearningError.scenario(method: "match --deep", expected: "single samples")
    }
    switch session.problem.scenario {
    case .samples: try unlearnSamples(session)
    case .classes(let classes): try unlearn(classes, session)
    case .wrongLabels: try unlearnLabels(session)
    case .backdoor: try unlearnBackdoor(session)
    }
  }

  private func unlearn(_ classes: [Int], _ session: UnlearningSession) throws {
    guard let forget = session.baseline.forget else { return }
    let table = TargetTable.masked(
      classes, logits: forget.logits, classCount: session.problem.classCount)
    let others = try others(session)
    // The targets do not depend on how far it is: no tests on the way, and more steps.
    let plan = plan(session, others: others, checks: 0)
    session.note("forgetPasses", .number(plan.passes))
    try session.descend(descent(session, stage(table, plan), plan))
  }

  /// What a descent has room for.
  struct Plan {
    let forget: Int
    let others: [Descent.Term]
    let steps: Int
    let checks: Int
    /// Over the samples to forget.
    let passes: Double
  }

  /// - Parameter taught: how many samples are taught new answers; nil for those to forget.
  func plan(
    _ session: UnlearningSession, others: [Descent.Term], checks: Int, taught: Int? = nil
  ) -> Plan {
    let count = max(1, taught ?? session.problem.forgetRows.count)
    let forget = batchSizes(session, taught: taught).forget
    let size = forget + others.reduce(0) { $0 + $1.count }
    let steps = session.affordableSteps(passesPerStep: Double(size), checks: checks)
    return Plan(
      forget: forget, others: others, steps: steps, checks: checks,
      passes: Double(steps * forget) / Double(count))
  }

  /// How many samples go into a step; fewer where single samples are forgotten.
  func batchSizes(
    _ session: UnlearningSession, taught: Int? = nil
  ) -> (forget: Int, retain: Int) {
    let sizes = wholeBatchSizes(session, taught: taught)
    guard session.problem.scenario == .samples else { return sizes }
    if isScarce(session) {
      let most = min(sizes.forget, sizes.retain, sampleBatch)
      return (most, most)
    }
    return (min(sizes.forget, sampleBatch), min(sizes.retain, sampleBatch + sampleBatch / 2))
  }

  /// Labels and classes take more steps than targets near the present answers, and those are smaller.
  private func wholeBatchSizes(
    _ session: UnlearningSession, taught: Int?
  ) -> (forget: Int, retain: Int) {
    let steps =
      switch session.problem.scenario {
      case .samples: UnlearningSession.fewestSteps
      // Twice the budget of a second attempt is for more steps, not for larger ones.
      case .classes: UnlearningSession.decentSteps * session.attempt
      case .wrongLabels, .backdoor: UnlearningSession.enoughSteps
      }
    return session.batchSizes(
      forget: forgetBatch, retain: retainBatch, taught: taught, steps: steps)
  }

  /// Whether steps of the usual size would be fewer than `enoughPasses` over single samples.
  func isScarce(_ session: UnlearningSession) -> Bool {
    let (forget, retain) = wholeBatchSizes(session, taught: nil)
    let passes =
      session.allowance / Double(max(1, forget + retain)) * Double(forget)
      / Double(max(1, session.problem.forgetRows.count))
    return passes < Self.enoughPasses
  }

  /// `clamp(1 + (20 - P) / 14, 1, 2)`: few passes over the samples fall short of the target, many
  /// reach it.
  public static func aim(passes: Double) -> Double {
    min(max(1 + (enoughPasses - passes) / 14, 1), 2)
  }

  /// Over the samples to forget: with as many, they reach their targets.
  static let enoughPasses = 20.0

  func stage(
    _ table: TargetTable, _ plan: Plan, split: Descent.Split = .forget, temperature: Float = 1
  ) -> Descent.Stage {
    Descent.Stage(
      [.init(split, count: plan.forget, .softened(table, temperature))] + plan.others)
  }

  func descent(
    _ session: UnlearningSession, _ stage: Descent.Stage, _ plan: Plan, aim: Double = 1
  ) -> Descent {
    let share = rateShare * rateFactor(session)
    var descent = Descent(
      [stage], steps: plan.steps,
      learningRate: session.adamLearningRate * share * Float(1 + (aim - 1) / 2))
    descent.checks = plan.checks
    return descent
  }

  private func rateFactor(_ session: UnlearningSession) -> Float {
    // Without labels to hold on to, half the rate.
    let held: Float = session.problem.usesRetained ? 1 : 0.5
    return switch session.problem.scenario {
    case .samples: held
    // A class is soon gone, and a higher rate harms the others; where it was not, there are few steps.
    case .classes: session.attempt == 1 ? held : held * answerRate
    case .wrongLabels, .backdoor: held * answerRate
    }
  }
}
