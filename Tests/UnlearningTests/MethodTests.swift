import Evidence
import ModelCore
import Testing
import Unlearning

@Suite struct MethodTests {
  static let names = [
    "match", "retrain", "finetune", "neggrad", "scrub", "random-label", "delete", "bad-teacher",
  ]

  @Test func everyMethodHasItsName() throws {
    #expect(UnlearningMethods.all.map(\.name) == Self.names)
    for name in Self.names { #expect(try UnlearningMethods.named(name).name == name) }
    #expect(throws: UnlearningError.unknownMethod("x", known: Self.names)) {
      try UnlearningMethods.named("x")
    }
  }

  /// Same inputs, same budget, same tests, same report: whatever the method.
  @Test(arguments: names) func everyMethodServesSamplesAndClasses(name: String) throws {
    let problem = try OverfitProblem.overfit()
    let method = try UnlearningMethods.named(name)
    for subject in [.samples(OverfitProblem.tenth), .classes([1])]
      as [UnlearningRequest.Subject]
    {
      let outcome = try problem.run(subject, by: method, maxCost: 0.1, retries: false)
      let report = outcome.report
      #expect(report.method.name == name)
      #expect(report.cost.share <= 0.1)
      #expect(report.cost.steps > 0)
      #expect(report.method.settings == method.settings)
      #expect(outcome.parameters != problem.parameters)
      #expect(outcome.parameters.firstNonFinite == nil)
      #expect(outcome.isAccepted == report.verdict.outcome.isAccepted(requiringPower: false))
    }
  }

  @Test(arguments: names) func everyMethodIsReproducible(name: String) throws {
    let problem = try OverfitProblem.overfit()
    let method = try UnlearningMethods.named(name)
    let first = try problem.run(.samples(OverfitProblem.tenth), by: method, maxCost: 0.05)
    let second = try problem.run(.samples(OverfitProblem.tenth), by: method, maxCost: 0.05)
    #expect(first.parameters == second.parameters)
  }

  @Test func retrainingPassesItsOwnTest() throws {
    let problem = try OverfitProblem.overfit()
    let report = try problem.run(.samples(OverfitProblem.tenth), by: Retrain()).report
    #expect(report.verdict.outcome == .matched, "\(report)")
    #expect(report.cost.limit == nil)
    #expect(report.cost.trained == problem.recipe.epochs * 900)
    #expect(report.method.findings["epochs"] == .number(Double(problem.recipe.epochs)))
    #expect(try #require(report.before.forget).accuracy == 1)
    #expect(try #require(report.after.forget).accuracy < 0.97)
  }

  @Test func aLimitLeavesOutEpochsOfRetraining() throws {
    let problem = try OverfitProblem.overfit()
    let report = try problem.run(
      .samples(OverfitProblem.tenth), by: Retrain(), maxCost: 0.2, retries: false
    ).report
    guard case .number(let epochs) = report.method.findings["epochs"] else {
      Issue.record("no epochs")
      return
    }
    #expect(epochs < 30)
    #expect(epochs > 20)
    #expect(report.cost.share <= 0.2)
  }

  /// Going on with the others leaves what is known by heart where it is.
  @Test func finetuningForgetsLittle() throws {
    let problem = try OverfitProblem.overfit()
    let report = try problem.run(
      .samples(OverfitProblem.tenth), by: FineTune(), maxCost: 0.05, retries: false
    ).report
    #expect(try #require(report.after.forget).accuracy > 0.97)
    #expect(report.verdict.outcome == .notMatched)
  }

  @Test(arguments: ["neggrad", "scrub"]) func ascentForgetsSomething(name: String) throws {
    let problem = try OverfitProblem.overfit()
    let report = try problem.run(
      .samples(OverfitProblem.tenth), by: UnlearningMethods.named(name), maxCost: 0.1,
      retries: false
    ).report
    #expect(try #require(report.after.forget).accuracy < 0.99)
    #expect(try #require(report.after.accuracies.first).accuracy > 0.9)
  }
}
