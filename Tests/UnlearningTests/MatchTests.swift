import Engine
import Evidence
import ModelCore
import Testing
import Unlearning

@Suite struct MatchTests {
  @Test func aTenthOfTheTrainingSamplesIsForgotten() throws {
    let problem = try OverfitProblem.overfit()
    let outcome = try problem.run(.samples(OverfitProblem.tenth), maxCost: 0.1)
    let report = outcome.report
    #expect(report.power.hasPower)
    #expect(!report.power.untouchedPasses)
    #expect(report.verdict.outcome == .matched, "\(report)")
    #expect(outcome.isAccepted)
    #expect(report.utility.loss <= report.utility.allowance)

    let before = try #require(report.before.forget)
    let after = try #require(report.after.forget)
    #expect(before.accuracy == 1)
    #expect(after.accuracy < 0.97)
    #expect(after.accuracy > after.unseenAccuracy - 0.08)
    #expect(after.auc < before.auc)
    #expect(try #require(report.after.accuracies.first { $0.split == "retained" }).accuracy > 0.98)
  }

  @Test func theBudgetIsKept() throws {
    let problem = try OverfitProblem.overfit()
    for share in [0.05, 0.1] {
      let report = try problem.run(
        .samples(OverfitProblem.tenth), maxCost: share, retries: false
      ).report
      #expect(report.cost.share <= share)
      #expect(report.cost.share > 0.9 * share)
      #expect(
        report.cost.passes == Double(report.cost.trained) + Double(report.cost.evaluated) / 3)
      #expect(report.cost.retrainingPasses == Double(problem.recipe.epochs * 900))
    }
  }

  /// What the tests alone would cost more than is refused before a step is taken.
  @Test func aBudgetThatPaysForNoTestIsRefused() throws {
    let problem = try OverfitProblem.overfit()
    #expect {
      try problem.run(.samples(OverfitProblem.tenth), maxCost: 0.0001)
    } throws: { error in
      guard case .budget("match", _, let needed, 0.0001) = error as? UnlearningError else {
        return false
      }
      return needed > 0.005 && needed < 0.02
    }
  }

  /// Small data costs more to test than a share of its training: without a limit the default is raised,
  /// and the report says to what.
  @Test func theDefaultIsRaisedToWhatTestsTake() throws {
    let problem = try OverfitProblem.overfit()
    let report = try problem.run(.samples(OverfitProblem.tenth), retries: false) {
      $0.recipe?.epochs = 4
    }.report
    let limit = try #require(report.cost.limit)
    #expect(limit > 0.05 && limit < 1)
    #expect(report.cost.share <= limit)
  }

  /// What comes to nothing is tried again at twice the cost, and the sentence says what to do.
  @Test func tooSmallABudgetFails() throws {
    let problem = try OverfitProblem.overfit()
    let outcome = try problem.run(
      .samples(OverfitProblem.tenth), by: FineTune(), maxCost: 0.007)
    #expect(!outcome.isAccepted)
    #expect(outcome.report.verdict.outcome == .notMatched, "\(outcome.report)")
    #expect(outcome.report.cost.attempts == 2)
    #expect(outcome.report.verdict.sentence.contains("--max-cost"))
  }

  @Test func aClassIsForgottenWhole() throws {
    let problem = try OverfitProblem.overfit()
    let report = try problem.run(.classes([2]), maxCost: 0.3).report
    #expect(report.verdict.outcome == .matched, "\(report)")
    #expect(report.scenario.classes == [2])
    let test = try #require(report.after.forgottenClasses)
    #expect(test.forgetAccuracy <= 0.01)
    #expect(try #require(test.unseenAccuracy) <= 0.01)
    #expect(try #require(report.before.forgottenClasses?.unseenAccuracy) > 0.8)
    // The other classes' accuracy, without the forgotten one among the samples.
    let kept = try #require(report.after.accuracies.first { $0.split == "test" })
    #expect(kept.count == 750)
    #expect(kept.accuracy > 0.85)
  }

  @Test(arguments: [3, 77, 612]) func aSingleSampleIsJudgedByItself(row: Int) throws {
    let problem = try OverfitProblem.overfit()
    let report = try problem.run(.samples([row])).report
    #expect(!report.power.hasPower)
    #expect(!report.power.nothingToUnlearn)
    #expect(try #require(report.power.neededCount) > 1)
    #expect(report.verdict.outcome == .matchedSamplewise, "\(report)")
    #expect(report.verdict.accepted)
    #expect(report.samplewise?.count == 1)
    // Rates over one sample would be the sample's own answers.
    #expect(report.before.forget == nil)
    #expect(report.after.forget == nil)
    #expect(report.checks.isEmpty)
  }

  @Test func aTestWithPowerCanBeDemanded() throws {
    let problem = try OverfitProblem.overfit()
    let outcome = try problem.run(.samples([77]), requiresPower: true)
    #expect(outcome.report.verdict.outcome == .matchedSamplewise)
    #expect(!outcome.isAccepted)
    #expect(outcome.report.verdict.sentence.contains("test with power was asked for"))
  }

  @Test func aModelThatNeverMemorisedHasNothingToUnlearn() throws {
    let problem = try OverfitProblem.honest()
    let report = try problem.run(.samples(Array(stride(from: 0, to: 1000, by: 3)))).report
    #expect(report.power.untouchedPasses)
    #expect(!report.power.hasPower)
    #expect(report.verdict.outcome == .matchedSamplewise, "\(report)")
    #expect(report.cost.steps > 0)
  }

  @Test func theSameRunGivesTheSameBits() throws {
    let problem = try OverfitProblem.overfit()
    let first = try problem.run(.samples(OverfitProblem.tenth), seed: 4)
    let second = try problem.run(.samples(OverfitProblem.tenth), seed: 4)
    #expect(first.parameters == second.parameters)
    #expect(first.report == second.report)
    let other = try problem.run(.samples(OverfitProblem.tenth), seed: 5)
    #expect(first.parameters != other.parameters)
  }

  @Test func theOrderOfTheIdsDoesNotMatter() throws {
    let problem = try OverfitProblem.overfit()
    let forward = try problem.run(.samples([10, 20, 30]))
    let backward = try problem.run(.samples([30, 10, 20]))
    #expect(forward.parameters == backward.parameters)
  }

  @Test func theCallerCanStopARun() throws {
    struct Stop: Error {}
    let problem = try OverfitProblem.overfit()
    var steps = 0
    #expect(throws: Stop.self) {
      try problem.run(
        .samples(OverfitProblem.tenth),
        progress: { progress in
          guard progress.stage == .unlearning else { return }
          steps += 1
          if progress.step == 3 { throw Stop() }
        })
    }
    #expect(steps == 3)
  }

  @Test(arguments: [(60, 1), (20, 1), (6, 2), (13, 1.5), (1, 2)] as [(Double, Double)])
  func fewPassesAimFurther(passes: Double, aim: Double) {
    #expect(Match.aim(passes: passes) == aim)
  }
}
