import Engine
import Evidence
import ModelCore
import Testing
import Unlearning

@Suite struct MatchTests {
  /// 80 of 800, two of each class in a row of ten... any rule that is balanced.
  static let tenth = (0..<800).filter { $0 * 7919 % 800 < 80 }

  @Test func aTenthOfTheTrainingSamplesIsForgotten() throws {
    let problem = try OverfitProblem.overfit()
    let report = try problem.run(.samples(Self.tenth)).report
    print(report)
    #expect(report.power.hasPower)
    #expect(!report.power.untouchedPasses)
    #expect(report.verdict.outcome == .matched)
    #expect(report.verdict.accepted)
  }
  @Test func single() throws {
    let problem = try OverfitProblem.overfit()
    for r in [3, 77, 500, 612] {
      let report = try problem.run(.samples([r])).report
      print(report, report.samplewise as Any, report.method)
    }
  }
  @Test func few() throws {
    let problem = try OverfitProblem.overfit()
    for r in 0..<4 {
      let report = try problem.run(.samples([r, r + 40, r + 80, r + 100, r + 200])).report
      print(report, report.samplewise as Any, report.method)
    }
  }
  @Test func cls() throws {
    let problem = try OverfitProblem.overfit()
    print(try problem.run(.classes([2])).report)
    print(try problem.run(.samples(Self.tenth), by: Retrain()).report)
    print(try OverfitProblem.honest().run(.samples(Self.tenth)).report)
  }
}
