/// The distribution of some numbers, each with a weight.
///
/// One sorted copy serves ranks, quantiles and the distances between two samples.
public struct EmpiricalDistribution: Hashable, Sendable {
  /// Ascending.
  public let values: [Double]
  /// The weight up to and including each value, ending in 1.
  public let cumulative: [Double]
  /// How many equally weighted numbers would estimate a mean as well: `(sum w)^2 / sum w^2`.
  ///
  /// - SeeAlso: Kish, *Survey Sampling*, 1965, section 11.7.
  public let effectiveCount: Double

  /// - Parameters:
  ///   - sample: finite numbers, in any order.
  ///   - weights: one for each number, non-negative; nil when all count the same.
  /// - Returns: nil when nothing carries weight.
  public init?(_ sample: [Double], weights: [Double]? = nil) {
    guard let weights else {
      guard !sample.isEmpty else { return nil }
      values = sample.sorted()
      let count = Double(sample.count)
      cumulative = (1...sample.count).map { Double($0) / count }
      effectiveCount = count
      return
    }
    precondition(weights.count == sample.count, "\(sample.count) values, \(weights.count) weights")
    let total = weights.reduce(0, +)
    let squares = weights.reduce(0) { $0 + $1 * $1 }
    guard total > 0 else { return nil }
    let order = sample.indices.filter { weights[$0] > 0 }.sorted {
      (sample[$0], $0) < (sample[$1], $1)
    }
    var sum = 0.0
    var cumulative: [Double] = []
    cumulative.reserveCapacity(order.count)
    for index in order {
      sum += weights[index]
      cumulative.append(sum / total)
    }
    cumulative[order.count - 1] = 1
    values = order.map { sample[$0] }
    self.cumulative = cumulative
    effectiveCount = total * total / squares
  }

  public var count: Int { values.count }

  /// The share of the weight below `value`, and up to it.
  public func share(below value: Double) -> Double {
    let index = firstIndex { $0 >= value }
    return index == 0 ? 0 : cumulative[index - 1]
  }

  /// The share of the weight at or below `value`.
  public func share(upTo value: Double) -> Double {
    let index = firstIndex { $0 > value }
    return index == 0 ? 0 : cumulative[index - 1]
  }

  /// The mid-rank of `value`, within 0...1: the share below it and half of the share at it.
  public func rank(of value: Double) -> Double { (share(below: value) + share(upTo: value)) / 2 }

  /// The value at a rank, linear between the midpoints of neighbouring weights.
  ///
  /// For equal weights this is Hazen's rule (type 5 of Hyndman and Fan, *The American
  /// Statistician* 50(4), 1996), the inverse of `rank(of:)` where no values are tied.
  ///
  /// - Parameter rank: clamped to 0...1.
  public func quantile(_ rank: Double) -> Double {
    let rank = min(max(rank, 0), 1)
    let index = firstMidpoint(atOrAbove: rank)
    guard index > 0 else { return values[0] }
    guard index < count else { return values[count - 1] }
    let low = midpoint(index - 1)
    let high = midpoint(index)
    let fraction = high > low ? (rank - low) / (high - low) : 1
    return values[index - 1] + fraction * (values[index] - values[index - 1])
  }

  private func midpoint(_ index: Int) -> Double {
    (cumulative[index] + (index == 0 ? 0 : cumulative[index - 1])) / 2
  }

  private func firstMidpoint(atOrAbove rank: Double) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if midpoint(middle) >= rank { high = middle } else { low = middle + 1 }
    }
    return low
  }

  private func firstIndex(where isPast: (Double) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if isPast(values[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
