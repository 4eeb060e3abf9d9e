/// How far apart two samples of one quantity lie.
public struct Separation: Hashable, Sendable {
  /// `P(first > second) + P(first = second) / 2`, the area under the ROC curve.
  public let auc: Double
  /// Kolmogorov and Smirnov's: the largest difference between the distribution functions.
  public let kolmogorovSmirnov: Double
  /// Wasserstein-1: the area between the distribution functions, in the values' unit.
  public let wasserstein: Double

  /// Compares two weighted samples in one sweep over their sorted values.
  public init(_ first: EmpiricalDistribution, _ second: EmpiricalDistribution) {
    var auc = 0.0
    var largest = 0.0
    var area = 0.0
    var i = 0
    var j = 0
    var shareOfFirst = 0.0
    var shareOfSecond = 0.0
    var previous: Double?
    while i < first.count || j < second.count {
      let value = Self.smaller(first, i, second, j)
      if let previous { area += abs(shareOfFirst - shareOfSecond) * (value - previous) }
      let below = shareOfSecond
      while i < first.count, first.values[i] == value { i += 1 }
      while j < second.count, second.values[j] == value { j += 1 }
      let newFirst = i == 0 ? 0 : first.cumulative[i - 1]
      shareOfSecond = j == 0 ? 0 : second.cumulative[j - 1]
      auc += (newFirst - shareOfFirst) * (below + shareOfSecond) / 2
      shareOfFirst = newFirst
      largest = max(largest, abs(shareOfFirst - shareOfSecond))
      previous = value
    }
    self.auc = auc
    kolmogorovSmirnov = largest
    wasserstein = area
  }

  private static func smaller(
    _ first: EmpiricalDistribution, _ i: Int, _ second: EmpiricalDistribution, _ j: Int
  ) -> Double {
    guard i < first.count else { return second.values[j] }
    guard j < second.count else { return first.values[i] }
    return min(first.values[i], second.values[j])
  }
}
