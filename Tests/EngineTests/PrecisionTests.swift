import Engine
import ModelCore
import OneDNN
import Testing

/// Products of factors that are rounded to 16 bits.
@Suite(.enabled(if: Processor.hasBFloat16, "this processor has no AVX-512 BF16"))
struct PrecisionTests {
  static let cases = [
    LayerCase("every second pixel", [9, 8, 16], batch: 5) {
      $0.add(.conv(32, 3, strides: (2, 2), padding: .same, activation: .tanh))
    },
    LayerCase("single pixels", [6, 5, 32], batch: 4) { $0.add(.conv(16, 1)) },
    LayerCase("wide windows", [12, 12, 32], batch: 6) {
      $0.add(.conv(32, 5, padding: .same, activation: .tanh))
      $0.add(.conv(64, 5, padding: .same, activation: .tanh))
    },
    LayerCase("padding lanes", [7, 7, 19], batch: 3) {
      $0.add(.conv(21, 3, dilation: (2, 2), padding: .same))
    },
    LayerCase("mostly weights", [4, 4, 64], batch: 3) {
      $0.add(.conv(64, 5, padding: .same, activation: .tanh))
    },
    LayerCase("one input read three times", [8, 8, 16], batch: 4) {
      let start = $0.add(.conv(16, 3, padding: .same))
      let left = $0.add(.conv(16, 1), from: [start])
      let right = $0.add(.conv(16, 3, strides: (1, 1), padding: .same), from: [start])
      $0.add(.add, from: [left, right])
      $0.add(.add, from: [$0.last, start])
    },
    LayerCase("folded, and added to", [8, 8, 16], batch: 4) {
      let start = $0.add(.activation(.tanh))
      $0.add(.conv(16, 5, padding: .same, usesBias: false))
      $0.add(.norm())
      $0.add(.activation(.tanh))
      $0.add(.conv(16, 5, padding: .same, usesBias: false))
      let norm = $0.add(.norm())
      $0.add(.add, from: [norm, start])
      $0.add(.activation(.tanh))
    },
  ]

  private func compile(
    _ subject: LayerCase, _ parameters: Parameters, _ precision: Precision = .bfloat16
  ) throws -> Network {
    try Network(subject.architecture, parameters: parameters, threads: 2, precision: precision)
  }

  /// Each factor is off by a 512th at most; sums of many products, whose errors have either sign,
  /// by less.
  private let tolerance = Tolerance(relative: 1.0 / 64, absolute: 1e-4)

  @Test(arguments: cases) func isNearTheOracle(_ subject: LayerCase) throws {
    let architecture = subject.architecture
    let parameters = try Parameters(randomFor: architecture, seed: subject.seed)
    let samples = try Samples(count: subject.batch, for: architecture, seed: subject.seed)
    let naive = try NaiveNetwork(architecture, parameters: parameters)
    let network = try compile(subject, parameters)
    expectClose(try network.logits(samples), naive.logits(samples), tolerance, "scores")
    for mode in [Network.Mode.frozen, .training] {
      try network.backpropagate(samples.batch(), mode: mode)
      expectClose(
        Array(network.lastLogits), naive.step(samples, mode: mode).logits, tolerance,
        "\(mode) scores")
    }
    #expect(network.roundsFactors)
    expectNoReference(network)
  }

  /// The gradients of a given change of the scores: one that follows from the scores would have
  /// their errors too. For the same reason no case has a ReLU, which may let through what it did
  /// not before.
  @Test(arguments: cases) func gradientsAreNearThoseOf32Bits(_ subject: LayerCase) throws {
    let parameters = try Parameters(randomFor: subject.architecture, seed: subject.seed)
    let samples = try Samples(count: subject.batch, for: subject.architecture, seed: subject.seed)
    func gradients(_ precision: Precision, _ mode: Network.Mode) throws -> Parameters {
      let network = try compile(subject, parameters, precision)
      try network.backpropagate(samples.batch(), mode: mode) { logits, gradient in
        for index in logits.indices { gradient[index] = samples.targets[index] - 0.4 }
        return 0
      }
      return try network.gradients
    }
    for mode in [Network.Mode.frozen, .training] {
      expectClose(
        try gradients(.bfloat16, mode).doubles, try gradients(.float32, mode).doubles, tolerance,
        "\(mode) gradient")
    }
  }

