import Engine
import ModelCore
import Testing

@Suite struct ProfilerTests {
  private func network(
    _ architecture: Architecture, profiler: Profiler? = nil
  ) throws -> Network {
    try Network(
      architecture, parameters: Parameters(randomFor: architecture, seed: 1), threads: 2,
      profiler: profiler)
  }

  /// Steps of two batch sizes in both modes, the optimizer, and an evaluation.
  private func run(_ network: Network) throws -> Parameters {
    let optimizer = try network.makeOptimizer(.adam)
    for (index, count) in [16, 16, 5].enumerated() {
      let samples = try Samples(count: count, for: network.architecture, seed: UInt64(index))
      try network.backpropagate(samples.batch(), mode: index == 1 ? .frozen : .training)
      try optimizer.step(learningRate: 0.01)
      _ = try network.logits(samples)
    }
    return try network.parameters
  }

  @Test(arguments: [SmallNetworks.convolutional, SmallNetworks.dense])
  func measuringChangesNoBit(_ architecture: Architecture) throws {
    let measured = try run(try network(architecture, profiler: Profiler()))
    #expect(try run(try network(architecture)) == measured)
  }

  @Test func sharesAddUpToOne() throws {
    let profiler = Profiler()
    _ = try run(try network(SmallNetworks.convolutional, profiler: profiler))
    let profile = profiler.profile
    #expect(profile.steps == 3)
    #expect(profile.seconds > 0)
    let layers = profile.layers.flatMap { [$0.forwardShare, $0.backwardShare] }
    let shares = layers + profile.parts.map(\.share)
    #expect(abs(shares.reduce(0, +) - 1) < 1e-9)
    #expect(shares.allSatisfy { (0...1).contains($0) })
    #expect(layers.contains { $0 > 0 })
    for name in ["loss", "optimizer", "evaluation", "planning", "other"] {
      #expect(profile.parts.contains { $0.name == name && $0.share > 0 }, "\(name)")
    }
    // The same time, in milliseconds of a step.
    let milliseconds =
      profile.layers.map(\.millisecondsPerStep) + profile.parts.map(\.millisecondsPerStep)
    #expect(abs(milliseconds.reduce(0, +) * 3 / 1000 / profile.seconds - 1) < 1e-9)
  }

  /// Every layer that does something is listed once, by its name; what is done along the way is
  /// told where.
  @Test func layersAreNamedAsInTheFile() throws {
    var sketch = NetworkSketch([8, 8, 16])
    let first = sketch.add(.conv(16, 3, padding: .same))
    let relu = sketch.add(.activation(.relu))
    let second = sketch.add(.conv(16, 3, padding: .same, usesBias: false))
    let norm = sketch.add(.norm())
    let add = sketch.add(.add, from: [norm, relu])
    let last = sketch.add(.activation(.relu))
    let pool = sketch.add(.globalAveragePooling2D(keepsDimensions: false))
    let head = sketch.add(.dense(3, activation: .softmax))
    let profiler = Profiler()
    let samples = try Samples(count: 4, for: sketch.architecture, seed: 1)
    try network(sketch.architecture, profiler: profiler).backpropagate(
      samples.batch(), mode: .training)
    let layers = profiler.profile.layers.filter { $0.name != "input" }
    #expect(layers.map(\.name) == [first, second, add, pool, head])
    #expect(layers.map(\.absorbed) == [[relu], [], [last, norm], [], []])
    #expect(layers[0].className == "Conv2D" && layers[4].className == "Dense")
    #expect(layers[0].gigaflops ?? 0 > 0 && layers[4].gigaflops ?? 0 > 0)
    #expect(layers[2].gigaflops == nil && layers[3].gigaflops == nil)
  }

  /// What a layer's rate and time say it has computed, in operations a step.
  private func operations(
    _ sketch: NetworkSketch, samples count: Int, steps: Int = 2
  ) throws -> [Double] {
    let profiler = Profiler()
    let network = try network(sketch.architecture, profiler: profiler)
    let samples = try Samples(count: count, for: sketch.architecture, seed: 1)
    for _ in 0..<steps { try network.backpropagate(samples.batch(), mode: .training) }
    return profiler.profile.layers.compactMap { layer in
      layer.gigaflops.map { ($0 * 1e6 * layer.millisecondsPerStep).rounded() }
    }
  }

  /// By hand: 2 N I O forward, as much for the weights' gradient, and again for the inputs' where
  /// there is anything before.
  @Test func countsTheArithmeticOfDenseLayers() throws {
    var sketch = NetworkSketch([7])
    sketch.add(.dense(11, activation: .tanh))
    sketch.add(.dense(5))
    let (first, second): (Int, Int) = (2 * 6 * 7 * 11, 2 * 6 * 11 * 5)
    #expect(try operations(sketch, samples: 6) == [Double(2 * first), Double(3 * second)])
  }

  /// The same for each pixel of the output, with the window's pixels; groups see their own part.
  @Test func countsTheArithmeticOfConvolutions() throws {
    var sketch = NetworkSketch([9, 8, 2])
    sketch.add(.conv(6, 3, 2, strides: (2, 1)))  // 4 x 7
    sketch.add(.conv(6, 3, padding: .same, mixing: .grouped(2)))
    sketch.add(.globalAveragePooling2D(keepsDimensions: false))
    let (first, second): (Int, Int) = (2 * 5 * 28 * 6 * 2 * 6, 2 * 5 * 28 * 9 * 3 * 6)
    let expected = [Double(2 * first), Double(3 * second)]
    #expect(try operations(sketch, samples: 5, steps: 1) == expected)
  }

  @Test func whatIsInsideCountsOnce() throws {
    let profiler = Profiler()
    let clock = ContinuousClock()
    func work() {
      let end = clock.now + .milliseconds(20)
      while clock.now < end {}
    }
    profiler.time(.input) {
      work()
      profiler.time(.evaluation) { work() }
      work()
    }
    let parts = Dictionary(
      uniqueKeysWithValues: profiler.profile.parts.map { ($0.name, $0.millisecondsPerStep) })
    let (input, evaluation) = (try #require(parts["input"]), try #require(parts["evaluation"]))
    #expect(input >= 40 && evaluation >= 20)
    #expect(input + evaluation <= profiler.profile.seconds * 1000)
  }
}
