internal import Foundation

/// A logistic regression on one feature that tells members from strangers.
///
/// Minimises `w^2 / (2 C) + sum s_i log(1 + exp(-t_i (w x_i + b)))` with `C = 1`, `t` of -1 and 1 and
/// `s` the class weights: what scikit-learn's `LogisticRegression` minimises, here by Newton's method
/// to the optimum, so that both agree to rounding.
public struct LogisticAttack: Hashable, Sendable {
  /// The slope and the offset of the log-odds of being a member.
  public let slope: Double
  public let offset: Double

  /// - Parameters:
  ///   - members: a finite feature of each sample that the model was trained on.
  ///   - strangers: of each that it never saw.
  ///   - isBalanced: whether both sides weigh the same in all, however many there are.
  /// - Returns: nil when either is empty.
  public init?(members: [Double], strangers: [Double], isBalanced: Bool) {
    guard !members.isEmpty, !strangers.isEmpty else { return nil }
    let total = Double(members.count + strangers.count)
    let weights =
      isBalanced ? (total / Double(2 * members.count), total / Double(2 * strangers.count)) : (1, 1)
    let samples =
      members.map { Sample(x: $0, sign: 1, weight: weights.0) }
      + strangers.map { Sample(x: $0, sign: -1, weight: weights.1) }
    var (w, b) = (0.0, 0.0)
    for _ in 0..<100 {
      let step = Self.newtonStep(samples, w, b)
      var scale = 1.0
      let before = Self.objective(samples, w, b)
      // Newton's step may overshoot far from the optimum.
      while scale > 1e-9, Self.objective(samples, w - scale * step.w, b - scale * step.b) > before {
        scale /= 2
      }
      w -= scale * step.w
      b -= scale * step.b
      if abs(step.w) + abs(step.b) < 1e-12 * (1 + abs(w) + abs(b)) { break }
    }
    slope = w
    offset = b
  }

  /// Whether the log-odds of being a member are above zero.
  public func callsMember(_ feature: Double) -> Bool { slope * feature + offset > 0 }

  /// The share of samples that are called members, within 0...1; 0 without samples.
  public func shareCalledMember(_ features: [Double]) -> Double {
    features.isEmpty ? 0 : Double(features.count(where: callsMember)) / Double(features.count)
  }

  private struct Sample {
    let x: Double
    let sign: Double
    let weight: Double
  }

  private static func objective(_ samples: [Sample], _ w: Double, _ b: Double) -> Double {
    samples.reduce(w * w / 2) { sum, sample in
      let z = sample.sign * (w * sample.x + b)
      return sum + sample.weight * (z > 0 ? log1p(exp(-z)) : log1p(exp(z)) - z)
    }
  }

  private static func newtonStep(
    _ samples: [Sample], _ w: Double, _ b: Double
  ) -> (w: Double, b: Double) {
    var (gw, gb, hww, hwb, hbb) = (w, 0.0, 1.0, 0.0, 1e-12)
    for sample in samples {
      let z = w * sample.x + b
      let p = z > 0 ? 1 / (1 + exp(-z)) : exp(z) / (1 + exp(z))
      let error = sample.weight * (p - (sample.sign > 0 ? 1 : 0))
      let curvature = sample.weight * p * (1 - p)
      gw += error * sample.x
      gb += error
      hww += curvature * sample.x * sample.x
      hwb += curvature * sample.x
      hbb += curvature
    }
    let determinant = hww * hbb - hwb * hwb
    guard determinant > 0 else { return (gw / hww, gb / hbb) }
    return ((hbb * gw - hwb * gb) / determinant, (hww * gb - hwb * gw) / determinant)
  }
}
