internal import Engine
internal import Evidence
public import ModelCore

extension Match {
  func unlearnSamples(_ session: UnlearningSession) throws {
    session.restoresConfidence = restoresConfidence
    let others = try others(session)
    if isDeep {
      try reset(session)
      // What is left of the budget finishes what the reset began, or it was enough.
      let step = others.reduce(batchSizes(session).forget) {
        $0 + $1.count
      }
      let measuring =
        Double(
          session.problem.forgetRows.count + session.problem.referenceRows.count
            + session.problem.retainSampleRows.count) / 3
      if session.remaining - measuring > Double(40 * step) {
        try matchMargins(session, others, try MarginTargets(remeasuring: session), aim: 1)
      }
    } else if let targets = MarginTargets(session.baseline) {
      try matchMargins(session, others, targets, aim: aim)
    }
    if restoresConfidence { try ConfidenceRestore.apply(to: session) }
  }

  private func matchMargins(
    _ session: UnlearningSession, _ others: [Descent.Term], _ targets: MarginTargets, aim: Double?
  ) throws {
    let plan = plan(session, others: others, checks: session.affordableChecks)
    let aim = aim ?? Self.aim(passes: plan.passes)
    session.note("aim", .number(aim))
    session.note("forgetPasses", .number(plan.passes))
    let temperature = Float(temperature ?? (isScarce(session) ? 1 : 2))
    let exact = stage(targets.table(aim: 1), plan, temperature: temperature)
    let beyond =
      aim == 1 ? exact : stage(targets.table(aim: aim), plan, temperature: temperature)
    var descent = descent(session, beyond, plan, aim: aim)
    descent.react = { check, course in
      // Once the samples are at the level of unseen ones, aiming past the target overshoots.
      let isDone = check.accuracyExcess <= 0 && check.aucExcess <= 0.02
      course.cycle = [isDone || check.isOverForgotten ? exact : beyond]
      return .go
    }
    try session.descend(descent)
  }

  /// Of the retained samples after the reset: two, four where batch statistics have to settle. Fewer
  /// leave the model worse than it was.
  private static func resetPasses(_ architecture: Architecture) -> Double {
    architecture.usesBatchNormalization ? 4 : 2
  }

  /// A reset takes its passes, and what follows it a quarter of that.
  public func leastPasses(_ problem: UnlearningProblem, _ architecture: Architecture) -> Double {
    guard isDeep, problem.allowsReset, problem.scenario == .samples else { return 0 }
    return 1.25 * Self.resetPasses(architecture) * Double(problem.retrainingCount)
  }

  private func reset(_ session: UnlearningSession) throws {
    guard session.problem.allowsReset else { throw UnlearningError.resetBefore }
    let passes = Self.resetPasses(session.network.architecture)
    let retained = Double(try session.rows(of: .retain).count)
    try session.require(
      passes * retained, purpose: "going back and training again takes",
      method: "match --deep")
    try SoftReset(share: deepShare, passes: passes).apply(to: session)
  }
}

/// Where each margin is, and where it should be.
struct MarginTargets {
  private let forget: Answers
  private let targets: [Double]

  init?(_ baseline: Baseline) {
    guard let forget = baseline.forget, let map = baseline.marginMap else { return nil }
    self.init(forget, map)
  }

  /// By what the network answers now.
  init(remeasuring session: UnlearningSession) throws {
    let (problem, network) = (session.problem, session.network)
    let forget = try Baseline.answers(
      network, problem.data.train, problem.forgetRows, &session.meter)
    let unseen = try Baseline.answers(
      network, problem.data.unseen, problem.referenceRows, &session.meter)
    let retained = try Baseline.answers(
      network, problem.data.train, problem.retainSampleRows, &session.meter)
    guard let map = MarginMap(retained: retained.responses, unseen: unseen.responses) else {
      throw UnlearningError.needsRetained(method: session.methodName)
    }
    self.init(forget, map)
  }

  private init(_ forget: Answers, _ map: MarginMap) {
    self.forget = forget
    targets = map.standings(forget.responses).map(map.target)
  }

  /// - Parameter aim: how far to go, 1 being the target itself.
  func table(aim: Double) -> TargetTable {
    .margins(
      zip(forget.responses.margins, targets).map { $0 + aim * ($1 - $0) }, logits: forget.logits,
      labels: forget.responses.labels, classCount: forget.responses.classCount)
  }
}

extension Architecture {
  /// Whether running statistics of batches are part of the weights.
  var usesBatchNormalization: Bool {
    layers.contains {
      if case .batchNormalization = $0.kind { return true }
      return false
    }
  }
}
