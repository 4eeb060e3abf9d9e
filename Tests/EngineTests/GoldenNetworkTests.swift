import Engine
import ModelCore
import TestSupport
import Testing

/// The engine against Keras, on whole networks that Keras wrote.
@Suite struct GoldenNetworkTests {
  /// Errors of 32-bit arithmetic add up over the layers; Keras in 32 bits differs from itself in
  /// 64 by up to 2e-6 here.
  private func tolerance(_ name: String) -> Tolerance {
    name == "conv_winograd" ? .winograd : Tolerance(relative: 2e-5, absolute: 3e-7)
  }

  @Test(arguments: GoldenNetwork.names)
  func scoresAndGradientsAreThoseOfKeras(_ name: String) throws {
    let golden = try GoldenNetwork(name)
    let tolerance = tolerance(name)
    let network = try Network(golden.architecture, parameters: golden.weights, threads: 2)
    let logits = try golden.values.doubles("logits64")
    expectClose(try network.logits(golden.soft), logits, tolerance, "logits")

    let softLoss = try network.backpropagate(golden.soft.batch(), mode: .frozen)
    expectClose([softLoss], try golden.values.doubles("loss_soft"), tolerance, "soft loss")
    expectClose(Array(network.lastLogits), logits, tolerance, "frozen logits")
    expectClose(
      try network.gradients.doubles, try golden.expected("grad_soft"), tolerance, "soft gradient")
    #expect(try network.parameters == golden.ordered, "a frozen step changed a weight")

    let loss = try network.backpropagate(golden.labelled.batch(), mode: .training)
    expectClose([loss], try golden.values.doubles("loss_labels"), tolerance, "loss")
    expectClose(
      try network.gradients.doubles, try golden.expected("grad"), tolerance, "gradient")
    var expected = golden.weights.doubles
    expected.merge(try golden.expected("moving")) { $1 }
    expectClose(try network.parameters.doubles, expected, tolerance, "weights after a step")
  }

  @Test(arguments: GoldenNetwork.names)
  func stepsOfSGDEndWhereThoseOfKerasDo(_ name: String) throws {
    let golden = try GoldenNetwork(name)
    let found = try trained(golden, .sgd(momentum: 0.9), learningRate: 0.05)
    expectClose(found, try golden.expected("after_sgd"), tolerance(name), "after SGD")
  }

  /// Adam also turns a gradient that is all rounding into a step.
  @Test(arguments: GoldenNetwork.names.filter { $0 != "batchnorm_after_bias" })
  func stepsOfAdamEndWhereThoseOfKerasDo(_ name: String) throws {
    let golden = try GoldenNetwork(name)
    let kind = TrainingRecipe.Optimizer.adam(beta1: 0.9, beta2: 0.999, epsilon: 1e-7)
    let found = try trained(golden, kind, learningRate: 1e-3)
    expectClose(
      found, try golden.expected("after_adam"), Tolerance(relative: 3e-4, absolute: 2e-6),
      "after Adam")
  }

  /// The weights after three steps on the same batch.
  private func trained(
    _ golden: GoldenNetwork, _ kind: TrainingRecipe.Optimizer, learningRate: Float
  ) throws -> [ParameterName: [Double]] {
    let network = try Network(golden.architecture, parameters: golden.weights, threads: 2)
    let optimizer = try network.makeOptimizer(kind)
    let batch = golden.labelled.batch()
    for _ in 0..<3 {
      try network.backpropagate(batch, mode: .training)
      try optimizer.step(learningRate: learningRate)
    }
    return try network.parameters.doubles
  }
}

extension GoldenNetwork {
  /// The weights in the order in which a network returns them.
  fileprivate var ordered: Parameters {
    get throws {
      Parameters(
        try architecture.parameterSpecifications().compactMap { weights[$0.name] })
    }
  }
}
