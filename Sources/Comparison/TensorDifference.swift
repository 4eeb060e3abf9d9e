public import ModelCore

/// How the elements of two arrays of one shape differ.
///
/// Differences of integers are exact before they become doubles, 64-bit ones too.
public struct TensorDifference: Hashable, Sendable {
  /// How many elements each array has.
  public internal(set) var count = 0
  /// How many pairs are not equal within the tolerance.
  public internal(set) var differing = 0
  /// How many pairs are a NaN and a number.
  public internal(set) var unmatchedNaNs = 0
  /// How many pairs are an infinity and something that is not that infinity.
  public internal(set) var unmatchedInfinities = 0
  /// The largest `|b - a|`; infinite when an infinity has no counterpart. Pairs with a NaN are
  /// left out of this and of all that follows.
  public internal(set) var maximumAbsolute = 0.0
  /// The largest `|b - a| / max(|a|, |b|, floor)`.
  public internal(set) var maximumRelative = 0.0
  /// The position, row-major, of the first pair with the largest absolute difference.
  public internal(set) var worstIndex: Int?
  /// `sqrt(sum((b - a)^2) / n)` over the pairs without a NaN.
  public internal(set) var rootMeanSquare = 0.0
  /// The Euclidean norms of `b - a`, over the pairs without a NaN, and of `a`, over the pairs of
  /// finite numbers.
  public internal(set) var distance = 0.0
  public internal(set) var norm = 0.0
  /// The cosine of the angle between both arrays, over pairs of finite numbers; nil where either
  /// is all zeros.
  public internal(set) var cosine: Double?

  /// `|b - a| / |a|` in Euclidean norms; nil where the first array's is zero.
  public var relativeChange: Double? {
    if distance.isInfinite { return .infinity }
    return norm > 0 ? distance / norm : nil
  }

  /// Whether all pairs are equal within the tolerance.
  public var isEqual: Bool { differing == 0 }

  /// Walks through two arrays side by side.
  ///
  /// - Parameter checkInterruption: called between blocks; what it throws ends the work.
  /// - Throws: what the streams throw, and `StreamError` when one is longer than the other.
  public init(
    from first: any ElementStream, to second: any ElementStream,
    tolerance: Tolerance = .exact, checkInterruption: () throws -> Void = {}
  ) throws {
    guard first.elementCount == second.elementCount else {
      throw StreamError(requested: first.elementCount, left: second.elementCount)
    }
    var tally = DifferenceTally(tolerance: tolerance)
    let (a, b) = (ElementBlock(first), ElementBlock(second))
    while try a.next() > 0, try b.next() > 0 {
      try checkInterruption()
      tally.add(a, b)
    }
    self = tally.result()
  }
}

/// What has been found so far while two arrays are walked through.
private struct DifferenceTally {
  let tolerance: Tolerance
  private var difference = TensorDifference()
  private var numberPairs = 0
  private var squares = ScaledSum()
  private var firstSquares = ScaledSum()
  private var secondSquares = ScaledSum()
  private var products = ScaledSum()
  private var hasInfiniteDifference = false

  init(tolerance: Tolerance) { self.tolerance = tolerance }

  mutating func add(_ a: ElementBlock, _ b: ElementBlock) {
    let distances = Self.distances(a, b)
    a.values.withUnsafeBufferPointer { first in
      b.values.withUnsafeBufferPointer { second in
        distances.withUnsafeBufferPointer { distances in
          count(first, second, distances)
          sum(first, second, distances)
        }
      }
    }
    difference.count += distances.count
  }

  /// `|b - a|` of each pair: zero for the same infinities, NaN where either is one.
  private static func distances(_ a: ElementBlock, _ b: ElementBlock) -> [Double] {
    switch (a.isWide, b.isWide) {
    case (true, true): zip(a.integers, b.integers).map { Double(($1 - $0).magnitude) }
    case (true, false): zip(a.integers, b.values).map(distance)
    case (false, true): zip(b.integers, a.values).map(distance)
    case (false, false): zip(a.values, b.values).map { $0 == $1 ? 0 : abs($1 - $0) }
    }
  }

