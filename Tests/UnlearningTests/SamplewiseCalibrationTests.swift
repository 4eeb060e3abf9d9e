import Evidence
import ModelCore
import Testing

@testable import Unlearning

/// The test of each sample on models that are drawn: scores are standard normal, training on a sample
/// adds to its margin, and a score survives another training with a correlation of .86.
@Suite struct SamplewiseCalibrationTests {
  /// A model's margins, of samples to forget and unseen ones, before and after another training.
  private struct Draw {
    let test: SamplewiseTest
    let untouched: SamplewiseTest

    /// - Parameter known: what training adds to a margin, in standard deviations.
    init(_ count: Int, known: Double, seed: UInt64) throws {
      var random = SeededGenerator(seed: seed, stream: "calibration")
      func scores(_ count: Int) -> [Double] { (0..<count).map { _ in random.nextNormal() } }
      func retrained(_ scores: [Double]) -> [Double] {
        scores.map { 0.86 * $0 + (1 - 0.86 * 0.86).squareRoot() * random.nextNormal() }
      }
      func margins(_ scores: [Double], _ known: Double = 0) throws -> Responses {
        try answers(scores.map { 2 * ($0 + known) })
      }
      let (forget, unseen) = (scores(count), scores(2000))
      let before = try margins(unseen)
      let original = try margins(forget, known)
      let map = try #require(
        MarginMap(retained: margins(scores(2000), known), unseen: margins(scores(2000))))
      let standings = map.standings(original)
      test = try #require(
        SamplewiseTest(
          margins: margins(retrained(forget)).margins, standings: standings,
          unseen: margins(retrained(unseen)), before: before, untouched: original.margins))
      untouched = try #require(
        SamplewiseTest(
          margins: original.margins, standings: standings, unseen: before, before: before,
          untouched: original.margins))
    }
  }

  private func share(
    of draws: Int, _ count: Int, known: Double, _ holds: (Draw) -> Bool
  ) throws -> Double {
    let held = try (0..<draws).filter { try holds(Draw(count, known: known, seed: UInt64($0))) }
    return Double(held.count) / Double(draws)
  }

  /// A test that a retrained model fails is a wrong test.
  @Test(arguments: [
    (5, 0.0), (20, 0), (100, 0), (500, 0), (20, 0.1), (100, 0.1), (500, 0.1), (20, 0.3), (100, 0.3),
    (500, 0.3),
    (5, 1), (20, 1), (100, 1), (500, 1),
  ])
  func aRetrainedModelPasses(count: Int, known: Double) throws {
    #expect(try share(of: 40, count, known: known) { $0.test.passes } >= 0.95)
  }

  @Test(arguments: [5, 20, 100, 500])
  func anUntouchedModelThatKnowsItsSamplesIsRejected(count: Int) throws {
    #expect(try share(of: 40, count, known: 1) { !$0.untouched.passes } >= 0.95)
    #expect(try share(of: 40, count, known: 1) { !$0.test.hadNothingToUnlearn } == 1)
  }

  @Test func aHandfulIsTooFewToHaveHadNothing() throws {
    #expect(try share(of: 20, 5, known: 0) { $0.test.hadNothingToUnlearn } == 0)
  }
}
