import Engine
import ModelCore
import Testing

@Suite struct OptimizerTests {
  private static let kinds: [TrainingRecipe.Optimizer] = [
    .sgd(momentum: 0), .sgd(momentum: 0.9), .adam,
    .adam(beta1: 0.8, beta2: 0.95, epsilon: 0.01), .sgd(momentum: 0.8, isNesterov: true),
    .adam(beta1: 0.8, beta2: 0.5, epsilon: 1e-7, isAMSGrad: true), .rmsprop,
    .rmsprop(decay: 0.8, momentum: 0.7, epsilon: 1e-3),
    .rmsprop(decay: 0.8, momentum: 0, epsilon: 1e-2, isCentered: true),
  ]
  private static let clippings: [TrainingRecipe.Clipping] = [
    .none, .norm(0.05), .globalNorm(0.1), .value(0.01), .globalNorm(1e9),
  ]

  /// Rates that change from step to step tell `v = m v + g` from `v = m v - rate g`.
  @Test(arguments: clippings, [0, 0.1] as [Float])
  func clipsAndDecaysFirst(_ clipping: TrainingRecipe.Clipping, weightDecay: Float) throws {
    let architecture = SmallNetworks.convolutional
    let parameters = try Parameters(randomFor: architecture, seed: 1)
    let network = try Network(architecture, parameters: parameters, threads: 2)
    var naive = try NaiveNetwork(architecture, parameters: parameters)
    let kind = TrainingRecipe.Optimizer.sgd(momentum: 0.9)
    let optimizer = try network.makeOptimizer(
      kind, weightDecay: weightDecay, clipping: clipping)
    var naiveOptimizer = NaiveOptimizer(
      kind, weightDecay: Double(weightDecay), clipping: clipping)
    for seed in 0..<2 {
      let samples = try Samples(count: 8, for: architecture, seed: UInt64(seed))
      try network.backpropagate(samples.batch(), mode: .frozen)
      let gradients = try network.gradients.doubles
      try optimizer.step(learningRate: 0.5)
      naiveOptimizer.step(&naive, gradients, learningRate: 0.5)
      expectClose(
        try network.parameters.doubles, naive.weights, Tolerance(relative: 2e-6, absolute: 1e-7),
        "weights")
    }
  }

