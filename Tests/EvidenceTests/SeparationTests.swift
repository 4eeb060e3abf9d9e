import Evidence
import ModelCore
import Testing

@Suite struct SeparationTests {
  static let first = [0.5, 2, 2, 3.5, -1, 4, 0]
  static let second = [2, -0.5, 1, 0.5, 3]

  private func separation(
    _ first: [Double], _ second: [Double], weights: [Double]? = nil
  ) throws -> Separation {
    Separation(
      try #require(EmpiricalDistribution(first)),
      try #require(EmpiricalDistribution(second, weights: weights)))
  }

  /// `sklearn.metrics.roc_auc_score`, `scipy.stats.ks_2samp`, `scipy.stats.wasserstein_distance`;
  /// scikit-learn 1.9.1, SciPy 1.17.1.
  @Test func agreesWithSciPy() throws {
    let found = try separation(Self.first, Self.second)
    #expect(abs(found.auc - 0.5571428571428572) < 1e-12)
    #expect(abs(found.kolmogorovSmirnov - 0.2857142857142857) < 1e-12)
    #expect(abs(found.wasserstein - 0.6285714285714286) < 1e-12)
  }

  /// `roc_auc_score(..., sample_weight=...)`, `wasserstein_distance(..., v_weights=[1,2,1,3,1])`.
  @Test func weightsAgreeWithSciPy() throws {
    let found = try separation(Self.first, Self.second, weights: [1, 2, 1, 3, 1])
    #expect(abs(found.auc - 0.6160714285714286) < 1e-12)
    #expect(abs(found.wasserstein - 0.9375) < 1e-12)
  }

  /// The same functions on 400 and 300 values with ties, made by a linear congruence.
  @Test func agreesWithSciPyOnManyValues() throws {
    let found = try separation(
      Self.congruence(400, seed: 1), Self.congruence(300, seed: 7).map { $0 * 0.9 - 0.2 })
    #expect(abs(found.auc - 0.5482374999999999) < 1e-12)
    #expect(abs(found.kolmogorovSmirnov - 0.11916666666666667) < 1e-12)
    #expect(abs(found.wasserstein - 0.5001549999999999) < 1e-9)
  }

  @Test func samplesThatDoNotOverlapAreToldApart() throws {
    let found = try separation([5, 6], [1, 2, 3])
    #expect(found.auc == 1)
    #expect(found.kolmogorovSmirnov == 1)
    #expect(abs(found.wasserstein - 3.5) < 1e-12)
    #expect(try separation([1, 2, 3], [5, 6]).auc == 0)
  }

  @Test func aSampleIsNotToldFromItself() throws {
    let found = try separation(Self.first, Self.first)
    #expect(abs(found.auc - 0.5) < 1e-15)
    #expect(found.kolmogorovSmirnov == 0)
    #expect(found.wasserstein == 0)
  }

  /// Pair by pair, as the definition has it.
  @Test(arguments: [1, 2, 3] as [UInt64]) func theAreaCountsPairs(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let first = (0..<31).map { _ in Double(random.next(below: 12)) }
    let second = (0..<17).map { _ in Double(random.next(below: 12)) }
    var wins = 0.0
    for a in first { for b in second { wins += a > b ? 1 : a == b ? 0.5 : 0 } }
    #expect(abs(try separation(first, second).auc - wins / (31 * 17)) < 1e-12)
  }

  private static func congruence(_ count: Int, seed: Int) -> [Double] {
    var state = seed
    return (0..<count).map { _ in
      state = (state * 1_103_515_245 + 12345) % (1 << 31)
      return Double((state >> 8) % 1000) / 100
    }
  }
}
