public import ModelCore

/// What the elements of an array are like.
public struct TensorStatistics: Hashable, Sendable {
  /// A number that a double may not hold.
  public enum Extreme: Hashable, Sendable {
    case integer(Int128)
    case real(Double)
  }

  public internal(set) var count = 0
  public internal(set) var zeros = 0
  public internal(set) var nans = 0
  /// Of both signs.
  public internal(set) var infinities = 0
  /// The least and the greatest finite element; nil when there is none.
  public internal(set) var minimum: Extreme?
  public internal(set) var maximum: Extreme?
  /// Over the finite elements; nil when there is none.
  public internal(set) var mean: Double?
  /// The population's: `sqrt(sum((x - mean)^2) / n)` over the finite elements.
  public internal(set) var standardDeviation: Double?

  /// Walks through an array once.
  ///
  /// Each block's mean and squared deviations are found in two passes, and joined to those
  /// before by the formulas of Chan, Golub and LeVeque ("Updating Formulae and a Pairwise
  /// Algorithm for Computing Sample Variances", COMPSTAT 1982, eq. 2.1).
  ///
  /// - Parameter checkInterruption: called between blocks; what it throws ends the work.
  public init(
    of stream: any ElementStream, checkInterruption: () throws -> Void = {}
  ) throws {
    let block = ElementBlock(stream)
    var moments = Moments()
    var range = Extremes()
    while try block.next() > 0 {
      try checkInterruption()
      var finite = block.values
      finite.removeAll { !$0.isFinite }
      count += block.values.count
      if finite.count < block.values.count {
        let nans = block.values.count { $0.isNaN }
        self.nans += nans
        infinities += block.values.count - finite.count - nans
      }
      zeros += finite.count { $0 == 0 }
      moments.add(finite)
      block.isWide ? range.add(block.integers) : range.add(finite)
    }
    guard moments.count > 0 else { return }
    mean = moments.mean
    standardDeviation = moments.squares.root(dividedBy: Double(moments.count))
    let isWhole = !stream.elementType.isFloatingPoint
    minimum = range.extreme(\.least, \.leastInteger, isWhole: isWhole)
    maximum = range.extreme(\.greatest, \.greatestInteger, isWhole: isWhole)
  }
}

/// A running mean, and the sum of squared deviations from it.
private struct Moments {
  var count = 0
  var mean = 0.0
  var squares = ScaledSum()

  mutating func add(_ values: [Double]) {
    guard !values.isEmpty else { return }
    let scale = values.reduce(0) { max($0, abs($1)) }.squareScale
    let scaled = scale == 0 ? values : values.map { $0.scaled(by: -scale) }
    let size = Double(scaled.count)
    let scaledMean = scaled.reduce(0, +) / size
    let deviations = scaled.reduce(0) { $0 + ($1 - scaledMean) * ($1 - scaledMean) }
    squares.add(deviations, exponent: 2 * scale)
    let blockMean = scaledMean.scaled(by: scale)
    let total = Double(count) + size
    let step = blockMean - mean
    let stepScale = abs(step).squareScale
    let scaledStep = step.scaled(by: -stepScale)
    squares.add(
      scaledStep * scaledStep * (Double(count) / total) * size, exponent: 2 * stepScale)
    mean = count == 0 ? blockMean : mean + step * (size / total)
    count += values.count
  }
}

/// The least and greatest elements so far.
private struct Extremes {
  var least: Double?
  var greatest: Double?
  var leastInteger: Int128?
  var greatestInteger: Int128?

  mutating func add(_ values: [Double]) {
    guard let low = values.min(), let high = values.max() else { return }
    least = Swift.min(least ?? low, low)
    greatest = Swift.max(greatest ?? high, high)
  }

  mutating func add(_ values: [Int128]) {
    guard let low = values.min(), let high = values.max() else { return }
    leastInteger = Swift.min(leastInteger ?? low, low)
    greatestInteger = Swift.max(greatestInteger ?? high, high)
  }

  func extreme(
    _ real: KeyPath<Extremes, Double?>, _ integer: KeyPath<Extremes, Int128?>, isWhole: Bool
  ) -> TensorStatistics.Extreme? {
    if let value = self[keyPath: integer] { return .integer(value) }
    guard let value = self[keyPath: real] else { return nil }
    // Every narrower integer is a double, so this loses nothing.
    if isWhole, let whole = Int128(exactly: value) { return .integer(whole) }
    return .real(value)
  }
}
