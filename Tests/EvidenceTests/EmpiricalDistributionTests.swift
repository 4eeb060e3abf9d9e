import Evidence
import ModelCore
import Testing

@Suite struct EmpiricalDistributionTests {
  /// `numpy.quantile([3, 1, 4, 1.5, 9], t, method='hazen')`, NumPy 2.
  @Test(arguments: [
    (0, 1.0), (0.1, 1.0), (0.25, 1.375), (0.5, 3.0), (0.77, 5.75), (1, 9.0), (-3, 1.0), (7, 9.0),
  ])
  func quantilesAreThoseOfNumPy(rank: Double, expected: Double) throws {
    let distribution = try #require(EmpiricalDistribution([3, 1, 4, 1.5, 9]))
    #expect(abs(distribution.quantile(rank) - expected) < 1e-12)
  }

  @Test func aRankCountsHalfOfTheTies() throws {
    let distribution = try #require(EmpiricalDistribution([1, 2, 2, 5]))
    #expect(distribution.rank(of: 0) == 0)
    #expect(distribution.rank(of: 1) == 0.125)
    #expect(distribution.rank(of: 2) == 0.5)
    #expect(distribution.rank(of: 3) == 0.75)
    #expect(distribution.rank(of: 9) == 1)
    #expect(distribution.share(below: 2) == 0.25)
    #expect(distribution.share(upTo: 2) == 0.75)
  }

  @Test func aRankIsTheInverseOfAQuantile() throws {
    var random = SeededGenerator(seed: 3)
    let sample = (0..<57).map { _ in random.nextNormal() }
    let distribution = try #require(EmpiricalDistribution(sample))
    for value in sample {
      #expect(abs(distribution.quantile(distribution.rank(of: value)) - value) < 1e-9)
    }
  }

  /// A weight of three is worth three copies.
  @Test func weightsCountAsCopies() throws {
    let weighted = try #require(EmpiricalDistribution([4, 1, 2], weights: [1, 3, 0]))
    let copies = try #require(EmpiricalDistribution([1, 1, 1, 4]))
    for value in [0.0, 1, 2, 4, 5] {
      #expect(weighted.share(below: value) == copies.share(below: value))
      #expect(weighted.share(upTo: value) == copies.share(upTo: value))
    }
    #expect(weighted.values == [1, 4])
    #expect(weighted.effectiveCount == 1.6)  // 4^2 / (1 + 9)
    #expect(copies.effectiveCount == 4)
  }

  @Test func nothingIsNoDistribution() {
    #expect(EmpiricalDistribution([]) == nil)
    #expect(EmpiricalDistribution([1, 2], weights: [0, 0]) == nil)
  }
}
