internal import Engine
internal import Evidence

/// Makes the model answer the samples to forget as it answers data it has never seen.
///
/// Samples: each one's margin is pulled to where it would lie had the model never seen it
/// (`MarginMap`); the other classes keep the original model's proportions. Whole classes: the
/// original model's answer with these classes taken out. The loss is the divergence from these
/// targets on the forget samples and the cross-entropy on retained ones, in one batch.
///
/// - SeeAlso: after the idea of Chen et al., 2025, matching forgotten data to third-party data;
///   `Unlearning.docc/Match.md` for what was changed and measured.
public struct Match: UnlearningMethod, Hashable {
  /// The most samples to forget in a step.
  public var forgetBatch = 64
  /// The most retained samples in a step.
  public var retainBatch = 128
  /// Adam's rate as a share of training's; up to half as much again where the aim is further.
  public var rateShare: Float = 0.5
  /// The weight of the retained samples' loss against that of the samples to forget.
  public var retainWeight: Float = 1.5
  /// How far to aim, 1 being the target itself; nil chooses by the passes that the budget allows.
  public var aim: Double?
  /// Whether one scalar brings back the original confidence at the end.
  public var restoresConfidence = true

  public init() {}

  public var name: String { "match" }

  public var settings: [String: Setting] {
    [
      "forgetBatch": .number(Double(forgetBatch)), "retainBatch": .number(Double(retainBatch)),
      "rateShare": .number(Double(rateShare)), "retainWeight": .number(Double(retainWeight)),
      "aim": aim.map(Setting.number) ?? .text("auto"),
      "restoresConfidence": .flag(restoresConfidence),
    ]
  }

  public func needs(for scenario: UnlearningProblem.Scenario) -> BaselineParts {
    scenario == .samples ? .margins : .forget
  }

  public func defaultCost(for scenario: UnlearningProblem.Scenario) -> Double? {
    scenario == .samples ? 0.05 : 0.04
  }

  public func unlearn(_ session: UnlearningSession) throws {
    switch session.problem.scenario {
    case .samples: try unlearnSamples(session)
    case .classes(let classes): try unlearn(classes, session)
    }
  }

  private func unlearnSamples(_ session: UnlearningSession) throws {
    guard let forget = session.baseline.forget, let map = session.baseline.marginMap else { return }
    session.restoresConfidence = restoresConfidence
    let responses = forget.responses
    let targets = map.standings(responses).map(map.target)
    func table(aim: Double) -> TargetTable {
      .margins(
        zip(responses.margins, targets).map { $0 + aim * ($1 - $0) }, logits: forget.logits,
        labels: responses.labels, classCount: responses.classCount)
    }
    let plan = plan(session, checks: session.affordableChecks)
    let aim = self.aim ?? Self.aim(passes: plan.passes)
    session.note("aim", .number(aim))
    session.note("forgetPasses", .number(plan.passes))

    let exact = stage(table(aim: 1), plan)
    let beyond = aim == 1 ? exact : stage(table(aim: aim), plan)
    var descent = descent(session, beyond, plan, aim: aim)
    descent.react = { check, cycle in
      // Once the samples are at the level of unseen ones, aiming past the target overshoots.
      let isDone = check.accuracyExcess <= 0 && check.aucExcess <= 0.02
      cycle = [isDone || check.isOverForgotten ? exact : beyond]
      return .go
    }
    try session.descend(descent)
    if restoresConfidence { try ConfidenceRestore.apply(to: session) }
  }

  private func unlearn(_ classes: [Int], _ session: UnlearningSession) throws {
    guard let forget = session.baseline.forget else { return }
    let table = TargetTable.masked(
      classes, logits: forget.logits, classCount: session.problem.classCount)
    // The targets do not depend on how far it is: no tests on the way, and more steps.
    let plan = plan(session, checks: 0)
    session.note("forgetPasses", .number(plan.passes))
    try session.descend(descent(session, stage(table, plan), plan))
  }

  private typealias Plan = (forget: Int, retain: Int, steps: Int, checks: Int, passes: Double)

  private func plan(_ session: UnlearningSession, checks: Int) -> Plan {
    let count = session.problem.forgetRows.count
    let (forget, retain) = session.batchSizes(forget: forgetBatch, retain: retainBatch)
    let steps = session.affordableSteps(passesPerStep: Double(forget + retain), checks: checks)
    return (forget, retain, steps, checks, Double(steps * forget) / Double(count))
  }

  /// `clamp(1 + (20 - P) / 14, 1, 2)`: few passes over the samples fall short of the target, many
  /// reach it.
  public static func aim(passes: Double) -> Double { min(max(1 + (20 - passes) / 14, 1), 2) }

  private func stage(_ table: TargetTable, _ plan: Plan) -> Descent.Stage {
    Descent.Stage([
      .init(.forget, count: plan.forget, .init(.table(table))),
      .init(.retain, count: plan.retain, .init(.labels, weight: retainWeight)),
    ])
  }

  private func descent(
    _ session: UnlearningSession, _ stage: Descent.Stage, _ plan: Plan, aim: Double = 1
  ) -> Descent {
    var descent = Descent(
      [stage], steps: plan.steps,
      learningRate: session.adamLearningRate * rateShare * Float(1 + (aim - 1) / 2))
    descent.checks = plan.checks
    return descent
  }
}