  /// Exact wherever the double is a whole number; where it is not, it is small enough for the
  /// subtraction to round only once.
  private static func distance(_ integer: Int128, _ value: Double) -> Double {
    guard abs(value) < 0x1p100, let whole = Int128(exactly: value) else {
      return abs(Double(integer) - value)
    }
    return Double((integer - whole).magnitude)
  }

  private mutating func count(
    _ first: UnsafeBufferPointer<Double>, _ second: UnsafeBufferPointer<Double>,
    _ distances: UnsafeBufferPointer<Double>
  ) {
    for index in distances.indices {
      let distance = distances[index]
      if distance == 0 { continue }
      let (a, b) = (first[index], second[index])
      if a.isNaN || b.isNaN {
        let isShared = a.isNaN && b.isNaN
        if !isShared { difference.unmatchedNaNs += 1 }
        if !isShared || tolerance.nanDiffers { difference.differing += 1 }
        continue
      }
      let magnitude = max(abs(a), abs(b))
      let isInfinite = magnitude.isInfinite
      if isInfinite { difference.unmatchedInfinities += 1 }
      if isInfinite || distance > tolerance.absolute + tolerance.relative * magnitude {
        difference.differing += 1
      }
      let relative = isInfinite ? .infinity : distance / max(magnitude, tolerance.floor)
      difference.maximumRelative = max(difference.maximumRelative, relative)
      if distance > difference.maximumAbsolute {
        difference.maximumAbsolute = distance
        difference.worstIndex = difference.count + index
      }
    }
  }

  /// Adds up the squares and products of a block, each scaled where they would leave the range
  /// of a double.
  private mutating func sum(
    _ first: UnsafeBufferPointer<Double>, _ second: UnsafeBufferPointer<Double>,
    _ distances: UnsafeBufferPointer<Double>
  ) {
    var largest = (a: 0.0, b: 0.0, distance: 0.0)
    for index in distances.indices {
      let (a, b, distance) = (first[index], second[index], distances[index])
      guard a.isFinite, b.isFinite else { continue }
      largest = (max(largest.a, abs(a)), max(largest.b, abs(b)), max(largest.distance, distance))
    }
    let scales = (
      a: largest.a.squareScale, b: largest.b.squareScale, distance: largest.distance.squareScale
    )
    var (aa, bb, ab, dd) = (0.0, 0.0, 0.0, 0.0)
    for index in distances.indices {
      var (a, b, distance) = (first[index], second[index], distances[index])
      guard a.isFinite, b.isFinite else {
        if !a.isNaN, !b.isNaN { numberPairs += 1 }
        if distance.isInfinite { hasInfiniteDifference = true }
        continue
      }
      numberPairs += 1
      a = a.scaled(by: -scales.a)
      b = b.scaled(by: -scales.b)
      distance = distance.scaled(by: -scales.distance)
      aa += a * a
      bb += b * b
      ab += a * b
      dd += distance * distance
    }
    firstSquares.add(aa, exponent: 2 * scales.a)
    secondSquares.add(bb, exponent: 2 * scales.b)
    products.add(ab, exponent: scales.a + scales.b)
    squares.add(dd, exponent: 2 * scales.distance)
  }

  func result() -> TensorDifference {
    var difference = difference
    difference.cosine = products.cosine(firstSquares, secondSquares)
    difference.norm = firstSquares.root()
    difference.distance = hasInfiniteDifference ? .infinity : squares.root()
    guard numberPairs > 0 else { return difference }
    difference.rootMeanSquare =
      hasInfiniteDifference ? .infinity : squares.root(dividedBy: Double(numberPairs))
    return difference
  }
}

extension TensorDifference {
  fileprivate init() {}
}
