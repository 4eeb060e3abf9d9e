internal import Foundation

/// The normal distribution of mean 0 and variance 1.
public enum StandardNormal {
  /// `P(Z <= z)`.
  public static func cumulative(_ z: Double) -> Double { erfc(-z / 2.0.squareRoot()) / 2 }

  /// The `z` that is exceeded with probability `1 - p`.
  ///
  /// Acklam's rational approximation (relative error 1.15e-9), and one step of Halley's method.
  ///
  /// - Parameter p: above 0 and below 1.
  public static func quantile(_ p: Double) -> Double {
    precondition(p > 0 && p < 1, "no quantile at \(p)")
    let start: Double
    if p < 0.02425 {
      start = tail((-2 * log(p)).squareRoot())
    } else if p <= 1 - 0.02425 {
      start = centre(p - 0.5)
    } else {
      start = -tail((-2 * log(1 - p)).squareRoot())
    }
    let step = (cumulative(start) - p) * (2 * Double.pi).squareRoot() * exp(start * start / 2)
    return start - step / (1 + start * step / 2)
  }

  private static func centre(_ q: Double) -> Double {
    let r = q * q
    let above = polynomial(
      r, -3.969683028665376e+01, 2.209460984245205e+02, -2.759285104469687e+02,
      1.383577518672690e+02, -3.066479806614716e+01, 2.506628277459239)
    let below = polynomial(
      r, -5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02,
      6.680131188771972e+01, -1.328068155288572e+01, 1)
    return above * q / below
  }

  private static func tail(_ q: Double) -> Double {
    let above = polynomial(
      q, -7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838,
      -2.549732539343734, 4.374664141464968, 2.938163982698783)
    let below = polynomial(
      q, 7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996, 3.754408661907416, 1)
    return above / below
  }

  private static func polynomial(_ x: Double, _ coefficients: Double...) -> Double {
    coefficients.reduce(0) { $0 * x + $1 }
  }
}
