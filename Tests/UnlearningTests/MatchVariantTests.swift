import Engine
import Evidence
import ModelCore
import Testing

@testable import Unlearning

@Suite struct MatchVariantTests {
  @Test func deepGoesBackMostOfTheWay() throws {
    let problem = try OverfitProblem.overfit()
    let method = try Match().with(["deep": .flag(true)])
    let report = try problem.run(
      .samples(OverfitProblem.tenth), by: method, maxCost: 0.1, retries: false
    ).report
    #expect(abs(try report.number("softReset") - 0.4) < 1e-6)
    #expect(try report.number("resetPasses") == 2)
    #expect(report.cost.share <= 0.1)
    let (before, after) = (try #require(report.before.forget), try #require(report.after.forget))
    #expect(after.auc < before.auc)
    #expect(after.accuracy < 0.97)
  }

  @Test func deepRefusesABudgetThatDoesNotPayForIt() throws {
    let problem = try OverfitProblem.overfit()
    let method = try Match().with(["deep": .flag(true)])
    #expect {
      try problem.run(.samples(OverfitProblem.tenth), by: method, maxCost: 0.01)
    } throws: { error in
      guard case .budget = error as? UnlearningError else { return false }
      return "\(error)".contains("1.3 % of retraining's cost")
    }
    #expect(throws: UnlearningError.scenario(method: "match --deep", expected: "single samples")) {
      try problem.run(.classes([1]), by: method)
    }
  }

  /// Two passes are a fifth of ten epochs, and a tenth is the method's own budget.
  @Test func deepRaisesItsOwnBudgetToWhatTheResetTakes() throws {
    let problem = try OverfitProblem.overfit()
    let method = try Match().with(["deep": .flag(true)])
    let report = try problem.run(.samples(OverfitProblem.tenth), by: method, retries: false) {
      $0.recipe = OverfitProblem.recipe(epochs: 10)
    }.report
    #expect(try report.number("resetPasses") == 2)
    #expect(try #require(report.cost.limit) > 0.25)
    #expect(report.cost.share <= report.cost.limit ?? 0)
  }

  /// The same steps with the others' labels alone move the answers to unseen samples further.
  @Test func heldSamplesKeepTheRestWhereItWas() throws {
    let problem = try OverfitProblem.overfit()
    func moved(_ weight: Double) throws -> Double {
      let method = try Match().with(["holdWeight": .number(weight)])
      let report = try problem.run(
        .samples(OverfitProblem.tenth), by: method, maxCost: 0.1, retries: false
      ).report
      #expect(try #require(report.after.forget).accuracy < 0.97)
      return try #require(report.change.unseen).jensenShannon
    }
    #expect(try moved(2) < 0.9 * moved(0))
  }

  @Test func samplesAreForgottenWithoutTheOthers() throws {
    let problem = try OverfitProblem.overfit()
    let report = try problem.run(.samples(OverfitProblem.tenth), maxCost: 0.1) {
      $0.usesRetained = false
    }.report
    #expect(report.verdict.outcome == .matched, "\(report)")
    #expect(!report.after.accuracies.contains { $0.split == "retained" })
    #expect(report.utility.loss <= report.utility.allowance)
  }

  /// A file that holds nothing but what is to be forgotten.
  @Test func allTrainingSamplesMayGoWithoutTheOthers() throws {
    let problem = try OverfitProblem.overfit()
    let all = Array(0..<OverfitProblem.trainCount)
    #expect(throws: UnlearningError.nothingRetained(count: all.count)) {
      try problem.run(.wrongLabels(all, right: [:]))
    }
    let report = try problem.run(.wrongLabels(all, right: [:]), retries: false) {
      $0.usesRetained = false
    }.report
    #expect(report.scenario.retainCount == 0)
    #expect(report.cost.retrainingPasses == Double(problem.recipe.epochs * all.count))
  }

  @Test(arguments: ["retrain", "scrub", "finetune", "newton"])
  func otherMethodsNeedTheOthers(name: String) throws {
    let problem = try OverfitProblem.overfit()
    #expect(throws: UnlearningError.needsRetained(method: name)) {
      try problem.run(.samples([3]), by: UnlearningMethods.named(name)) { $0.usesRetained = false }
    }
  }

  @Test func aClassIsForgottenWithoutTheOthers() throws {
    let problem = try OverfitProblem.overfit()
    let report = try problem.run(.classes([2]), maxCost: 0.2) { $0.usesRetained = false }.report
    let test = try #require(report.after.forgottenClasses)
    #expect(test.forgetAccuracy < 0.03, "\(report)")
    #expect(try #require(test.unseenAccuracy) < 0.03, "\(report)")
    #expect(report.utility.loss <= report.utility.allowance)
  }

  /// Several at once, each without leaving for another that goes as well.
  @Test func severalClassesAreForgottenTogether() throws {
    let problem = try OverfitProblem.overfit()
    let report = try problem.run(.classes([0, 3]), maxCost: 0.3).report
    #expect(report.verdict.outcome == .matched, "\(report)")
    #expect(report.scenario.classes == [0, 3])
  }

  /// What was forgotten before stays forgotten, is not learned again, and is no longer retained.
  @Test func earlierRequestsStayForgotten() throws {
    let problem = try OverfitProblem.overfit()
    let first = OverfitProblem.tenth
    let once = try problem.run(.samples(first), maxCost: 0.1)
    let second = first.map { $0 + OverfitProblem.classCount }
    let after = problem.with(once.parameters)
    let byLabels = try Match().with(["holdWeight": .number(0)])
    let forgetful = try after.run(.samples(second), by: byLabels, maxCost: 0.1)
    let held = try after.run(.samples(second), by: byLabels, maxCost: 0.1) {
      $0.forgottenBefore = [first]
    }
    #expect(held.report.scenario.forgottenBefore == first.count)
    #expect(held.report.scenario.retainCount == 800)
    #expect(forgetful.report.scenario.retainCount == 900)
    func margin(_ parameters: Parameters) throws -> Double {
      let network = try problem.with(parameters).network()
      let scores = try network.logits(of: problem.train, rows: first)
      let margins = try Responses(
        logits: scores.logits, labels: scores.labels, classCount: scores.classCount
      ).margins
      return margins.reduce(0, +) / Double(margins.count)
    }
    // Training on them as retained ones brings them back.
    #expect(try margin(forgetful.parameters) > margin(held.parameters) + 0.5)
    // Samples that are held to the model's answers, as by default, bring back less of them.
    let usual = try after.run(.samples(second), maxCost: 0.1)
    #expect(try margin(usual.parameters) < margin(forgetful.parameters))
  }

  @Test func earlierRowsHaveToBeThere() throws {
    let problem = try OverfitProblem.overfit()
    #expect(throws: UnlearningError.row(5000, count: 1000)) {
      try problem.run(.samples([3])) { $0.forgottenBefore = [[5000]] }
    }
  }

  /// The hardest samples are answered worse than others by a model that never saw them: that is no
  /// sign of too much forgetting, and better than unseen ones as hard is a sign of memory.
  @Test func hardSamplesAreComparedWithHardOnes() throws {
    let problem = try OverfitProblem.overfit()
    let scores = try problem.network().logits(of: problem.train)
    let margins = try Responses(
      logits: scores.logits, labels: scores.labels, classCount: scores.classCount
    ).margins
    let hardest = margins.indices.sorted { margins[$0] < margins[$1] }.prefix(80)
    let report = try problem.run(.samples(Array(hardest)), maxCost: 0.1, retries: false).report
    let before = try #require(report.before.expectation)
    let after = try #require(report.after.expectation)
    let plain = try #require(report.after.forget)
    #expect(before.accuracy > 0.95)
    #expect(before.unseenAccuracy < 0.8)
    #expect(report.power.hasPower && !report.power.untouchedPasses)
    #expect(after.auc < before.auc)
    // Beside unseen samples of any kind these look over-forgotten.
    #expect(plain.accuracy - plain.unseenAccuracy < -2.5 * plain.accuracyError)
    #expect(report.verdict.outcome != .overForgotten, "\(report)")
    #expect(report.description.contains("as hard"))
  }

  /// Here ranks outlive another training less than the test takes them to: it may ask too much of a
  /// model that never saw the samples, and never calls it over-forgotten.
  @Test func theTestOfHardSamplesErrsOnTheSafeSide() throws {
    let problem = try OverfitProblem.overfit()
    let scores = try problem.network().logits(of: problem.train)
    let margins = try Responses(
      logits: scores.logits, labels: scores.labels, classCount: scores.classCount
    ).margins
    let hardest = margins.indices.sorted { margins[$0] < margins[$1] }.prefix(80)
    let report = try problem.run(.samples(Array(hardest)), by: Retrain()).report
    let after = try #require(report.after.expectation)
    #expect(after.auc > 0.5 - 2.5 * after.aucError)
    #expect(after.accuracy - after.unseenAccuracy > -2.5 * after.accuracyError)
    #expect(report.verdict.outcome == .matched)
  }

  @Test func fairSamplesAreComparedWithAll() throws {
    let problem = try OverfitProblem.overfit()
    #expect(try problem.run(.samples(OverfitProblem.tenth)).report.before.expectation == nil)
  }
}

extension UnlearningReport {
  func number(_ finding: String) throws -> Double {
    guard case .number(let value) = try #require(method.findings[finding]) else {
      Issue.record("\(finding) is no number")
      return .nan
    }
    return value
  }
}
