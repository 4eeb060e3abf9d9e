internal import Foundation

/// How much noise makes a result (epsilon, delta)-indistinguishable from one that never saw the samples.
///
/// Both models start within `radius` of a point that no data decided, and take `steps` steps
///
///     w <- w - rate clip(g, clip) + N(0, sigma^2)
///
/// on the retained samples. They are apart by at most `2 radius` at first, and each step adds at most
/// `2 rate clip`, in all `D`. Spread evenly, `D / steps` a step, the noise hides that at a Renyi
/// divergence of order `a` of `a slope`, `slope = D^2 / (2 steps sigma^2)`, and that is
/// (epsilon, delta) with `epsilon = slope + 2 sqrt(slope ln(1 / delta))`. Nothing is assumed of the loss, and
/// whatever is done afterwards on retained samples alone keeps the bound.
///
/// - SeeAlso: Koloskova et al., "Certified Unlearning for Neural Networks", ICML 2025; Mironov,
///   "Renyi Differential Privacy", CSF 2017, proposition 3.
public struct CertifiedBound: Hashable, Codable, Sendable {
  public let epsilon: Double
  public let delta: Double
  public let radius: Double
  public let clip: Double
  public let rate: Double
  public let steps: Int

  public init(
    epsilon: Double, delta: Double, radius: Double, clip: Double, rate: Double, steps: Int
  ) {
    self.epsilon = epsilon
    self.delta = delta
    self.radius = radius
    self.clip = clip
    self.rate = rate
    self.steps = steps
  }

  /// The Renyi divergence for each unit of its order that the two numbers allow.
  public var slope: Double {
    let logarithm = log(1 / delta)
    let root = (logarithm + epsilon).squareRoot() - logarithm.squareRoot()
    return root * root
  }

  /// `D`.
  public var distance: Double { 2 * radius + 2 * rate * clip * Double(steps) }

  /// The standard deviation of each step's noise, for every weight.
  public var sigma: Double { distance / (2 * slope * Double(steps)).squareRoot() }

  /// The largest difference between the rates at which an attacker is right and wrong.
  public var advantage: Double {
    (exp(epsilon) - 1 + 2 * delta) / (exp(epsilon) + 1)
  }

  /// Refuses numbers that bound nothing for so many training samples.
  ///
  /// An attacker who is wrong about one of `n` is right about at most `e^epsilon / n + delta` of the
  /// forgotten ones: from 1 on that says nothing. So does a `delta` of `1 / n`, which lets him know one.
  ///
  /// - Throws: `UnlearningError.bound`.
  public func requireMeaning(count n: Int) throws(UnlearningError) {
    guard delta < 1 / Double(n) else {
      throw .bound(
        "a delta of \(delta) allows one of \(n) training samples to be known for certain; "
          + "take one well below \(1 / Double(n))")
    }
    guard exp(epsilon) / Double(n) + delta < 1 else {
      throw .bound(
        "an epsilon of \(epsilon) bounds nothing: an attacker wrong about one of \(n) training samples "
          + "might be right about all forgotten ones; take one below "
          + Text.decimal(log(Double(n)), digits: 1))
    }
  }
}
