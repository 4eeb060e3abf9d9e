import Engine
import ModelCore

/// The samples of one step, as values.
struct Samples {
  /// `N`.
  var count: Int
  /// `[N, E]`.
  var inputs: [Float]
  /// `[N, C]` probabilities.
  var targets: [Float]
  /// `[N]`.
  var weights: [Float]

  var sampleElementCount: Int { inputs.count / count }
  var classCount: Int { targets.count / count }

  /// Random inputs, soft targets and weights, some of the weights negative.
  init(count: Int, for architecture: Architecture, seed: UInt64) throws {
    var random = SeededGenerator(seed: seed, stream: "samples")
    let elements = try architecture.inputShape().elementCount
    let classes = try architecture.classCount()
    self.count = count
    let table = architecture.layers.compactMap { layer -> Int? in
      if case .embedding(let embedding) = layer.kind { return embedding.vocabulary }
      return nil
    }.first
    inputs = (0..<count * elements).map { _ in
      table.map { Float(Int(random.nextUnit() * Double($0))) } ?? Float(random.nextNormal())
    }
    targets = []
    weights = []
    for _ in 0..<count {
      let shares = (0..<classes).map { _ in random.nextUnit() + 0.05 }
      let sum = shares.reduce(0, +)
      targets += shares.map { Float($0 / sum) }
      let size = 0.3 + random.nextUnit()
      weights.append(Float(random.nextUnit() < 0.25 ? -size : size))
    }
  }

  /// One class a sample, all of one weight: the mean cross-entropy.
  init(inputs: [Float], labels: [Int32], classCount: Int) {
    count = labels.count
    self.inputs = inputs
    targets = labels.flatMap { label in (0..<classCount).map { $0 == Int(label) ? 1 : 0 } }
    weights = .init(repeating: 1 / Float(labels.count), count: labels.count)
  }

  init(inputs: [Float], targets: [Float], weights: [Float]) {
    count = weights.count
    (self.inputs, self.targets, self.weights) = (inputs, targets, weights)
  }

  /// - Parameter capacity: as many as there are samples, or more.
  func batch(capacity: Int? = nil) -> Batch {
    let batch = Batch(
      capacity: capacity ?? count, sampleElementCount: sampleElementCount, classCount: classCount)
    fill(batch)
    return batch
  }

  func fill(_ batch: Batch) {
    for (index, value) in inputs.enumerated() { batch.inputs[index] = value }
    for (index, value) in targets.enumerated() { batch.targets[index] = value }
    for (index, value) in weights.enumerated() { batch.weights[index] = value }
    batch.setCount(count)
  }

  /// Some of the samples.
  subscript(range: Range<Int>) -> Samples {
    let (elements, classes) = (sampleElementCount, classCount)
    return Samples(
      inputs: Array(inputs[range.lowerBound * elements..<range.upperBound * elements]),
      targets: Array(targets[range.lowerBound * classes..<range.upperBound * classes]),
      weights: Array(weights[range]))
  }
}

extension Network {
  /// Class scores `[N, C]` in inference mode.
  func logits(_ samples: Samples) throws -> [Float] {
    try logits(samples.inputs, count: samples.count)
  }

  /// - Parameter room: the elements of the buffer for the scores, `count * C` unless given.
  func logits(_ inputs: [Float], count: Int, room: Int? = nil) throws -> [Float] {
    let (needed, overflow) = count.multipliedReportingOverflow(by: classCount)
    let room = room ?? (overflow ? 0 : max(0, needed))
    var result = [Float](repeating: .nan, count: room)
    try inputs.withUnsafeBufferPointer { inputs in
      try result.withUnsafeMutableBufferPointer { try logits(inputs, count: count, into: $0) }
    }
    return result
  }
}
