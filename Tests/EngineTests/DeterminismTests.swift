import Engine
import ModelCore
import OneDNN
import Testing

/// What must come out the same, bit by bit or nearly.
@Suite struct DeterminismTests {
  /// The weights after a few steps with dropout, two batch sizes and both optimizers.
  private func trained(threads: Int, seed: UInt64 = 7) throws -> Parameters {
    var sketch = NetworkSketch([8, 7, 3])
    sketch.add(.conv(17, 3, padding: .same, activation: .relu))
    sketch.add(.norm())
    sketch.add(.dropout(rate: 0.3))
    sketch.add(.conv(16, 3, padding: .same, activation: .relu))
    sketch.add(.conv(16, 3, padding: .same))
    sketch.add(.pool(.average, 2, strides: (2, 2)))
    sketch.classify(4)
    let architecture = sketch.architecture
    let network = try SmallNetworks.network(architecture, threads: threads)
    network.reseedDropout(seed)
    let optimizers = [
      try network.makeOptimizer(.adam), try network.makeOptimizer(.sgd(momentum: 0.9)),
    ]
    for (index, count) in [16, 16, 5, 16, 5, 1].enumerated() {
      let samples = try Samples(count: count, for: architecture, seed: UInt64(index))
      try network.backpropagate(samples.batch(), mode: .training)
      try optimizers[index % 2].step(learningRate: 0.01)
    }
    return try network.parameters
  }

  /// Nothing of a dense network's sums is shared out by threads, but for pieces of fixed size.
  @Test func denseNetworksGiveTheSameBitsWithAnyThreads() throws {
    func trained(threads: Int) throws -> Parameters {
      var sketch = NetworkSketch([300])
      sketch.add(.dense(260, activation: .relu))
      sketch.add(.norm())
      sketch.add(.dropout(rate: 0.3))
      sketch.add(.dense(130, activation: .gelu(isApproximate: false)))
      sketch.classify(10, flatten: false)
      let network = try SmallNetworks.network(sketch.architecture, threads: threads)
      let optimizer = try network.makeOptimizer(.adam, clipping: .globalNorm(1))
      for (index, count) in [128, 128, 37].enumerated() {
        let samples = try Samples(count: count, for: sketch.architecture, seed: UInt64(index))
        try network.backpropagate(samples.batch(), mode: .training)
        try optimizer.step(learningRate: 0.01)
      }
      return try network.parameters
    }
    let one = try trained(threads: 1)
    for threads in [2, 3, 4] {
      let found = try trained(threads: threads)
      // With narrower registers, the edges of a product are computed in another way than its middle.
      if Processor.hasAVX512 {
        #expect(found == one, "\(threads) threads")
      } else {
        expectClose(
          found.doubles, one.doubles, Tolerance(relative: 1e-4, absolute: 1e-5),
          "\(threads) threads")
      }
    }
  }

  /// Winograd's sums go over tiles and channels in their order, however they are shared out.
  /// One to four tiles have loops of their own.
  @Test(arguments: [(9, 1), (9, 20), (3, 1), (3, 2), (3, 4), (7, 1)])
  func winogradGivesTheSameBitsWithAnyThreads(size: Int, batch: Int) throws {
    var sketch = NetworkSketch([size, size + 1, 32])
    sketch.add(.conv(48, 3, padding: .same, activation: .relu))
    sketch.add(.conv(16, 3, padding: size < 9 ? .same : .valid))
    sketch.classify()
    let samples = try Samples(count: batch, for: sketch.architecture, seed: 2)
    let results = try [1, 2, 3, 4].map { threads in
      let network = try SmallNetworks.network(sketch.architecture, threads: threads)
      try network.backpropagate(samples.batch(), mode: .training)
      return (Array(network.lastLogits), try network.gradients)
    }
    guard Processor.hasAVX512 else { return }
    for (logits, gradients) in results.dropFirst() {
      #expect(logits == results[0].0)
      #expect(gradients == results[0].1)
    }
  }

  /// More tiles than are transformed at once.
  @Test func gradientsOfManySamplesAreTheSumsOfEach() throws {
    var sketch = NetworkSketch([24, 24, 16])
    sketch.add(.conv(16, 3, padding: .same))
    sketch.classify()
    let network = try SmallNetworks.network(sketch.architecture)
    let samples = try Samples(count: 32, for: sketch.architecture, seed: 3)
    func gradients(_ range: Range<Int>) throws -> [ParameterName: [Double]] {
      let part = samples[range]
      // A change of the scores that does not depend on them.
      try network.backpropagate(part.batch(), mode: .frozen) { logits, gradient in
        for index in logits.indices { gradient[index] = part.targets[index] - 0.4 }
        return 0
      }
      return try network.gradients.doubles
    }
    var sum: [ParameterName: [Double]] = [:]
    for index in 0..<32 {
      sum.merge(try gradients(index..<index + 1)) { zip($0, $1).map(+) }
    }
    expectClose(try gradients(0..<32), sum, .direct, "gradient")
  }

