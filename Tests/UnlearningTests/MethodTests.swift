import Evidence
import ModelCore
import Testing
import Unlearning

@Suite struct MethodTests {
  static let names = [
    "match", "retrain", "finetune", "neggrad", "scrub", "random-label", "delete", "bad-teacher",
    "ssd", "boundary", "unsir", "decay", "newton", "certified",
  ]
  /// Those that know of whole classes only.
  static let forClasses: Set = ["boundary", "unsir"]

  /// Noise that nobody can repeat would make no test.
  private func method(_ name: String) throws -> any UnlearningMethod {
    let method = try UnlearningMethods.named(name)
    return name == "certified" ? try method.with(["secretNoise": .flag(false)]) : method
  }

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
    let method = try method(name)
    for subject in [.samples(OverfitProblem.tenth), .classes([1])]
      as [UnlearningRequest.Subject]
    {
      if case .samples = subject, Self.forClasses.contains(name) {
        #expect(throws: UnlearningError.scenario(method: name, expected: "whole classes")) {
          try problem.run(subject, by: method)
        }
        continue
      }
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

  /// A budget is a promise, also where it pays for little: less is done, or nothing and it is said why.
  @Test(arguments: names) func noMethodExceedsItsBudget(name: String) throws {
    let problem = try OverfitProblem.overfit()
    let method = try method(name)
    let subjects: [UnlearningRequest.Subject] =
      Self.forClasses.contains(name)
      ? [.classes([1])] : [.samples(OverfitProblem.tenth), .classes([1])]
    for subject in subjects {
      for share in [0.012, 0.02, 0.05] {
        do {
          let report = try problem.run(subject, by: method, maxCost: share, retries: false).report
          #expect(report.cost.share <= share, "\(name), \(subject)")
        } catch UnlearningError.budget(_, _, let needed, let found) {
          #expect(needed > found, "\(name), \(share)")
        }
      }
    }
  }

  @Test(arguments: names) func everyMethodIsReproducible(name: String) throws {
    let problem = try OverfitProblem.overfit()
    let method = try method(name)
    let subject: UnlearningRequest.Subject =
      Self.forClasses.contains(name) ? .classes([1]) : .samples(OverfitProblem.tenth)
    let first = try problem.run(subject, by: method, maxCost: 0.05, retries: false)
    let second = try problem.run(subject, by: method, maxCost: 0.05, retries: false)
    #expect(first.parameters == second.parameters)
    #expect(first.report == second.report)
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

  @Test(arguments: names) func settingsCanBeChangedOneByOne(name: String) throws {
    let method = try UnlearningMethods.named(name)
    for (key, value) in method.settings {
      #expect(try method.with([key: value]).settings == method.settings)
      #expect { try method.with([key: .text("nonsense")]) } throws: { error in
        guard case .setting = error as? UnlearningError else { return false }
        return true
      }
    }
    #expect {
      try method.with(["no such thing": .number(1)])
    } throws: { error in
      guard case .unknownSetting = error as? UnlearningError else { return false }
      return true
    }
  }

  @Test func aSettingOutOfRangeIsRefused() throws {
    #expect(
      throws: UnlearningError.setting(
        method: "scrub", name: "temperature", value: "0", expected: "a number from 0.1 to 100.0")
    ) { try Scrub().with(["temperature": .number(0)]) }
    #expect(try Scrub().with(["temperature": .number(4)]).temperature == 4)
    #expect(try Match().with(["aim": .number(1.5)]).aim == 1.5)
    #expect(try Match().with(["aim": .text("auto")]).aim == nil)
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
