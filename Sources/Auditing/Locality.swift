public import Engine
public import ModelCore

/// Where a model's decisions changed: near the forgotten samples, or everywhere.
///
/// Around samples of each kind, points are drawn in random directions at several distances; the share
/// of points that the two models answer differently is their disagreement. Unlearning that works well
/// changes decisions near the forgotten samples and leaves those near others alone.
///
/// - SeeAlso: Alon and Dar, "How Does Overparameterization Affect Machine Unlearning of Deep Neural
///   Networks?", 2025, for the question; the measure is our own.
public struct Locality: Hashable, Codable, Sendable {
  /// Disagreement at one distance, each within 0...1.
  public struct Ring: Hashable, Codable, Sendable {
    /// As a share of the mean distance between two strangers; 0 is the samples themselves.
    public let distance: Double
    public let nearForgotten: Double
    public let nearStrangers: Double
  }

  public let rings: [Ring]
  /// How many samples of each kind the points lie around, and how many points at each distance.
  public let forgotten: Int
  public let strangers: Int
  public let pointsEach: Int

  static let distances = [0, 0.05, 0.1, 0.2, 0.4]
  static let largestSampleCount = 200
  static let pointCount = 8

  /// Disagreement near forgotten samples over that near strangers, both over all distances but 0;
  /// nil where the latter is zero.
  public var ratio: Double? {
    let outer = rings.filter { $0.distance > 0 }
    let far = outer.reduce(0) { $0 + $1.nearStrangers }
    return far > 0 ? outer.reduce(0) { $0 + $1.nearForgotten } / far : nil
  }

  /// - Parameters:
  ///   - network: of both models' architecture; it is left with the unlearned weights.
  ///   - forgetRows: ascending rows of `train`.
  ///   - strangerRows: ascending rows of `others`.
  ///   - check: called between batches; what it throws ends the work.
  /// - Throws: `AuditError.noStrangers` with fewer than two strangers.
  public init(
    _ network: Network, original: Parameters, unlearned: Parameters, train: any SampleSource,
    forgetRows: [Int], others: any SampleSource, strangerRows: [Int], seed: UInt64,
    check: () throws -> Void = {}
  ) throws {
    guard strangerRows.count >= 2, !forgetRows.isEmpty else { throw AuditError.noStrangers }
    var random = SeededGenerator(seed: seed, stream: "audit/locality")
    let forget = try Points(
      network, train, Self.some(forgetRows, &random), check: check)
    let strangers = try Points(
      network, others, Self.some(strangerRows, &random), check: check)
    let unit = strangers.meanDistance
    let rings = Self.distances.map { distance in
      let count = distance == 0 ? 1 : Self.pointCount
      return (
        distance, forget.around(distance * unit, count, &random),
        strangers.around(distance * unit, count, &random)
      )
    }
    func answers(_ parameters: Parameters) throws -> [([Int32], [Int32])] {
      try network.setParameters(parameters)
      return try rings.map {
        (try network.predictions($0.1, check: check), try network.predictions($0.2, check: check))
      }
    }
    let (before, after) = (try answers(original), try answers(unlearned))
    self.rings = zip(Self.distances, zip(before, after)).map { distance, both in
      Ring(
        distance: distance, nearForgotten: Self.disagreement(both.0.0, both.1.0),
        nearStrangers: Self.disagreement(both.0.1, both.1.1))
    }
    forgotten = forget.count
    self.strangers = strangers.count
    pointsEach = Self.pointCount
  }

  private static func some(_ rows: [Int], _ random: inout SeededGenerator) -> [Int] {
    guard rows.count > largestSampleCount else { return rows }
    var shuffled = rows
    random.shuffle(&shuffled)
    return shuffled[..<largestSampleCount].sorted()
  }

  private static func disagreement(_ first: [Int32], _ second: [Int32]) -> Double {
    first.isEmpty
      ? 0 : Double(zip(first, second).count { $0 != $1 }) / Double(first.count)
  }
}

/// Some samples as the network reads them: `[N, E]`.
private struct Points {
  let values: [Float]
  let size: Int
  var count: Int { size == 0 ? 0 : values.count / size }

  init(
    _ network: Network, _ source: any SampleSource, _ rows: [Int], check: () throws -> Void
  ) throws {
    var values: [Float] = []
    let size = network.sampleShape.elementCount
    try network.forEachBatch(of: source, rows: rows) { batch, _, _ in
      try check()
      values.append(contentsOf: batch.inputs[..<(batch.count * size)])
    }
    self.values = values
    self.size = size
  }

  /// Between each sample and the next.
  var meanDistance: Double {
    guard count >= 2 else { return 0 }
    var sum = 0.0
    for index in 1..<count {
      var squares = 0.0
      for element in 0..<size {
        let difference = values[index * size + element] - values[(index - 1) * size + element]
        squares += Double(difference) * Double(difference)
      }
      sum += squares.squareRoot()
    }
    return sum / Double(count - 1)
  }

  /// Points at a distance from every sample, in random directions.
  func around(_ distance: Double, _ points: Int, _ random: inout SeededGenerator) -> [Float] {
    guard distance > 0 else { return values }
    var result: [Float] = []
    result.reserveCapacity(values.count * points)
    for index in 0..<count {
      for _ in 0..<points {
        let direction = (0..<size).map { _ in random.nextNormal() }
        let norm = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let scale = norm > 0 ? distance / norm : 0
        for element in 0..<size {
          result.append(values[index * size + element] + Float(scale * direction[element]))
        }
      }
    }
    return result
  }
}

extension Network {
  /// The class that each of some inputs `[N, E]` is given.
  fileprivate func predictions(_ inputs: [Float], check: () throws -> Void) throws -> [Int32] {
    let size = sampleShape.elementCount
    var result: [Int32] = []
    var logits = [Float](repeating: 0, count: 256 * classCount)
    for start in stride(from: 0, to: inputs.count, by: 256 * size) {
      try check()
      let end = min(start + 256 * size, inputs.count)
      let count = (end - start) / size
      try inputs[start..<end].withUnsafeBufferPointer { input in
        try logits.withUnsafeMutableBufferPointer {
          try self.logits(input, count: count, into: $0)
        }
      }
      for row in 0..<count {
        let scores = logits[row * classCount..<(row + 1) * classCount]
        let best = scores.indices.max { (scores[$0], -$0) < (scores[$1], -$1) }
        result.append(Int32((best ?? scores.startIndex) - scores.startIndex))
      }
    }
    return result
  }
}
