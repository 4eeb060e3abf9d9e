internal import Foundation

/// How much an attack's error rates say, at least, about the epsilon of (epsilon, delta)-unlearning.
///
/// - SeeAlso: the NeurIPS 2023 unlearning challenge; Kairouz, Oh and Viswanath, ICML 2015.
public enum AttackEpsilon {
  /// `max(ln(1 - delta - FPR) - ln FNR, ln(1 - delta - FNR) - ln FPR)`, no less than 0.
  ///
  /// - Returns: infinity for an attack that never errs; nil where one rate alone is 0, which no
  ///   finite number of runs can measure, or where a rate is no share.
  public static func lowerBound(
    falsePositiveRate fpr: Double, falseNegativeRate fnr: Double, delta: Double
  ) -> Double? {
    guard (0...1).contains(fpr), (0...1).contains(fnr), (0..<1).contains(delta) else { return nil }
    if fpr == 0, fnr == 0 { return .infinity }
    guard fpr > 0, fnr > 0 else { return nil }
    var bound = 0.0
    for (one, other) in [(fpr, fnr), (fnr, fpr)] where 1 - delta - one > 0 {
      bound = max(bound, log(1 - delta - one) - log(other))
    }
    return bound
  }
}
