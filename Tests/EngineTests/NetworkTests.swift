import Engine
import Foundation
import ModelCore
import Testing

/// Losses of one's own, and what a network refuses.
@Suite struct NetworkTests {
  private struct Stop: Error {}

  // MARK: Losses

  @Test func knowsItsShapes() throws {
    let network = try SmallNetworks.network(SmallNetworks.convolutional)
    #expect(network.sampleShape.dimensions == [8, 7, 3])
    #expect(network.classCount == 4)
    #expect(network.architecture == SmallNetworks.convolutional)
  }

  /// Half the squared distance to the targets, whose gradient the oracle's cross-entropy cannot
  /// give: its gradient is checked against differences of the loss.
  @Test func aLossOfOnesOwnIsFollowed() throws {
    let architecture = SmallNetworks.dense
    let network = try SmallNetworks.network(architecture)
    let samples = try Samples(count: 4, for: architecture, seed: 1)
    let scores = try network.logits(samples)
    let loss = try network.backpropagate(samples.batch(), mode: .frozen) { logits, gradient in
      #expect(logits.count == 20 && gradient.count == 20)
      expectClose(Array(logits), scores.map(Double.init), .direct, "scores")
      var sum: Float = 0
      for index in logits.indices {
        gradient[index] = logits[index] - samples.targets[index]
        sum += gradient[index] * gradient[index] / 2
      }
      return sum
    }
    let distances = zip(scores, samples.targets).map { Double($0 - $1) }
    #expect(abs(Double(loss) - distances.reduce(0) { $0 + $1 * $1 / 2 }) < 1e-5)
    // The last layer is linear in its bias: its gradient is the sum of the distances.
    let sums = (0..<5).map { label in (0..<4).reduce(0) { $0 + distances[$1 * 5 + label] } }
    let bias = try network.gradients[ParameterName(layer: "3_Dense", role: "bias")]
    expectClose(bias?.values ?? [], sums, .direct, "bias")
  }

  @Test func theBuiltInLossIsOneOfThem() throws {
    let network = try SmallNetworks.network(SmallNetworks.dense)
    let samples = try Samples(count: 4, for: network.architecture, seed: 1)
    let loss = try network.backpropagate(samples.batch(), mode: .frozen)
    let gradients = try network.gradients.doubles
    let again = try network.backpropagate(samples.batch(), mode: .frozen) { logits, gradient in
      var total: Float = 0
      for sample in 0..<4 {
        var row = Array(logits[sample * 5..<(sample + 1) * 5])
        Scores.softmax(&row, classCount: 5)
        for label in 0..<5 {
          let index = sample * 5 + label
          gradient[index] = samples.weights[sample] * (row[label] - samples.targets[index])
        }
        total += naiveLoss(row, samples, sample)
      }
      return total
    }
    #expect(abs(loss - again) < 1e-5)
    expectClose(
      try network.gradients.doubles, gradients, Tolerance(relative: 1e-5, absolute: 1e-6),
      "gradient")
  }

  private func naiveLoss(_ row: [Float], _ samples: Samples, _ sample: Int) -> Float {
    let targets = samples.targets[sample * 5..<(sample + 1) * 5]
    return Float(
      zip(row, targets).reduce(0.0) {
        $0 - Double(samples.weights[sample]) * Double($1.1) * log(Double($1.0))
      })
  }

  /// Targets need not sum to one: two tasks' distributions may be added up.
  @Test func targetsOfAnyMassAreCounted() throws {
    let architecture = SmallNetworks.dense
    let network = try SmallNetworks.network(architecture)
    var samples = try Samples(count: 4, for: architecture, seed: 1)
    samples.targets = samples.targets.enumerated().map { Float($0 % 3) * $1 }
    let step = try NaiveNetwork(
      architecture, parameters: Parameters(randomFor: architecture, seed: 1)
    ).step(samples, mode: .frozen)
    let loss = try network.backpropagate(samples.batch(), mode: .frozen)
    expectClose([loss], [step.loss], .direct, "loss")
    expectClose(try network.gradients.doubles, step.gradients, .direct, "gradient")
  }

  /// Scores of 1,000 and more: `exp` alone would overflow.
  @Test func largeScoresDoNotOverflow() throws {
    var sketch = NetworkSketch([3])
    sketch.add(.activation(.linear))
    let network = try SmallNetworks.network(sketch.architecture)
    let samples = Samples(
      inputs: [1000, 0, -1000, -5000, -5001, 3000], labels: [0, 1], classCount: 3)
    let loss = try network.backpropagate(samples.batch(), mode: .training)
    #expect(abs(loss - 8001 / 2) < 1e-2)
  }