  /// Where 8 bits hold the factors, nothing is lost: sums and outputs have all their bits.
  @Test func losesNothingButTheFactorsBits() throws {
    let subject = Self.cases[0]
    var parameters = try Parameters(randomFor: subject.architecture, seed: 4)
    parameters.update { name, values in
      // Everything else stays as it is: it is not what is rounded.
      guard values.count == 3 * 3 * 16 * 32 else { return }
      for index in values.indices { values[index] = (values[index] * 64).rounded() / 64 }
    }
    var samples = try Samples(count: subject.batch, for: subject.architecture, seed: 4)
    samples.inputs = samples.inputs.map { ($0 * 16).rounded() / 16 }
    let naive = try NaiveNetwork(subject.architecture, parameters: parameters)
    let network = try compile(subject, parameters)
    expectClose(try network.logits(samples), naive.logits(samples), .direct, "scores")
    try network.backpropagate(samples.batch(), mode: .training)
    expectClose(
      Array(network.lastLogits), naive.step(samples, mode: .training).logits, .direct,
      "scores while training")
  }

  @Test(arguments: cases) func roundsOnlyWhenAskedTo(_ subject: LayerCase) throws {
    let parameters = try Parameters(randomFor: subject.architecture, seed: 5)
    let samples = try Samples(count: subject.batch, for: subject.architecture, seed: 5)
    func gradients(_ precision: Precision) throws -> (Parameters, [String]) {
      let network = try compile(subject, parameters, precision)
      try network.backpropagate(samples.batch(), mode: .frozen)
      return (try network.gradients, network.implementations)
    }
    let (exact, plain) = try gradients(.float32)
    let (rounded, steps) = try gradients(.bfloat16)
    #expect(exact != rounded)
    #expect(try gradients(.bfloat16).0 == rounded, "the same run gives other bits")
    #expect(!plain.contains { $0.contains("bf16") && !$0.contains("core_bf16") })
    #expect(steps.contains { $0.contains(": round: ") }, "\(steps)")
  }

  /// Winograd's method in 32 bits is faster than the direct one in 16.
  @Test func doesNotRoundWhatIsWinograds() throws {
    let subject = LayerCase("Winograd", [12, 12, 32], batch: 6) {
      $0.add(.conv(32, 3, padding: .same, activation: .tanh))
      $0.add(.conv(64, 3, padding: .same, activation: .tanh))
    }
    let parameters = try Parameters(randomFor: subject.architecture, seed: 7)
    let samples = try Samples(count: subject.batch, for: subject.architecture, seed: 7)
    let gradients = try [Precision.float32, .bfloat16].map { precision in
      let network = try compile(subject, parameters, precision)
      #expect(!network.roundsFactors)
      try network.backpropagate(samples.batch(), mode: .training)
      return try network.gradients
    }
    #expect(gradients[0] == gradients[1])
  }

  /// Training with rounded products ends where training without does.
  @Test func learns() throws {
    let subject = Self.cases[2]
    let samples = try Samples(count: 24, for: subject.architecture, seed: 6)
    let parameters = try Parameters(randomFor: subject.architecture, seed: 6)
    let labelled = Samples(
      inputs: samples.inputs, labels: (0..<24).map { Int32($0 % samples.classCount) },
      classCount: samples.classCount)
    let network = try compile(subject, parameters)
    let optimizer = try network.makeOptimizer(.adam)
    let first = try network.backpropagate(labelled.batch(), mode: .training)
    for _ in 0..<40 {
      try network.backpropagate(labelled.batch(), mode: .training)
      try optimizer.step(learningRate: 0.005)
    }
    let last = try network.backpropagate(labelled.batch(), mode: .training)
    #expect(first > 0.5 && last < first / 10, "\(first) to \(last)")
  }

  /// Rounded weights are no numbers to take the largest of, so those before are looked at.
  @Test func hidesNoOverflow() throws {
    var sketch = NetworkSketch([8, 8, 16])
    let layer = sketch.add(.conv(16, 5, padding: .same, usesBias: false))
    sketch.add(.norm())
    sketch.add(.activation(.relu))
    sketch.classify()
    var parameters = try Parameters(randomFor: sketch.architecture, seed: 1)
    parameters.update { name, values in
      guard name.layer == layer else { return }
      for index in values.indices { values[index] *= 3e37 }
    }
    let network = try Network(
      sketch.architecture, parameters: parameters, threads: 2, precision: .bfloat16)
    let samples = try Samples(count: 3, for: sketch.architecture, seed: 1)
    let error = #expect(throws: EngineError.self) { try network.logits(samples) }
    guard case .tooLarge(let name, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(name == layer)
  }

  @Test func saysWhereItMakesNoDifference() throws {
    var sketch = NetworkSketch([8, 8, 1])
    sketch.add(.conv(6, 5))
    sketch.classify()
    let parameters = try Parameters(randomFor: sketch.architecture, seed: 1)
    let network = try Network(
      sketch.architecture, parameters: parameters, threads: 2, precision: .bfloat16)
    #expect(!network.roundsFactors)
  }
}
