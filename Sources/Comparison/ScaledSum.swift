/// A sum that may lie far outside the range of a double: `value * 2^exponent`.
///
/// The square of 1e200 is no double, and neither is that of 1e-200; norms of such arrays are.
///
/// - SeeAlso: Blue, "A Portable Fortran Program to Find the Euclidean Norm of a Vector", ACM
///   TOMS 4(1), 1978.
struct ScaledSum {
  private(set) var value = 0.0
  private(set) var exponent = 0

  /// Adds `term * 2^exponent`.
  mutating func add(_ term: Double, exponent other: Int = 0) {
    guard term != 0 else { return }
    if value == 0 {
      (value, exponent) = (term, other)
    } else if other > exponent {
      value = value.scaled(by: exponent - other) + term
      exponent = other
    } else {
      value += term.scaled(by: other - exponent)
    }
  }

  /// `sqrt(sum / count)`; every exponent that was added must be even.
  func root(dividedBy count: Double = 1) -> Double {
    (value / count).squareRoot().scaled(by: exponent / 2)
  }

  /// `sum / sqrt(left * right)`, or nil when a norm is zero or no number.
  func cosine(_ left: ScaledSum, _ right: ScaledSum) -> Double? {
    let norms = left.value.squareRoot() * right.value.squareRoot()
    guard norms > 0, norms.isFinite else { return nil }
    let cosine = (value / norms).scaled(by: exponent - (left.exponent + right.exponent) / 2)
    // Rounding may carry it past the ends of its range.
    return cosine.isNaN ? nil : min(1, max(-1, cosine))
  }
}

extension Double {
  /// The number times a power of two, also where that power is no double.
  func scaled(by exponent: Int) -> Double {
    exponent == 0 ? self : Double(sign: .plus, exponent: exponent, significand: self)
  }

  /// The power of two to divide by before squaring numbers of at most this magnitude; zero
  /// where their squares are safe as they are.
  var squareScale: Int {
    guard self > 0, isFinite, abs(Int(exponent)) > 400 else { return 0 }
    return Int(exponent)
  }
}
