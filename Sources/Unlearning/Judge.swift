internal import Engine
internal import Evidence

/// One attempt's result under test.
struct Attempt {
  let verdict: Verdict
  let after: UnseenComparison
  let utility: DiscordantPairs
  let samplewise: SamplewiseTest?
  let classTest: ClassTest?
  let meter: CostMeter
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
  let before: UnseenComparison
  let power: TestPower
  let classBefore: ClassTest?
  private let problem: UnlearningProblem

  init(_ network: Network, problem: UnlearningProblem, needs: BaselineParts) throws {
    self.problem = problem
    var meter = CostMeter()
    var baseline = try Baseline(network, problem: problem, parts: needs, meter: &meter)
    before = try Self.comparison(baseline.checked, baseline.validation)
    switch problem.scenario {
    case .samples:
      if !before.hasPower {
        // Then every sample is judged by itself, which takes a target for each.
        try baseline.measure(.margins, network, problem, &meter)
      }
      power = Self.power(before, baseline)
      classBefore = nil
    case .classes(let classes):
      let test = Self.classTest(classes, baseline.checked, baseline.validation)
      classBefore = test
      power = TestPower(
        hasPower: !test.passes, untouchedPasses: test.passes, neededCount: nil,
        count: baseline.checked.count)
    }
    self.baseline = baseline
    self.meter = meter
  }

  /// Tests the session's network, rolls back what is over-forgotten if it can, and decides.
  ///
  /// - Parameter isExact: whether the method leaves no trace by construction.
  func judge(_ session: UnlearningSession, isExact: Bool = false) throws -> Attempt {
    let attempt = try test(session, isExact: isExact)
    guard attempt.verdict == .overForgotten, let fallback = session.fallback else { return attempt }
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
    let train = problem.data.train
    let checked = try Baseline.answers(network, train, problem.checkedRows, &session.meter)
      .responses
    let validation = try Baseline.answers(
      network, problem.data.unseen, problem.validationRows, &session.meter
    ).responses
    let after = try Self.comparison(checked, validation)
    let utility = try utility(validation)
    let samplewise = samplewise(checked, validation)
    let classTest = classBefore.map { _ in
      Self.classTest(problem.forgottenClasses, checked, validation)
    }
    return Attempt(
      verdict: isExact && utility.keepsUtility
        ? .matched : verdict(after, utility, samplewise, classTest),
      after: after, utility: utility,
      samplewise: samplewise, classTest: classTest, meter: session.meter, budget: session.budget,
      steps: session.steps, checks: session.checks, findings: session.findings,
      isRolledBack: isRolledBack, isExact: isExact)
  }

  private func verdict(
    _ after: UnseenComparison, _ utility: DiscordantPairs, _ samplewise: SamplewiseTest?,
    _ classTest: ClassTest?
  ) -> Verdict {
    guard utility.keepsUtility else { return .utilityLost }
    if let classTest { return classTest.passes ? .matched : .notMatched }
    // Of a handful, one hard sample answered wrongly would look like a group that stands out.
    if after.count >= 20, after.isOverForgotten { return .overForgotten }
    if power.hasPower { return after.passes ? .matched : .notMatched }
    guard let samplewise else { return .notMatched }
    if samplewise.isOverForgotten { return .overForgotten }
    return samplewise.passes ? .matchedSamplewise : .notMatched
  }

  /// Who is right about unseen samples, forgotten classes left out: their loss is the purpose.
  private func utility(_ validation: Responses) throws -> DiscordantPairs {
    let gone = Set(problem.forgottenClasses.map(Int32.init))
    let kept = validation.labels.indices.filter { !gone.contains(validation.labels[$0]) }
    return try DiscordantPairs(baseline.validation[kept], validation[kept])
  }

  private func samplewise(_ answers: Responses, _ validation: Responses) -> SamplewiseTest? {
    guard !power.hasPower, problem.scenario == .samples, let map = baseline.marginMap,
      let forget = baseline.forget
    else {
      return nil
    }
    // The judge expects of the samples what the map expects, whatever the method.
    let standings = map.standings(forget.responses)
    let checked = problem.checkedPositions.map { standings[$0] }
    return SamplewiseTest(
      margins: answers.margins, standings: checked, unseen: validation,
      before: baseline.validation)
  }

  private static func comparison(
    _ forget: Responses, _ unseen: Responses
  ) throws -> UnseenComparison {
    guard let comparison = UnseenComparison(forget, unseen: unseen) else {
      throw UnlearningError.nothingToForget
    }
    return comparison
  }

  private static func classTest(
    _ classes: [Int], _ forget: Responses, _ unseen: Responses
  ) -> ClassTest {
    let set = Set(classes.map(Int32.init))
    let theirs = unseen.labels.indices.filter { set.contains(unseen.labels[$0]) }
    return ClassTest(
      forgetAccuracy: forget.accuracy,
      unseenAccuracy: theirs.isEmpty ? nil : unseen[theirs].accuracy)
  }

  /// How many samples a test would need is read from the retained ones: a handful of samples to
  /// forget says little about how over-fit the model is.
  private static func power(_ before: UnseenComparison, _ baseline: Baseline) -> TestPower {
    let typical =
      baseline.retained.flatMap { UnseenComparison($0, unseen: baseline.validation) } ?? before
    return TestPower(
      hasPower: before.hasPower, untouchedPasses: before.passes,
      neededCount: UnseenComparison.countForPower(
        accuracyExcess: typical.accuracyExcess, aucExcess: typical.aucExcess,
        unseenAccuracy: before.unseenAccuracy, unseenCount: before.effectiveUnseenCount),
      count: before.count)
  }
}