  /// Whatever a ReLU makes of a NaN, it does not get past the weights.
  @Test func aWeightThatIsNoNumberEndsTraining() throws {
    let network = try SmallNetworks.network(SmallNetworks.convolutional)
    let samples = try Samples(count: 2, for: network.architecture, seed: 1)
    for kind in Self.kinds {
      let optimizer = try network.makeOptimizer(kind)
      try network.backpropagate(samples.batch(), mode: .frozen)
      let before = try network.parameters
      let error = #expect(throws: EngineError.self, "\(kind)") {
        for _ in 0..<100 { try optimizer.step(learningRate: .greatestFiniteMagnitude) }
      }
      guard case .nonFiniteWeights(_, let weight?) = error else {
        Issue.record("\(kind): \(String(describing: error))")
        continue
      }
      let moved = try network.parameters
      #expect(moved.firstNonFinite == weight, "\(kind)")
      try network.setParameters(before)
    }
  }

  /// oneDNN's ReLU makes zeros of NaNs, so the loss may look well; the gradients do not.
  @Test func anOverflowThatAReLUHidesEndsTheStep() throws {
    var sketch = NetworkSketch([6, 6, 16])
    sketch.add(.conv(16, 3, padding: .same, activation: .relu))
    sketch.add(.conv(16, 3, padding: .same, activation: .relu))
    sketch.classify()
    let architecture = sketch.architecture
    var parameters = try Parameters(randomFor: architecture, seed: 1)
    parameters.update { name, values in
      guard name.layer == "1_Conv2D", name.role == "kernel" else { return }
      for index in values.indices { values[index] *= 3e38 }
    }
    let network = try Network(architecture, parameters: parameters, threads: 2)
    let optimizer = try network.makeOptimizer(.sgd(momentum: 0))
    let samples = try Samples(count: 4, for: architecture, seed: 1)
    let error = #expect(throws: EngineError.self) {
      try network.backpropagate(samples.batch(), mode: .training)
      try optimizer.step(learningRate: 1e-3)
    }
    #expect(error?.isDivergence == true, "\(String(describing: error))")
  }

  @Test(arguments: kinds)
  func followsItsFormulaUnderAChangingRate(_ kind: TrainingRecipe.Optimizer) throws {
    let architecture = SmallNetworks.dense
    let parameters = try Parameters(randomFor: architecture, seed: 1)
    let network = try Network(architecture, parameters: parameters, threads: 2)
    var naive = try NaiveNetwork(architecture, parameters: parameters)
    let optimizer = try network.makeOptimizer(kind)
    #expect(optimizer.kind == kind)
    var naiveOptimizer = NaiveOptimizer(kind)
    for (index, rate) in [0.02, 0.01, 0.0, 0.03].enumerated() {
      let samples = try Samples(count: 8, for: architecture, seed: UInt64(index))
      try network.backpropagate(samples.batch(), mode: .training)
      // The gradients that the engine found: errors of theirs are another test's subject.
      let gradients = try network.gradients.doubles
      try optimizer.step(learningRate: Float(rate))
      naiveOptimizer.step(&naive, gradients, learningRate: rate)
      expectClose(
        try network.parameters.doubles, naive.weights, Tolerance(relative: 1e-6, absolute: 1e-7),
        "after step \(index)")
    }
  }

  @Test func optimizersOfOneNetworkHaveStatesOfTheirOwn() throws {
    let architecture = SmallNetworks.dense
    let samples = try Samples(count: 8, for: architecture, seed: 1)
    func run(withOther: Bool) throws -> Parameters {
      let network = try SmallNetworks.network(architecture)
      let optimizer = try network.makeOptimizer(.sgd(momentum: 0.9))
      let other = try network.makeOptimizer(.sgd(momentum: 0.9))
      for _ in 0..<3 {
        try network.backpropagate(samples.batch(), mode: .training)
        if withOther { try other.step(learningRate: 0) }
        try optimizer.step(learningRate: 0.1)
      }
      return try network.parameters
    }
    #expect(try run(withOther: true) == run(withOther: false))
  }

  @Test func keepsWhatItGatheredWhenWeightsAreReplaced() throws {
    let network = try SmallNetworks.network(SmallNetworks.dense)
    let samples = try Samples(count: 8, for: network.architecture, seed: 1)
    let start = try network.parameters
    let optimizer = try network.makeOptimizer(.sgd(momentum: 1))
    try network.backpropagate(samples.batch(), mode: .training)
    let gradients = try network.gradients.doubles
    try optimizer.step(learningRate: 0.1)
    try network.setParameters(start)
    // The same gradient once more, so the velocity is twice as large.
    try network.backpropagate(samples.batch(), mode: .training)
    try optimizer.step(learningRate: 0.1)
    var expected = start.doubles
    for (name, values) in gradients {
      expected[name] = zip(expected[name] ?? [], values).map { $0 - 0.2 * $1 }
    }
    expectClose(
      try network.parameters.doubles, expected, Tolerance(relative: 1e-6, absolute: 1e-7), "weights"
    )
  }

  @Test(arguments: kinds)
  func leavesRunningStatisticsAndUntrainedLayersAlone(_ kind: TrainingRecipe.Optimizer) throws {
    var sketch = NetworkSketch([6])
    sketch.add(.dense(5, activation: .tanh), isTrainable: false)
    sketch.add(.norm())
    sketch.add(.dense(7))
    sketch.add(.norm(), isTrainable: false)
    sketch.classify()
    let architecture = sketch.architecture
    let network = try SmallNetworks.network(architecture)
    let optimizer = try network.makeOptimizer(kind)
    let before = try network.parameters
    let samples = try Samples(count: 8, for: architecture, seed: 1)
    for mode in [Network.Mode.frozen, .training] {
      try network.backpropagate(samples.batch(), mode: mode)
      let statistics = try network.parameters
      try optimizer.step(learningRate: 0.1)
      for name in try network.parameters.all.map(\.name) where name.role.hasPrefix("moving") {
        #expect(try network.parameters[name] == statistics[name], "\(name)")
      }
    }
    let untrained = Set(architecture.layers.filter { !$0.isTrainable }.map(\.name))
    for parameter in try network.parameters.all {
      let isSame = parameter == before[parameter.name]
      #expect(isSame == untrained.contains(parameter.name.layer), "\(parameter.name)")
    }
  }

  @Test func clippingScalesAllGradientsByOneFactor() throws {
    let network = try SmallNetworks.network(SmallNetworks.convolutional)
    let samples = try Samples(count: 8, for: network.architecture, seed: 1)
    try network.backpropagate(samples.batch(), mode: .training)
    let (before, norm) = (try network.gradients, network.gradientNorm)
    #expect(network.clipGradients(to: 2 * norm) == norm)
    #expect(try network.gradients == before)
    #expect(network.clipGradients(to: norm / 4) == norm)
    #expect(abs(network.gradientNorm / (norm / 4) - 1) < 1e-5)
    expectClose(
      try network.gradients.doubles, before.doubles.mapValues { $0.map { $0 / 4 } },
      Tolerance(relative: 1e-6, absolute: 0), "clipped")
  }

  @Test func needsAStepToFollow() throws {
    let network = try SmallNetworks.network(SmallNetworks.dense)
    let before = try network.parameters
    let optimizer = try network.makeOptimizer(.adam)
    #expect(throws: EngineError.noStepYet) { try optimizer.step(learningRate: 1) }
    #expect(throws: EngineError.noStepYet) { try network.gradients }
    #expect(network.lastLogits.isEmpty)
    #expect(network.gradientNorm == 0)
    #expect(try network.parameters == before)
  }

  @Test(
    arguments: [
      .sgd(momentum: -0.1), .sgd(momentum: .nan), .adam(beta1: 1, beta2: 0.9, epsilon: 1e-8),
      .adam(beta1: 0.9, beta2: 1, epsilon: 1e-8), .adam(beta1: 0.9, beta2: 0.9, epsilon: -1),
      .adam(beta1: -.infinity, beta2: 0.9, epsilon: 1e-8),
    ] as [TrainingRecipe.Optimizer])
  func refusesSettingsThatMakeNoSense(_ kind: TrainingRecipe.Optimizer) throws {
    let network = try SmallNetworks.network(SmallNetworks.dense)
    #expect(throws: EngineError.self) { try network.makeOptimizer(kind) }
  }

  @Test func refusesARateThatIsNoNumber() throws {
    let network = try SmallNetworks.network(SmallNetworks.dense)
    let samples = try Samples(count: 2, for: network.architecture, seed: 1)
    try network.backpropagate(samples.batch(), mode: .training)
    let (optimizer, before) = (try network.makeOptimizer(.adam), try network.parameters)
    for rate in [Float.nan, .infinity] {
      #expect(throws: EngineError.self) { try optimizer.step(learningRate: rate) }
    }
    #expect(try network.parameters == before)
  }
}
