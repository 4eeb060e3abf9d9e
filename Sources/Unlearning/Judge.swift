internal import Engine
internal import Evidence

/// One attempt's result under test.
struct Attempt {
  let verdict: Verdict
  let after: Examination
  let answers: TestedAnswers
  let utility: DiscordantPairs
  let meter: CostMeter
  let reportMeter: CostMeter
  let budget: Double
  let steps: Int
  let checks: [Check]
  let findings: [String: Setting]
  let isRolledBack: Bool
  /// Whether the method leaves no trace by construction.
  let isExact: Bool
}

/// The stop rule: asks the original model once, and every result the same questions.
///
/// - SeeAlso: `Unlearning.docc/Verdict.md`.
struct Judge {
  let baseline: Baseline
  /// What the original model's answers cost.
  let meter: CostMeter
  let before: Examination
  let power: TestPower
  private let problem: UnlearningProblem
  private let examiner: Examiner
  /// Of a handful, one hard sample answered wrongly would look like a group that stands out.
  static let smallestGroup = 20

  init(_ network: Network, problem: UnlearningProblem, needs: BaselineParts) throws {
    self.problem = problem
    var meter = CostMeter()
    // What is expected of each sample takes its rank among those that stay.
    let parts = problem.scenario == .samples ? needs.union(.margins) : needs
    let baseline = try Baseline(network, problem: problem, parts: parts, meter: &meter)
    let examiner = try Examiner(network, problem, baseline, meter: &meter)
    let before = try examiner.examine(
      network, checked: baseline.checked, validation: baseline.validation, samplewise: false,
      meter: &meter)
    power = Self.power(before, baseline, problem)
    self.baseline = baseline
    self.examiner = examiner
    self.before = before
    self.meter = meter
  }

  /// Tests the session's network, rolls back what is over-forgotten if it can, and decides.
  ///
  /// - Parameter isExact: whether the method leaves no trace by construction.
  func judge(_ session: UnlearningSession, isExact: Bool = false) throws -> Attempt {
    let attempt = try test(session, isExact: isExact)
    guard attempt.verdict == .overForgotten, let fallback = session.fallback,
      session.affordsAnotherTest
    else { return attempt }
    let last = try session.network.parameters
    try session.network.setParameters(fallback)
    let earlier = try test(session, isRolledBack: true, isExact: isExact)
    if earlier.verdict.isAccepted(requiringPower: false) { return earlier }
    try session.network.setParameters(last)
    return attempt
  }

  private func test(
    _ session: UnlearningSession, isRolledBack: Bool = false, isExact: Bool
  ) throws -> Attempt {
    let network = session.network
    let answers = TestedAnswers(
      forget: try Baseline.answers(
        network, problem.data.train, problem.checkedRows, &session.meter),
      unseen: try Baseline.answers(
        network, problem.data.unseen, problem.validationRows, &session.meter))
    let after = try examiner.examine(
      network, checked: answers.forget.responses, validation: answers.unseen.responses,
      samplewise: !power.hasPower, meter: &session.meter)
    let utility = try utility(answers.unseen.responses)
    return Attempt(
      verdict: isExact && utility.keepsUtility ? .matched : verdict(after, utility),
      after: after, answers: answers, utility: utility, meter: session.meter,
      reportMeter: session.reportMeter,
      budget: session.budget, steps: session.steps, checks: session.checks,
      findings: session.findings, isRolledBack: isRolledBack, isExact: isExact)
  }

  private func verdict(_ after: Examination, _ utility: DiscordantPairs) -> Verdict {
    guard utility.keepsUtility else { return .utilityLost }
    if let test = after.classTest { return test.passes ? .matched : .notMatched }
    if let test = after.labelTest { return test.passes ? .matched : .notMatched }
    guard let comparison = after.deciding else { return .notMatched }
    if comparison.count >= Self.smallestGroup, comparison.isOverForgotten { return .overForgotten }
    if power.hasPower { return comparison.passes ? .matched : .notMatched }
    guard let samplewise = after.samplewise else { return .notMatched }
    if samplewise.isOverForgotten { return .overForgotten }
    return samplewise.passes ? .matchedSamplewise : .notMatched
  }

  /// Who is right about unseen samples, forgotten classes left out: their loss is the purpose.
  private func utility(_ validation: Responses) throws -> DiscordantPairs {
    let gone = Set(problem.forgottenClasses.map(Int32.init))
    let kept = validation.labels.indices.filter { !gone.contains(validation.labels[$0]) }
    return try DiscordantPairs(baseline.validation[kept], validation[kept])
  }

  private static func power(
    _ before: Examination, _ baseline: Baseline, _ problem: UnlearningProblem
  ) -> TestPower {
    let count = problem.checkedPositions.count
    if let test = before.classTest {
      return TestPower(
        hasPower: !test.passes, untouchedPasses: test.passes, neededCount: nil, count: count)
    }
    if let test = before.labelTest {
      return TestPower(
        hasPower: test.hasPower, untouchedPasses: test.passes, neededCount: nil, count: test.count)
    }
    return TestPower(
      hasPower: before.deciding?.hasPower ?? false,
      untouchedPasses: before.deciding?.passes ?? true,
      neededCount: neededCount(before, baseline), count: count)
  }

  /// How many samples a test would need is read from the retained ones: a handful of samples to
  /// forget says little about how over-fit the model is.
  private static func neededCount(_ before: Examination, _ baseline: Baseline) -> Int? {
    guard let own = before.comparison else { return nil }
    let typical =
      baseline.retained.flatMap { UnseenComparison($0.responses, unseen: baseline.validation) }
      ?? own
    return UnseenComparison.countForPower(
      accuracyExcess: typical.accuracyExcess, aucExcess: typical.aucExcess,
      unseenAccuracy: own.unseenAccuracy, unseenCount: own.effectiveUnseenCount)
  }
}
