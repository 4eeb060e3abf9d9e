import Testing
import Unlearning

@testable import Tuning

@Suite struct TuningGridTests {
  @Test(arguments: ["match", "scrub", "neggrad", "finetune", "random-label", "bad-teacher"])
  func theDefaultsComeFirstAndAllDiffer(_ name: String) throws {
    let candidates = try TuningGrid.candidates(of: UnlearningMethods.named(name))
    #expect(candidates.count >= 5)
    #expect(candidates[0].changes.isEmpty)
    #expect(candidates.dropFirst().allSatisfy { !$0.changes.isEmpty })
    #expect(Set(candidates.map { $0.method.settings }).count == candidates.count)
    #expect(candidates.allSatisfy { $0.method.name == name })
  }

  @Test func retrainingHasNothingToTune() throws {
    let method = try UnlearningMethods.named("retrain")
    #expect(throws: TuningError.nothingToTune("retrain")) {
      try TuningGrid.candidates(of: method)
    }
  }
}
