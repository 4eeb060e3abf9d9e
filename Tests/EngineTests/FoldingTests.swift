import Engine
import ModelCore
import Testing

/// Normalizations that inference computes as part of the layer before.
@Suite struct FoldingTests {
  /// A network, how many of its normalizations fold, and how many do not.
  struct Case: CustomTestStringConvertible, Sendable {
    let name: String
    let folded: Int
    var kept = 0
    let architecture: Architecture
    var testDescription: String { name }

    init(
      _ name: String, folded: Int, kept: Int = 0, input: [Int] = [8, 7, 16],
      _ draw: (inout NetworkSketch) -> Void
    ) {
      var sketch = NetworkSketch(input)
      draw(&sketch)
      sketch.classify(flatten: input.count > 1)
      (self.name, self.folded, self.kept) = (name, folded, kept)
      architecture = sketch.architecture
    }
  }

  static let cases = [
    Case("Winograd and ReLU", folded: 1) {
      $0.add(.conv(32, 3, padding: .same, usesBias: false))
      $0.add(.norm())
      $0.add(.activation(.relu))
    },
    Case("strided, with a bias, neither scale nor centre", folded: 1, input: [9, 8, 3]) {
      $0.add(.conv(17, 3, strides: (2, 2), padding: .same))
      $0.add(.norm(scale: false, center: false))
    },
    Case("no centre, another function", folded: 2, input: [9, 8, 5]) {
      $0.add(.conv(20, 3))
      $0.add(.norm(center: false))
      $0.add(.activation(.tanh))
      $0.add(.conv(7, 1, usesBias: false))
      $0.add(.norm(scale: false, epsilon: 1e-5))
    },
    Case("few channels", folded: 1, input: [8, 8, 1]) {
      $0.add(.conv(6, 5))
      $0.add(.norm())
    },
    Case("depthwise and in groups", folded: 2) {
      $0.add(.conv(16, 3, padding: .same, usesBias: false, mixing: .depthwise(multiplier: 1)))
      $0.add(.norm())
      $0.add(.activation(.relu))
      $0.add(.conv(32, 3, mixing: .grouped(2)))
      $0.add(.norm())
    },
    Case("dense", folded: 2, input: [9]) {
      $0.add(.dense(33, usesBias: false))
      $0.add(.norm())
      $0.add(.activation(.relu))
      $0.add(.dense(5))
      $0.add(.norm())
    },
    Case("an identity is added", folded: 2) {
      let start = $0.add(.activation(.tanh))
      $0.add(.conv(16, 3, padding: .same, usesBias: false))
      $0.add(.norm())
      $0.add(.activation(.relu))
      $0.add(.conv(16, 3, padding: .same, usesBias: false))
      let norm = $0.add(.norm())
      $0.add(.add, from: [norm, start])
      $0.add(.activation(.relu))
    },
    Case("the samples themselves are added", folded: 1, input: [6, 6, 16]) {
      $0.add(.conv(16, 3, padding: .same))
      let norm = $0.add(.norm())
      $0.add(.add, from: [norm, "input"])
    },
    Case("a projection is added, and read again", folded: 2) {
      let start = $0.last
      $0.add(.conv(32, 3, strides: (2, 2), padding: .same, usesBias: false), from: [start])
      let left = $0.add(.norm())
      $0.add(.conv(32, 1, strides: (2, 2), usesBias: false), from: [start])
      let right = $0.add(.norm())
      let sum = $0.add(.add, from: [left, right])
      $0.add(.concatenate(axis: 3), from: [sum, right])
    },
    Case("after a ReLU, and where others read", folded: 0, kept: 3) {
      $0.add(.conv(16, 3, padding: .same, activation: .relu))
      $0.add(.norm())
      let conv = $0.add(.conv(16, 3, padding: .same))
      $0.add(.norm())
      $0.add(.add, from: [$0.last, conv])
      $0.add(.pool(.max, 2, strides: (2, 2)))
      $0.add(.norm())
    },
  ]

  private func scores(_ architecture: Architecture, _ parameters: Parameters, _ samples: Samples)
    throws -> [Float]
  {
    try Network(architecture, parameters: parameters, threads: 2).logits(samples)
  }

  /// A frozen step uses the same statistics, but no folded weights.
  @Test(arguments: cases) func agreesWithWhatIsNotFolded(_ subject: Case) throws {
    let network = try SmallNetworks.network(subject.architecture)
    let before = try network.parameters
    for count in [16, 3] {
      let samples = try Samples(count: count, for: subject.architecture, seed: 2)
      let folded = try network.logits(samples)
      try network.backpropagate(samples.batch(), mode: .frozen)
      expectClose(
        folded, Array(network.lastLogits).map(Double.init),
        Tolerance(relative: 1e-5, absolute: 1e-6), subject.name)
    }
    #expect(try network.parameters == before, "folding changed a weight")
  }

  /// What runs for inference says whether it has been folded.
  @Test(arguments: cases) func foldsWhatCanBe(_ subject: Case) throws {
    let network = try SmallNetworks.network(subject.architecture)
    _ = try network.logits(Samples(count: 4, for: subject.architecture, seed: 2))
    let steps = network.implementations
    #expect(steps.count { $0.contains(": normalize: ") } == subject.kept, "\(steps)")
    let all = subject.architecture.layers.count {
      if case .batchNormalization = $0.kind { return true }
      return false
    }
    #expect(all == subject.folded + subject.kept)
    expectNoReference(network)
  }

  /// Whatever changes a weight or a statistic, the next answer is that of a new network.
  @Test(arguments: cases) func followsEveryChangeOfTheWeights(_ subject: Case) throws {
    let architecture = subject.architecture
    let network = try SmallNetworks.network(architecture)
    let samples = try Samples(count: 8, for: architecture, seed: 2)
    var last = try network.logits(samples)
    func expectFresh(_ what: String) throws {
      let found = try network.logits(samples)
      #expect(try found == scores(architecture, network.parameters, samples), "after \(what)")
      #expect(found != last, "\(what) changed nothing")
      last = found
    }
    try network.backpropagate(samples.batch(), mode: .training)
    try expectFresh("a step that moves statistics alone")
    let optimizer = try network.makeOptimizer(.sgd(momentum: 0))
    try optimizer.step(learningRate: 0.05)
    try expectFresh("an optimizer's step")
    let average = try network.makeAverage()
    try network.backpropagate(samples.batch(), mode: .training)
    try optimizer.step(learningRate: 0.05)
    try expectFresh("another step")
    average.update(decay: 0.5)
    let own = last
    try average.withAveragedWeights { try expectFresh("averaging") }
    #expect(try network.logits(samples) == own)
    last = []
    try network.setParameters(Parameters(randomFor: architecture, seed: 9))
    try expectFresh("other weights")
  }

  /// A ReLU would make zeros of what a negative variance gives.
  @Test func statisticsWithoutAFactorAreRefused() throws {
    let architecture = Self.cases[0].architecture
    let norm = try #require(architecture.layers.first { $0.kind.className == "BatchNormalization" })
    var parameters = try Parameters(randomFor: architecture, seed: 1)
    parameters.update { name, values in
      if name.role == "moving_variance" { values[3] = -2 }
    }
    let network = try Network(architecture, parameters: parameters, threads: 2)
    let samples = try Samples(count: 4, for: architecture, seed: 2)
    for _ in 0..<2 {
      #expect(throws: EngineError.unusableStatistics(layer: norm.name)) {
        try network.logits(samples)
      }
    }
  }
}
