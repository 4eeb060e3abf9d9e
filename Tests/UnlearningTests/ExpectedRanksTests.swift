import Evidence
import ModelCore
import Testing

@testable import Unlearning

@Suite struct ExpectedRanksTests {
  private let ranks = ExpectedRanks(persistence: 0.8)

  @Test func aSingleSampleGetsTheMedian() {
    let found = ranks([StandardNormal.cumulative(-2)])[0]
    #expect(abs(found - StandardNormal.cumulative(-1.6)) < 1e-9)
    #expect(abs(ranks([0.5])[0] - 0.5) < 1e-12)
  }

  /// Even ranks are what a random sample has, before and after.
  @Test(arguments: [200, 2000]) func aRandomSampleStaysOne(count: Int) {
    let even = (0..<count).map { (Double($0) + 0.5) / Double(count) }
    for (found, expected) in zip(ranks(even), even) { #expect(abs(found - expected) < 0.003) }
  }

  /// Of normals below -1.2816 (the lowest tenth), r z + sqrt(1 - r^2) e has the mean r times the
  /// truncated normal's, -1.755, whatever e.
  @Test func theHardestTenthIsLessHard() {
    let hardest = (0..<400).map { (Double($0) + 0.5) / 4000 }
    let scores = ranks(hardest).map(StandardNormal.quantile)
    let mean = scores.reduce(0, +) / 400
    #expect(abs(mean - 0.8 * -1.755) < 0.01)
    let spread = (scores.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 400).squareRoot()
    // Variance: 1 - r^2 + r^2 times the truncated normal's, 1 + 1.2816 * 1.755 - 1.755^2 = 0.169.
    #expect(abs(spread - (0.36 + 0.64 * 0.169).squareRoot()) < 0.01)
  }

  @Test func theOrderIsKept() {
    var random = SeededGenerator(seed: 2)
    let some = (0..<90).map { _ in min(max(random.nextUnit(), 0.001), 0.999) }
    let found = ranks(some)
    for i in some.indices {
      for j in some.indices where some[i] < some[j] { #expect(found[i] <= found[j]) }
    }
    #expect(found.allSatisfy { $0 > 0 && $0 < 1 })
  }

  @Test func fullPersistenceChangesNothing() {
    #expect(ExpectedRanks(persistence: 1)([0.1, 0.9, 0.3]) == [0.1, 0.9, 0.3])
    #expect(ranks([]) == [])
  }
}
