/// What an attack that calls high scores members achieves at every threshold: the ROC curve.
public struct OperatingCurve: Hashable, Sendable {
  /// A threshold's two rates, each within 0...1.
  public struct Point: Hashable, Codable, Sendable {
    public let falsePositiveRate: Double
    public let truePositiveRate: Double
  }

  /// From (0, 0) to (1, 1), both rates ascending; tied scores make one step.
  public let points: [Point]

  /// - Parameters:
  ///   - members: scores of samples that an attack should find.
  ///   - strangers: scores of samples that it should not.
  ///   - weights: of the strangers, non-negative; nil when all count the same.
  /// - Returns: nil when either is empty.
  public init?(members: [Double], strangers: [Double], weights: [Double]? = nil) {
    guard let inside = EmpiricalDistribution(members),
      let outside = EmpiricalDistribution(strangers, weights: weights)
    else { return nil }
    var points = [Point(falsePositiveRate: 0, truePositiveRate: 0)]
    var previous: Double?
    for value in (inside.values + outside.values).sorted(by: >) where value != previous {
      previous = value
      points.append(
        Point(
          falsePositiveRate: 1 - outside.share(below: value),
          truePositiveRate: 1 - inside.share(below: value)))
    }
    self.points = points
  }

  /// The largest true positive rate at no more than this false positive rate; no point is
  /// interpolated, for no threshold has it.
  public func truePositiveRate(atFalsePositiveRate limit: Double) -> Double {
    // One of a hundred is 1 %, however 1 - .99 rounds.
    points.last { $0.falsePositiveRate <= limit + 1e-12 }?.truePositiveRate ?? 0
  }

  /// The area under the curve by trapezoids, ties counting half.
  public var area: Double {
    zip(points, points.dropFirst()).reduce(0) { sum, pair in
      sum + (pair.1.falsePositiveRate - pair.0.falsePositiveRate)
        * (pair.1.truePositiveRate + pair.0.truePositiveRate) / 2
    }
  }
}
