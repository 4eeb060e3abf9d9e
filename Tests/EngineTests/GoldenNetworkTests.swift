import Engine
import ModelCore
import TestSupport
import Testing

/// The engine against Keras's own numbers.
@Suite struct GoldenNetworkTests {
  /// Whole networks in 32 bits: a few layers' rounding.
  private let tolerance = Tolerance(relative: 2e-5, absolute: 1e-6)

  @Test(arguments: GoldenNetwork.names)
  func computesWhatKerasComputes(_ name: String) throws {
    let golden = try GoldenNetwork(name)
    let network = try Network(golden.architecture, parameters: golden.weights, threads: 2)
    expectClose(
      try network.logits(golden.labelled), try golden.values.doubles("logits64"), tolerance,
      "logits")

    let loss = try network.backpropagate(golden.labelled.batch(), mode: .training)
    expectClose([loss], try golden.values.doubles("loss_labels"), tolerance, "loss")
    expectClose(
      try network.gradients.doubles, try golden.expected("grad"), tolerance, "gradient")
    let moving = try network.parameters.doubles.filter { $0.key.role.hasPrefix("moving_") }
    expectClose(moving, try golden.expected("moving"), tolerance, "moving")

    try network.setParameters(golden.weights)
    let soft = try network.backpropagate(golden.soft.batch(), mode: .frozen)
    expectClose([soft], try golden.values.doubles("loss_soft"), tolerance, "soft loss")
    expectClose(
      try network.gradients.doubles, try golden.expected("grad_soft"), tolerance, "soft gradient")
    #expect(try network.parameters == golden.weights.inOrder(of: golden.architecture))
  }

  @Test(arguments: GoldenNetwork.names)
  func trainsAsKerasDoes(_ name: String) throws {
    let golden = try GoldenNetwork(name)
    let sgd = try trained(golden, .sgd(momentum: 0.9), learningRate: 0.05)
    expectClose(sgd, try golden.expected("after_sgd"), tolerance, "after SGD")
    let expected = try golden.expected("after_adam")
    guard !expected.isEmpty else { return }
    let adam = try trained(
      golden, .adam(beta1: 0.9, beta2: 0.999, epsilon: 1e-7), learningRate: 1e-3)
    // Keras adds epsilon before the bias correction, which shows where gradients are tiny.
    expectClose(adam, expected, Tolerance(relative: 1e-3, absolute: 1e-5), "after Adam")
  }

  private func trained(
    _ golden: GoldenNetwork, _ optimizer: TrainingRecipe.Optimizer, learningRate: Float
  ) throws -> [ParameterName: [Double]] {
    let network = try Network(golden.architecture, parameters: golden.weights, threads: 2)
    let optimizer = try network.makeOptimizer(optimizer)
    let batch = golden.labelled.batch()
    for _ in 0..<3 {
      try network.backpropagate(batch, mode: .training)
      try optimizer.step(learningRate: learningRate)
    }
    return try network.parameters.doubles
  }
}

extension Parameters {
  /// The same weights as the engine gives them back.
  func inOrder(of architecture: Architecture) throws -> Parameters {
    Parameters(try architecture.parameterSpecifications().compactMap { self[$0.name] })
  }
}