  /// Across thread counts, weights after a few steps agree to `1e-4` of their norm: convolutions sum
  /// their weights' gradients by thread.
  @Test func trainingWithOtherThreadsEndsNearby() throws {
    let one = try trained(threads: 1).doubles
    for threads in [2, 4] {
      expectClose(
        try trained(threads: threads).doubles, one, Tolerance(relative: 1e-4, absolute: 1e-5),
        "\(threads) threads")
    }
  }

  @Test(arguments: [1, 2, 4])
  func theSameSeedAndThreadsGiveTheSameBits(threads: Int) throws {
    let first = try trained(threads: threads)
    #expect(first.firstNonFinite == nil)
    #expect(try trained(threads: threads) == first)
    #expect(try trained(threads: threads, seed: 8) != first)
  }

  /// Only the order of sums may depend on the threads.
  @Test func threadsChangeRoundingOnly() throws {
    let samples = try Samples(count: 16, for: SmallNetworks.convolutional, seed: 3)
    let gradients = try [1, 2, 3].map { threads in
      let network = try SmallNetworks.network(SmallNetworks.convolutional, threads: threads)
      #expect(network.threads == threads)
      try network.backpropagate(samples.batch(), mode: .training)
      return try network.gradients.doubles
    }
    expectClose(gradients[1], gradients[0], .winograd, "2 threads")
    expectClose(gradients[2], gradients[0], .winograd, "3 threads")
  }

  @Test func aStepLeavesNothingBehindButGradients() throws {
    let network = try SmallNetworks.network(SmallNetworks.convolutional)
    let samples = try Samples(count: 7, for: network.architecture, seed: 1)
    let others = try Samples(count: 4, for: network.architecture, seed: 2)
    try network.backpropagate(samples.batch(), mode: .frozen)
    let gradients = try network.gradients
    let logits = try network.logits(samples)
    try network.backpropagate(others.batch(), mode: .frozen)
    #expect(try network.gradients != gradients)
    _ = try network.logits(others)
    try network.backpropagate(samples.batch(), mode: .frozen)
    #expect(try network.gradients == gradients)
    #expect(try network.logits(samples) == logits)
  }

  /// A batch's buffers keep what earlier, larger batches left in them.
  @Test func whatIsBehindTheCountDoesNotMatter() throws {
    let network = try SmallNetworks.network(SmallNetworks.convolutional)
    let samples = try Samples(count: 9, for: network.architecture, seed: 1)
    let batch = samples.batch(capacity: 12)
    for index in batch.inputs.indices where index >= samples.inputs.count {
      batch.inputs[index] = .nan
    }
    try network.backpropagate(batch, mode: .training)
    let (gradients, norm) = (try network.gradients, network.gradientNorm)
    let other = try SmallNetworks.network(SmallNetworks.convolutional)
    try other.backpropagate(samples.batch(), mode: .training)
    #expect(try other.gradients == gradients)
    #expect(other.gradientNorm == norm)
    #expect(network.lastLogits.count == 9 * 4)
  }

  @Test func batchSizesShareTheirWeights() throws {
    let architecture = SmallNetworks.convolutional
    let parameters = try Parameters(randomFor: architecture, seed: 1)
    let network = try Network(architecture, parameters: parameters, threads: 2)
    var naive = try NaiveNetwork(architecture, parameters: parameters)
    let optimizer = try network.makeOptimizer(.sgd(momentum: 0.9))
    var naiveOptimizer = NaiveOptimizer(.sgd(momentum: 0.9))
    let samples = try Samples(count: 16, for: architecture, seed: 1)
    for range in [0..<7, 7..<14, 14..<16, 0..<7, 3..<4] {
      let part = samples[range]
      try network.backpropagate(part.batch(), mode: .training)
      try optimizer.step(learningRate: 0.02)
      let step = naive.step(part, mode: .training)
      naiveOptimizer.step(&naive, step.gradients, learningRate: 0.02)
      naive.weights.merge(step.running) { $1 }
      // Inference has its own form of the weights, which must follow.
      expectClose(try network.logits(part), naive.logits(part), .winograd, "scores of \(range)")
    }
    expectClose(try network.parameters.doubles, naive.weights, .winograd, "weights")
  }

  @Test(arguments: [SmallNetworks.convolutional, SmallNetworks.dense])
  func scoresDoNotDependOnTheBatchSize(_ architecture: Architecture) throws {
    let network = try SmallNetworks.network(architecture)
    let samples = try Samples(count: 300, for: architecture, seed: 5)
    let together = try network.logits(samples).map(Double.init)
    for size in [1, 3, 64, 256, 299] {
      var parts: [Float] = []
      // All of them one by one would only repeat the same plan.
      let count = min(300, 4 * size)
      for start in stride(from: 0, to: count, by: size) {
        parts += try network.logits(samples[start..<min(count, start + size)])
      }
      let expected = Array(together.prefix(parts.count))
      expectClose(
        parts, expected, Tolerance(relative: 1e-5, absolute: 1e-6), "batches of \(size)")
    }
  }
}
