import Engine
import ModelCore
import Testing

@Suite struct WeightAverageTests {
  private struct Stop: Error {}

  /// One step, so that weights and running statistics move.
  private func step(_ network: Network, _ optimizer: Optimizer, seed: UInt64) throws {
    let samples = try Samples(count: 6, for: network.architecture, seed: seed)
    try network.backpropagate(samples.batch(), mode: .training)
    try optimizer.step(learningRate: 0.1)
  }

  @Test func followsItsFormula() throws {
    let network = try SmallNetworks.network(SmallNetworks.convolutional)
    let optimizer = try network.makeOptimizer(.sgd(momentum: 0))
    let average = try network.makeAverage()
    #expect(try average.parameters == network.parameters)
    var expected = try network.parameters.doubles
    for (seed, decay) in [0.5, 0.9, 0.999, 0, 1].enumerated() {
      try step(network, optimizer, seed: UInt64(seed))
      average.update(decay: Float(decay))
      for (name, values) in try network.parameters.doubles {
        let old = expected[name] ?? []
        expected[name] =
          name.role.hasPrefix("moving")
          ? values : zip(old, values).map { decay * $0 + (1 - decay) * $1 }
      }
      expectClose(
        try average.parameters.doubles, expected, Tolerance(relative: 3e-7, absolute: 1e-7),
        "decay \(decay)")
    }
    // Statistics are copied, not averaged.
    for parameter in try network.parameters.all where parameter.name.role.hasPrefix("moving") {
      #expect(try average.parameters[parameter.name] == parameter)
    }
  }

  @Test func isSwappedInAndOutWithoutALoss() throws {
    let network = try SmallNetworks.network(SmallNetworks.convolutional)
    let optimizer = try network.makeOptimizer(.adam)
    let average = try network.makeAverage()
    try step(network, optimizer, seed: 1)
    average.update(decay: 0.7)
    let (own, averaged) = (try network.parameters, try average.parameters)
    #expect(own != averaged)
    let samples = try Samples(count: 3, for: network.architecture, seed: 2)
    let scores = try network.logits(samples)
    let inside = try average.withAveragedWeights {
      #expect(try network.parameters == averaged)
      return try network.logits(samples)
    }
    let twin = try Network(network.architecture, parameters: averaged, threads: 2)
    #expect(try inside == twin.logits(samples))
    #expect(try network.logits(samples) == scores)
    #expect(try network.parameters == own)
    #expect(try average.parameters == averaged)
  }

  @Test func isSwappedOutEvenAfterAnError() throws {
    let network = try SmallNetworks.network(SmallNetworks.convolutional)
    let optimizer = try network.makeOptimizer(.sgd(momentum: 0.9))
    let average = try network.makeAverage()
    try step(network, optimizer, seed: 1)
    let (own, averaged) = (try network.parameters, try average.parameters)
    #expect(throws: Stop.self) {
      try average.withAveragedWeights {
        try step(network, optimizer, seed: 2)
        throw Stop()
      }
    }
    #expect(try network.parameters == own)
    #expect(try average.parameters == averaged)
  }
}
