internal import Evidence
internal import Foundation

/// Weights for unseen samples that make them as hard as some samples are expected to be.
///
/// A sample of normal score `z` among the samples that stay is expected at `r z + sqrt(1 - r^2) e`
/// among unseen ones, `e` standard normal (``ExpectedRanks``). Unseen samples of its class have the
/// density `phi(s)` at the score `s`, so an unseen sample of that score gets the weight
///
///     w(s) = mean_i N(s; r z_i, 1 - r^2) / phi(s)
///
/// and the weighted ones are distributed like what is expected. For a fair sample of a class all
/// weights are about 1; for hard samples few unseen ones carry most of the weight, and their effective
/// number says so.
enum HardnessWeights {
  private static let largestMixture = 512

  /// Whether samples are harder or easier than chance allows a fair sample of their classes to be:
  /// the mean of `n` ranks has the standard error `1 / sqrt(12 n)`.
  static func areNeeded(_ standings: [MarginMap.Standing]) -> Bool {
    let mean = standings.reduce(0) { $0 + $1.ownRank } / Double(max(1, standings.count))
    return abs(mean - 0.5) > 2.5 / (12 * Double(max(1, standings.count))).squareRoot()
  }

  /// - Parameters:
  ///   - unseen: a model's answers about unseen samples.
  ///   - standings: where the samples in question stand.
  /// - Returns: `[N]`, one for each unseen sample.
  static func weights(
    _ unseen: Responses, like standings: [MarginMap.Standing], persistence r: Double
  ) -> [Double] {
    var groups: [Int?: [Double]] = [:]
    for standing in standings {
      groups[standing.label, default: []].append(StandardNormal.quantile(standing.ownRank))
    }
    var weights = [Double](repeating: 0, count: unseen.count)
    for (label, unsorted) in groups {
      let scores = unsorted.sorted()
      let positions = unseen.labels.indices.filter {
        label == nil || Int(unseen.labels[$0]) == label
      }
      let order = positions.sorted { (unseen.margins[$0], $0) < (unseen.margins[$1], $1) }
      let densities = order.indices.map { index in
        density(at: (Double(index) + 0.5) / Double(order.count), scores, r)
      }
      let sum = densities.reduce(0, +)
      guard sum > 0 else { continue }
      for (index, position) in order.enumerated() {
        weights[position] += densities[index] / sum * Double(scores.count)
      }
    }
    return weights
  }

  private static func density(at rank: Double, _ scores: [Double], _ r: Double) -> Double {
    let s = StandardNormal.quantile(rank)
    let variance = max(1 - r * r, 1e-4)
    let count = min(scores.count, largestMixture)
    return (0..<count).reduce(0) { sum, index in
      let centre = r * scores[(2 * index + 1) * scores.count / (2 * count)]
      return sum + exp(s * s / 2 - (s - centre) * (s - centre) / (2 * variance))
    }
  }
}