  @Test func whatALossThrowsComesThrough() throws {
    let network = try SmallNetworks.network(SmallNetworks.dense)
    let samples = try Samples(count: 2, for: network.architecture, seed: 1)
    #expect(throws: Stop.self) {
      try network.backpropagate(samples.batch(), mode: .frozen) { _, _ in throw Stop() }
    }
    // It is still of use afterwards.
    #expect(try network.backpropagate(samples.batch(), mode: .frozen).isFinite)
  }

  // MARK: What is refused

  @Test(arguments: [Float.nan, .infinity])
  func aLossThatIsNotFiniteEndsTheStep(_ value: Float) throws {
    var sketch = NetworkSketch([4, 4, 2])
    sketch.add(.conv(5, 2))
    sketch.classify()
    let network = try SmallNetworks.network(sketch.architecture)
    var samples = try Samples(count: 3, for: network.architecture, seed: 1)
    samples.inputs[40] = value
    for mode in [Network.Mode.training, .frozen] {
      let error = #expect(throws: EngineError.self) {
        try network.backpropagate(samples.batch(), mode: mode)
      }
      guard case .nonFiniteLoss(let loss, let layer) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(!loss.isFinite)
      // The samples themselves are looked at first.
      #expect(layer == "input")
      #expect(error?.description.contains("diverged") == true)
      #expect(error?.description.contains("'input'") == true)
    }
  }

  /// The first layer from which too much comes, not one that makes NaNs of its infinities.
  @Test(arguments: [1, 3]) func theLayerThatOverflowsIsNamed(_ layer: Int) throws {
    var sketch = NetworkSketch([6, 6, 16])
    sketch.add(.conv(16, 3, padding: .same))
    sketch.add(.norm())
    sketch.add(.conv(16, 3, padding: .same))
    sketch.add(.flatten)
    sketch.add(.dense(3))
    let architecture = sketch.architecture
    let name = architecture.layers[layer].name
    var parameters = try Parameters(randomFor: architecture, seed: 1)
    parameters.update { own, values in
      if own.layer == name, own.role == "kernel" {
        for index in values.indices { values[index] *= 3e38 }
      }
    }
    let network = try Network(architecture, parameters: parameters, threads: 2)
    let samples = try Samples(count: 3, for: architecture, seed: 1)
    let asked = #expect(throws: EngineError.self) { try network.logits(samples) }
    guard case .nonFiniteScore(let score, _, let first) = asked else {
      Issue.record("\(String(describing: asked))")
      return
    }
    #expect(!score.isFinite && first == name)
    #expect(asked?.isDivergence == true)
    let trained = #expect(throws: EngineError.self) {
      try network.backpropagate(samples.batch(), mode: .frozen)
    }
    guard case .nonFiniteLoss(_, let first) = trained else {
      Issue.record("\(String(describing: trained))")
      return
    }
    #expect(first == name)
  }

  /// oneDNN's ReLU makes zeros of the NaNs that come of an overflow.
  @Test func anOverflowThatAReLUWouldHideIsRefused() throws {
    var sketch = NetworkSketch([6, 6, 16])
    let first = sketch.add(.conv(16, 3, padding: .same, activation: .relu))
    sketch.add(.pool(.max, 2, strides: (2, 2)))
    let second = sketch.add(.conv(16, 3, padding: .same, activation: .relu))
    sketch.classify()
    let architecture = sketch.architecture
    let samples = try Samples(count: 3, for: architecture, seed: 1)
    let factors: [[String: Float]] = [[first: 3e38], [first: 1e30, second: 1e5]]
    for (factors, culprit) in zip(factors, [first, second]) {
      var parameters = try Parameters(randomFor: architecture, seed: 1)
      parameters.update { name, values in
        guard let factor = factors[name.layer], name.role == "kernel" else { return }
        for index in values.indices { values[index] *= factor }
      }
      let network = try Network(architecture, parameters: parameters, threads: 2)
      let error = #expect(throws: EngineError.self) { try network.logits(samples) }
      guard case .tooLarge(let name, _) = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
      #expect(name == culprit)
    }
  }

  /// Bounds on the magnitudes grow from layer to layer; what is there does not.
  @Test func deepNetworksAreNotRefused() throws {
    var sketch = NetworkSketch([8, 8, 16])
    for _ in 0..<15 {
      let start = sketch.add(.conv(16, 3, padding: .same, activation: .relu))
      sketch.add(.conv(16, 3, padding: .same, usesBias: false))
      let norm = sketch.add(.norm())
      sketch.add(.add, from: [norm, start])
      sketch.add(.activation(.relu))
    }
    sketch.classify()
    let network = try SmallNetworks.network(sketch.architecture)
    let samples = try Samples(count: 3, for: sketch.architecture, seed: 1)
    let scores = try network.logits(samples)
    try network.backpropagate(samples.batch(), mode: .frozen)
    expectClose(
      scores, Array(network.lastLogits).map(Double.init), .winograd, "scores of 30 layers")
  }

  @Test func anAnswerThatIsNoNumberIsRefused() throws {
    var sketch = NetworkSketch([3])
    sketch.add(.dense(2, usesBias: false))
    let architecture = sketch.architecture
    let name = ParameterName(layer: "1_Dense", role: "kernel")
    let parameters = Parameters([
      Parameter(name: name, shape: try Shape([3, 2]), values: [1, 1, 2, 2, 3e38, 3e38])
    ])
    let network = try Network(architecture, parameters: parameters, threads: 1)
    #expect(try network.logits([1, 2, 0, 4, 5, 0], count: 2) == [5, 5, 14, 14])
    #expect(
      throws: EngineError.nonFiniteScore(.infinity, sample: 1, layer: "1_Dense")
    ) { try network.logits([1, 2, 0, 4, 5, 9], count: 2) }
  }

  @Test func anEmptyBatchIsRefused() throws {
    let network = try SmallNetworks.network(SmallNetworks.dense)
    let batch = Batch(capacity: 4, sampleElementCount: 9, classCount: 5)
    #expect(throws: EngineError.emptyBatch) { try network.backpropagate(batch, mode: .training) }
    #expect(try network.logits([], count: 0).isEmpty)
  }

  @Test func aBatchForAnotherNetworkIsRefused() throws {
    let network = try SmallNetworks.network(SmallNetworks.dense)
    for (elements, classes) in [(8, 5), (9, 4), (10, 6)] {
      let batch = Batch(capacity: 2, sampleElementCount: elements, classCount: classes)
      batch.setCount(2)
      #expect(throws: EngineError.self) { try network.backpropagate(batch, mode: .frozen) }
    }
  }

  @Test func shortBuffersAreRefused() throws {
    let network = try SmallNetworks.network(SmallNetworks.dense)
    #expect(throws: EngineError.elementCount(what: "inputs", expected: 27, found: 26)) {
      try network.logits(.init(repeating: 0, count: 26), count: 3)
    }
    #expect(throws: EngineError.elementCount(what: "logits", expected: 15, found: 14)) {
      try network.logits(.init(repeating: 0, count: 27), count: 3, room: 14)
    }
    #expect(throws: EngineError.self) {
      try network.logits(.init(repeating: 0, count: 27), count: -1)
    }
    #expect(throws: EngineError.self) {
      try network.logits(.init(repeating: 0, count: 27), count: .max)
    }
  }

  @Test func aLayerThatCannotBeRunIsNamed() throws {
    var sketch = NetworkSketch([4])
    sketch.add(.unsupported(className: "LSTM", reason: "the engine has no such layer"))
    sketch.classify()
    let architecture = sketch.architecture
    let error = #expect(throws: ArchitectureError.self) {
      try Network(architecture, parameters: Parameters())
    }
    #expect(error?.description.contains("1_LSTM") == true)
    #expect(error?.description.contains("no such layer") == true)
  }

  @Test func aNetworkThatDoesNotFitTogetherIsRefused() throws {
    var sketch = NetworkSketch([4, 4, 2])
    sketch.add(.conv(3, 5))
    sketch.classify()
    let architecture = sketch.architecture
    #expect(throws: ArchitectureError.self) {
      try Network(architecture, parameters: Parameters())
    }
  }

  @Test(arguments: [-1, 1_000_000])
  func threadsThatMakeNoSenseAreRefused(_ threads: Int) throws {
    let parameters = try Parameters(randomFor: SmallNetworks.dense, seed: 1)
    #expect(throws: EngineError.self) {
      try Network(SmallNetworks.dense, parameters: parameters, threads: threads)
    }
  }

  @Test func noThreadsStandForAllCores() throws {
    let network = try SmallNetworks.network(SmallNetworks.dense, threads: 0)
    #expect(network.threads >= 1)
  }
}
