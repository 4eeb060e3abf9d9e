import Engine
import ModelCore
import Testing

@Suite struct DropoutTests {
  private static let rate: Float = 0.3

  /// The scores are the masked outputs of a layer whose own outputs are known.
  private static let vectors: Architecture = {
    var sketch = NetworkSketch([8])
    sketch.add(.dense(100))
    sketch.add(.dropout(rate: rate))
    return sketch.architecture
  }()

  /// 17 channels, so that lanes of padding must not take part in the mask.
  private static let images: Architecture = {
    var sketch = NetworkSketch([4, 4, 2])
    sketch.add(.conv(17, 2))
    sketch.add(.dropout(rate: rate))
    sketch.add(.flatten)
    return sketch.architecture
  }()

  private func scores(
    _ network: Network, _ samples: Samples, _ mode: Network.Mode = .training
  ) throws -> [Float] {
    try network.backpropagate(samples.batch(), mode: mode)
    return Array(network.lastLogits)
  }

  /// What each score was multiplied by.
  private func factors(_ network: Network, _ samples: Samples) throws -> [Double] {
    let whole = try network.logits(samples)
    return zip(try scores(network, samples), whole).map { Double($0) / Double($1) }
  }

  @Test(arguments: [vectors, images])
  func dropsTheShareItSaysAndKeepsTheMean(_ architecture: Architecture) throws {
    let network = try SmallNetworks.network(architecture)
    let samples = try Samples(count: 40, for: architecture, seed: 1)
    let factors = try factors(network, samples)
    let kept = 1 / (1 - Double(Self.rate))
    for factor in factors { #expect(factor == 0 || abs(factor - kept) < 1e-5) }
    let count = Double(factors.count)
    let rate = Double(factors.filter { $0 == 0 }.count) / count
    // Four standard deviations of a share.
    let limit = 4 * (Double(Self.rate) * (1 - Double(Self.rate)) / count).squareRoot()
    #expect(abs(rate - Double(Self.rate)) < limit)
    #expect(abs(factors.reduce(0, +) / count - 1) < limit * kept)
  }

  @Test(arguments: [vectors, images])
  func masksAreIndependentOfPlaceAndStep(_ architecture: Architecture) throws {
    let network = try SmallNetworks.network(architecture)
    let samples = try Samples(count: 40, for: architecture, seed: 1)
    let first = try factors(network, samples).map { $0 == 0 }
    let second = try factors(network, samples).map { $0 == 0 }
    let width = network.classCount
    let both = Double(Self.rate) * Double(Self.rate)
    // Twice the same step, and neighbours in one step: next class, next sample.
    for (name, pairs) in [
      ("steps", Array(zip(first, second))), ("classes", Array(zip(first, first.dropFirst()))),
      ("samples", Array(zip(first, first.dropFirst(width)))),
    ] {
      let count = Double(pairs.count)
      let share = Double(pairs.filter { $0 && $1 }.count) / count
      #expect(abs(share - both) < 5 * (both * (1 - both) / count).squareRoot(), "\(name)")
    }
  }

  /// 17 channels, so that a sample ends with lanes of padding.
  @Test func wholeSamplesAreDroppedWithTheirGradient() throws {
    var sketch = NetworkSketch([4, 4, 2])
    sketch.add(.conv(17, 2))
    sketch.add(.noise(.sampleDropout(rate: Self.rate)))
    sketch.add(.flatten)
    let architecture = sketch.architecture
    let network = try SmallNetworks.network(architecture)
    let samples = try Samples(count: 60, for: architecture, seed: 1)
    let factors = try factors(network, samples)
    let kept = 1 / (1 - Double(Self.rate))
    var dropped: Set<Int> = []
    for sample in 0..<60 {
      let own = factors[sample * network.classCount..<(sample + 1) * network.classCount]
      let isDropped = own.allSatisfy { $0 == 0 }
      #expect(isDropped || own.allSatisfy { abs($0 - kept) < 1e-5 })
      if isDropped { dropped.insert(sample) }
    }
    // Four standard deviations around 18 of 60.
    #expect((4...32).contains(dropped.count))

    // A step on the dropped samples alone moves nothing before the layer.
    let batch = samples.batch()
    network.reseedDropout(0)
    try network.backpropagate(batch, mode: .training)
    let scores = Array(network.lastLogits)
    for sample in 0..<60 {
      let own = scores[sample * network.classCount..<(sample + 1) * network.classCount]
      batch.weights[sample] = own.allSatisfy { $0 == 0 } ? 1 : 0
    }
    #expect(batch.weights.contains(1))
    network.reseedDropout(0)
    try network.backpropagate(batch, mode: .training)
    #expect(try network.gradients.all.allSatisfy { $0.values.allSatisfy { $0 == 0 } })
  }

  @Test func layersOfOneNetworkHaveMasksOfTheirOwn() throws {
    var sketch = NetworkSketch([50])
    let a = sketch.add(.dropout(rate: 0.5), from: ["input"])
    let b = sketch.add(.dropout(rate: 0.5), from: ["input"])
    sketch.add(.concatenate(axis: -1), from: [a, b])
    let network = try SmallNetworks.network(sketch.architecture)
    let samples = try Samples(count: 20, for: sketch.architecture, seed: 1)
    let factors = try factors(network, samples)
    let same = (0..<1000).count { index in
      let (sample, element) = (index / 50, index % 50)
      return (factors[sample * 100 + element] == 0) == (factors[sample * 100 + 50 + element] == 0)
    }
    #expect((400...600).contains(same))
  }

  @Test func theSeedDecides() throws {
    let samples = try Samples(count: 4, for: Self.vectors, seed: 1)
    let network = try SmallNetworks.network(Self.vectors)
    network.reseedDropout(3)
    let first = [try scores(network, samples), try scores(network, samples)]
    #expect(first[0] != first[1])
    network.reseedDropout(3)
    #expect(try scores(network, samples) == first[0])
    #expect(try scores(network, samples) == first[1])
    let twin = try SmallNetworks.network(Self.vectors)
    twin.reseedDropout(3)
    #expect(try scores(twin, samples) == first[0])
    twin.reseedDropout(4)
    #expect(try scores(twin, samples) != first[0])
  }

  @Test(arguments: [vectors, images])
  func frozenStepsAndInferenceLetAllThrough(_ architecture: Architecture) throws {
    let network = try SmallNetworks.network(architecture)
    let samples = try Samples(count: 5, for: architecture, seed: 1)
    let naive = try NaiveNetwork(
      architecture, parameters: Parameters(randomFor: architecture, seed: 1))
    expectClose(try network.logits(samples), naive.logits(samples), .direct, "scores")
    expectClose(
      try scores(network, samples, .frozen), naive.logits(samples), .direct, "frozen scores")
    expectClose(
      try network.gradients.doubles, naive.step(samples, mode: .frozen).gradients, .direct,
      "frozen gradients")
  }

  /// The gradient must go through the mask that the forward pass drew.
  @Test(arguments: [vectors, images])
  func gradientsPassWhereValuesPassed(_ architecture: Architecture) throws {
    let parameters = try Parameters(randomFor: architecture, seed: 1)
    let network = try Network(architecture, parameters: parameters, threads: 2)
    let samples = try Samples(count: 5, for: architecture, seed: 1)
    var naive = try NaiveNetwork(architecture, parameters: parameters)
    let kept = 1 / (1 - Double(Self.rate))
    let layer = try #require(architecture.layers.first { $0.kind == .dropout(rate: Self.rate) })
    naive.dropoutFactors[layer.name] = try factors(network, samples).map { $0 == 0 ? 0 : kept }
    let step = naive.step(samples, mode: .training)
    expectClose(Array(network.lastLogits), step.logits, .direct, "scores")
    expectClose(try network.gradients.doubles, step.gradients, .direct, "gradients")
  }

  @Test(arguments: [-0.1, 1, .nan] as [Float])
  func aRateThatMakesNoSenseIsRefused(rate: Float) throws {
    var sketch = NetworkSketch([4])
    sketch.add(.dropout(rate: rate))
    sketch.classify()
    let architecture = sketch.architecture
    let error = #expect(throws: EngineError.self) { try SmallNetworks.network(architecture) }
    #expect(error?.description.contains("1_Dropout") == true)
  }
}
