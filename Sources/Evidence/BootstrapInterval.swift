public import ModelCore

/// The range in which a statistic lies when samples are drawn anew, by resampling.
///
/// The percentile method: Efron, *The Jackknife, the Bootstrap and Other Resampling Plans*, 1982,
/// chapter 10.
public struct BootstrapInterval: Hashable, Codable, Sendable {
  public let lower: Double
  public let upper: Double
  /// The share of resamples inside, such as 0.95.
  public let level: Double

  /// - Parameters:
  ///   - count: how many samples there are, above zero.
  ///   - level: within 0...1.
  ///   - resamples: how many times to draw, above zero.
  ///   - random: decides the draws; the same generator gives the same interval.
  ///   - statistic: computed from the positions of `count` samples drawn with replacement.
  /// - Returns: nil when there is nothing to draw from or the statistic is never finite.
  public init?(
    count: Int, level: Double = 0.95, resamples: Int = 1000, using random: inout SeededGenerator,
    statistic: ([Int]) -> Double
  ) {
    guard count > 0, resamples > 0, (0...1).contains(level) else { return nil }
    var found: [Double] = []
    for _ in 0..<resamples {
      let value = statistic((0..<count).map { _ in random.next(below: count) })
      if value.isFinite { found.append(value) }
    }
    guard let distribution = EmpiricalDistribution(found) else { return nil }
    lower = distribution.quantile((1 - level) / 2)
    upper = distribution.quantile((1 + level) / 2)
    self.level = level
  }
}
