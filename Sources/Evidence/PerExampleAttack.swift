internal import Foundation

/// An attack that knows how hard each sample is: offline U-LiRA.
///
/// Shadow models never saw the forgotten samples, nor the strangers; their margins say what each
/// sample's margin is like for a model that never saw it: `mu`, and the spread `sigma`. A sample's
/// score is `(margin - mu) / sigma`. The attack compares forgotten samples' scores with strangers'
/// under one and the same model, so that a general change of confidence cannot pass for memory.
///
/// With fewer than 64 shadow models one spread serves all samples, for a handful cannot tell one
/// sample's.
///
/// - SeeAlso: Carlini et al., "Membership Inference Attacks From First Principles", IEEE S&P 2022,
///   sections VI.B and VI.C; Hayes et al., "Inexact Unlearning Needs More Careful Evaluations", 2024.
public struct PerExampleAttack: Sendable {
  /// What the attack finds out about one model.
  public struct Outcome: Hashable, Codable, Sendable {
    /// How often a forgotten sample's score exceeds a stranger's: 0.5 when nothing is left.
    public let auc: Double
    /// The share of forgotten samples found while 1 %, or 0.1 %, of strangers are called members;
    /// nil with too few strangers to set such a threshold.
    public let truePositiveRateAt1Percent: Double?
    public let truePositiveRateAt01Percent: Double?
    /// The share of forgotten samples above the strangers' 95th percentile: .05 when nothing is left.
    public let shareStandingOut: Double
  }

  private let forget: Difficulty
  private let strangers: Difficulty
  /// How many shadow models there are.
  public let shadowCount: Int

  /// - Parameters:
  ///   - shadowForget: margins `[S][N]` of forgotten samples under the shadow models.
  ///   - shadowStrangers: `[S][M]` of strangers.
  /// - Returns: nil with fewer than two shadow models, or no samples.
  public init?(shadowForget: [[Double]], shadowStrangers: [[Double]]) {
    guard shadowForget.count >= 2, shadowForget.count == shadowStrangers.count,
      let one = Difficulty(shadowForget), let other = Difficulty(shadowStrangers)
    else { return nil }
    let isShared = shadowForget.count < Self.countForOwnSpread
    // The strangers' spread is the better known one, and what chance is measured by.
    forget = isShared ? one.sharing(other.pooled) : one
    strangers = isShared ? other.sharing(other.pooled) : other
    shadowCount = shadowForget.count
  }

  static let countForOwnSpread = 64

  /// Each forgotten sample's score, and each stranger's.
  public func scores(
    forget margins: [Double], strangers others: [Double]
  ) -> (forget: [Double], strangers: [Double]) {
    (forget.scores(margins), strangers.scores(others))
  }

  /// Attacks a model.
  ///
  /// - Parameter weights: of the strangers, so that classes count as among the forgotten samples.
  public func outcome(
    forget margins: [Double], strangers others: [Double], weights: [Double]? = nil
  ) -> Outcome? {
    let scores = scores(forget: margins, strangers: others)
    guard let inside = EmpiricalDistribution(scores.forget),
      let outside = EmpiricalDistribution(scores.strangers, weights: weights)
    else { return nil }
    func found(at rate: Double) -> Double {
      // The lowest threshold that calls no larger share of strangers members.
      let threshold = outside.values.first { 1 - outside.share(upTo: $0) <= rate + 1e-12 }
      return 1 - inside.share(upTo: threshold ?? .infinity)
    }
    return Outcome(
      auc: Separation(inside, outside).auc,
      truePositiveRateAt1Percent: outside.effectiveCount >= 100 ? found(at: 0.01) : nil,
      truePositiveRateAt01Percent: outside.effectiveCount >= 1000 ? found(at: 0.001) : nil,
      shareStandingOut: found(at: 0.05))
  }
}

/// What models that never saw some samples make of each.
private struct Difficulty: Sendable {
  let means: [Double]
  let spreads: [Double]
  /// The root of the mean of the samples' variances.
  let pooled: Double

  /// Differences below this are rounding: models that agree to the last bit leave no spread.
  private static let smallestSpread = 1e-6

  /// - Parameter margins: `[S][N]`, two models or more.
  init?(_ margins: [[Double]]) {
    guard let count = margins.first?.count, count > 0, margins.allSatisfy({ $0.count == count })
    else { return nil }
    let models = Double(margins.count)
    var (means, variances): ([Double], [Double]) = ([], [])
    for sample in 0..<count {
      let mean = margins.reduce(0) { $0 + $1[sample] } / models
      let squares = margins.reduce(0) { $0 + ($1[sample] - mean) * ($1[sample] - mean) }
      means.append(mean)
      variances.append(squares / (models - 1))
    }
    self.means = means
    spreads = variances.map { max($0.squareRoot(), Self.smallestSpread) }
    pooled = max((variances.reduce(0, +) / Double(count)).squareRoot(), Self.smallestSpread)
  }

  private init(means: [Double], spreads: [Double], pooled: Double) {
    self.means = means
    self.spreads = spreads
    self.pooled = pooled
  }

  func sharing(_ spread: Double) -> Difficulty {
    Difficulty(means: means, spreads: means.map { _ in spread }, pooled: spread)
  }

  func scores(_ margins: [Double]) -> [Double] {
    margins.indices.map { (margins[$0] - means[$0]) / spreads[$0] }
  }
}
