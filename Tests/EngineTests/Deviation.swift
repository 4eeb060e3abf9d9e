import ModelCore
import Testing

/// How far found numbers may be from expected ones.
struct Tolerance {
  /// Of the expected numbers' Euclidean norm.
  var relative: Double
  /// For each element: what rounding leaves where the exact answer is zero.
  var absolute: Double

  static let direct = Tolerance(relative: 1e-5, absolute: 3e-7)
  /// Winograd's transforms cost a digit.
  static let winograd = Tolerance(relative: 1e-4, absolute: 1e-6)
}

/// Fails unless `|found - expected| <= relative * |expected| + absolute * sqrt(n)`, in the
/// Euclidean norm.
func expectClose(
  _ found: [Double], _ expected: [Double], _ tolerance: Tolerance, _ what: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard found.count == expected.count else {
    Issue.record(
      "\(what): \(found.count) numbers, expected \(expected.count)", sourceLocation: sourceLocation)
    return
  }
  func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
  let deviation = norm(zip(found, expected).map { $0 - $1 })
  let size = norm(expected)
  let limit = tolerance.relative * size + tolerance.absolute * Double(expected.count).squareRoot()
  #expect(
    deviation <= limit,
    "\(what): off by \(deviation), relative \(deviation / size); the limit is \(limit)",
    sourceLocation: sourceLocation)
}

func expectClose(
  _ found: [Float], _ expected: [Double], _ tolerance: Tolerance, _ what: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  expectClose(
    found.map(Double.init), expected, tolerance, what, sourceLocation: sourceLocation)
}

/// Compares by name; both sides must name the same weights.
func expectClose(
  _ found: [ParameterName: [Double]], _ expected: [ParameterName: [Double]],
  _ tolerance: Tolerance, _ what: String, sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(
    Set(found.keys) == Set(expected.keys), "\(what): names differ", sourceLocation: sourceLocation)
  for (name, values) in expected.sorted(by: { $0.key < $1.key }) {
    guard let own = found[name] else { continue }
    expectClose(own, values, tolerance, "\(what) \(name)", sourceLocation: sourceLocation)
  }
}

extension Parameters {
  /// By name, for comparisons.
  var doubles: [ParameterName: [Double]] {
    .init(uniqueKeysWithValues: all.map { ($0.name, $0.values.map(Double.init)) })
  }
}
