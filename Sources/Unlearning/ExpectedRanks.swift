internal import Evidence

/// The ranks that samples would have, had the model never seen them.
///
/// A sample's rank changes from one training to the next. In normal scores `z` (the quantile of the
/// standard normal at the rank), a sample of score `z` under a model that was trained on it has about
/// the score `r z + sqrt(1 - r^2) e` under one that was not, with `e` standard normal: a hard sample
/// is likely to be less hard. So the scores of a set of samples are expected to be distributed like the
/// mixture of these normals, and its quantiles are handed out in the order of the samples' scores.
///
/// A random sample of a class gets the ranks that a random sample has; a set of hard samples stays
/// hard, but less so; a single sample gets the median of what may become of it.
struct ExpectedRanks: Hashable, Sendable {
  /// `r`: how much of a normal score outlives another training.
  let persistence: Double

  /// The most components of a mixture: more samples are represented by evenly spaced ones.
  private static let largestMixture = 512
  /// Scores from -4 to 4.
  private static let grid = (0...1600).map { Double($0 - 800) / 200 }

  /// - Parameter ranks: among samples that stay, above 0 and below 1.
  /// - Returns: the expected rank of each.
  func callAsFunction(_ ranks: [Double]) -> [Double] {
    let scores = ranks.map(StandardNormal.quantile)
    guard persistence < 1, scores.count > 0 else { return ranks }
    if scores.count == 1 { return [StandardNormal.cumulative(persistence * scores[0])] }
    let order = scores.indices.sorted { (scores[$0], $0) < (scores[$1], $1) }
    let cumulative = mixture(order.map { scores[$0] })
    var result = ranks
    var cell = 0
    for (position, index) in order.enumerated() {
      let share = (Double(position) + 0.5) / Double(order.count)
      while cell + 2 < cumulative.count, cumulative[cell + 1] < share { cell += 1 }
      let (low, high) = (cumulative[cell], cumulative[cell + 1])
      let fraction = high > low ? min(max((share - low) / (high - low), 0), 1) : 0
      result[index] = StandardNormal.cumulative(Self.grid[cell] + fraction / 200)
    }
    return result
  }

  /// The mixture's distribution function on the grid.
  private func mixture(_ scores: [Double]) -> [Double] {
    let count = min(scores.count, Self.largestMixture)
    let centres = (0..<count).map {
      persistence * scores[(2 * $0 + 1) * scores.count / (2 * count)]
    }
    let spread = (1 - persistence * persistence).squareRoot()
    return Self.grid.map { score in
      centres.reduce(0) { $0 + StandardNormal.cumulative((score - $1) / spread) } / Double(count)
    }
  }
}
