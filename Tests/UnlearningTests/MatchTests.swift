import Testing
import Unlearning

@Suite struct MatchTests {
  @Test func all() throws {
    let problem = try OverfitProblem.overfit()
    for cost in [0.05, 0.1] {
      for seed in [1, 2] as [UInt64] {
        for k in [3, 7] {
          let r = try problem.run(
            .samples((0..<1000).filter { $0 / 4 % 10 == k }), maxCost: cost, retries: false,
            seed: seed
          ).report
          print(
            ">>", cost, seed, r.verdict.outcome, r.before.forget.accuracy, r.before.forget.auc,
            r.after.forget.accuracy, r.after.forget.unseenAccuracy, r.after.forget.auc,
            r.utility.loss, r.utility.allowance, r.after.accuracies.map(\.accuracy), r.cost.share)
        }
      }
      let r = try problem.run(.classes([2]), maxCost: cost, retries: false, seed: 1).report
      print(
        ">> class", cost, r.verdict.outcome, r.after.forgottenClasses!, r.utility.loss,
        r.after.accuracies.map(\.accuracy), r.cost.share)
    }
    for k in [3, 7] {
      let r = try problem.run(.samples((0..<1000).filter { $0 / 4 % 10 == k }), by: Retrain())
        .report
      print(
        ">> re", r.verdict.outcome, r.before.forget.accuracy, r.before.forget.auc,
        r.after.forget.accuracy, r.after.forget.unseenAccuracy, r.after.forget.auc, r.utility.loss,
        r.utility.allowance, r.after.accuracies.map(\.accuracy), r.cost.share)
    }
  }
}
