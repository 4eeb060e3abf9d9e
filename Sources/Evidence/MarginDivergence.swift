internal import Foundation

/// How differently unlearned and retrained models answer single samples: KLoM, the Kullback-Leibler
/// divergence of margins over many models.
///
/// For each sample the margins under the unlearned models and under the retrained ones become
/// histograms of 20 bins over their joint range, margins clipped to +-100; the divergence is
/// `sum p log(p / max(q, 1e-5))`, of the unlearned (`p`) from the retrained (`q`), in nats.
///
/// - SeeAlso: Georgiev et al., "Attribute-to-Delete", 2024.
public struct MarginDivergence: Hashable, Codable, Sendable {
  /// How many models there were of either kind.
  public let unlearnedCount: Int
  public let retrainedCount: Int
  public let mean: Double
  /// The 95th percentile over the samples.
  public let high: Double

  /// - Parameters:
  ///   - unlearned: margins `[M][N]` of `M` models for `N` samples.
  ///   - retrained: `[K][N]`.
  ///   - dropsLargest: whether the last bin is open, as in copied code, so that the largest value
  ///     of all is lost.
  /// - Returns: nil with fewer than two models of either kind, or without samples: a histogram of one
  ///   model says nothing.
  public init?(unlearned: [[Double]], retrained: [[Double]], dropsLargest: Bool = false) {
    guard unlearned.count >= 2, retrained.count >= 2, let count = unlearned.first?.count, count > 0,
      (unlearned + retrained).allSatisfy({ $0.count == count })
    else { return nil }
    let each = (0..<count).map { sample in
      Self.divergence(
        unlearned.map { $0[sample] }, retrained.map { $0[sample] }, dropsLargest: dropsLargest)
    }
    guard let distribution = EmpiricalDistribution(each) else { return nil }
    unlearnedCount = unlearned.count
    retrainedCount = retrained.count
    mean = each.reduce(0, +) / Double(count)
    high = distribution.quantile(0.95)
  }

  static let binCount = 20

  /// One sample's divergence.
  static func divergence(_ first: [Double], _ second: [Double], dropsLargest: Bool) -> Double {
    let p = first.map { min(max($0, -100), 100) }
    let q = second.map { min(max($0, -100), 100) }
    guard let low = (p + q).min(), let high = (p + q).max() else { return 0 }
    // Margins that are all the same lie in one bin, whatever its width.
    let width = (high > low ? high - low : 1) / Double(binCount)
    let (a, b) = (
      shares(p, low, width, dropsLargest), shares(q, low, width, dropsLargest)
    )
    return zip(a, b).reduce(0) { sum, pair in
      pair.0 > 0 ? sum + pair.0 * log(pair.0 / max(pair.1, 1e-5)) : sum
    }
  }

  private static func shares(
    _ values: [Double], _ low: Double, _ width: Double, _ dropsLargest: Bool
  ) -> [Double] {
    var counts = [Double](repeating: 0, count: binCount)
    for value in values {
      let bin = Int(((value - low) / width).rounded(.down))
      if bin < binCount { counts[bin] += 1 } else if !dropsLargest { counts[binCount - 1] += 1 }
    }
    let total = counts.reduce(0, +)
    return total > 0 ? counts.map { $0 / total } : counts
  }
}
