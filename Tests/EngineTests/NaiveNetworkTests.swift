import Engine
import ModelCore
import TestSupport
import Testing

/// Proves the oracle that the engine's tests rest on.
@Suite struct NaiveNetworkTests {
  /// Keras computed in 64 bits and stored in 32.
  private let stored = Tolerance(relative: 3e-7, absolute: 1e-8)

  /// Those in which differences stand for adjoints would take minutes.
  private static let names = GoldenNetwork.names.filter {
    !["sequence", "operations", "mobile", "merges", "more_activations"].contains($0)
  }

  @Test(arguments: names)
  func agreesWithKeras(_ name: String) throws {
    let golden = try GoldenNetwork(name)
    let network = try NaiveNetwork(golden.architecture, parameters: golden.weights)
    expectClose(
      network.logits(golden.labelled), try golden.values.doubles("logits64"),
      Tolerance(relative: 1e-7, absolute: 1e-9), "logits")

    let training = network.step(golden.labelled, mode: .training)
    expectClose([training.loss], try golden.values.doubles("loss_labels"), stored, "loss")
    expectClose(training.gradients, try golden.expected("grad"), stored, "gradient")
    expectClose(training.running, try golden.expected("moving"), stored, "running")

    let frozen = network.step(golden.soft, mode: .frozen)
    expectClose([frozen.loss], try golden.values.doubles("loss_soft"), stored, "soft loss")
    expectClose(frozen.gradients, try golden.expected("grad_soft"), stored, "soft gradient")
    for (name, values) in frozen.running { #expect(values == network.weights[name]) }
  }

  @Test(arguments: names)
  func trainsAsKerasDoes(_ name: String) throws {
    let golden = try GoldenNetwork(name)
    let sgd = try trained(golden, NaiveOptimizer(.sgd(momentum: 0.9)), learningRate: 0.05)
    expectClose(sgd, try golden.expected("after_sgd"), stored, "after SGD")
    let adam = try golden.expected("after_adam")
    guard !adam.isEmpty else {
      #expect(name == "batchnorm_after_bias")
      return
    }
    let optimizer = NaiveOptimizer(.adam(beta1: 0.9, beta2: 0.999, epsilon: 1e-7))
    expectClose(
      try trained(golden, optimizer, learningRate: 1e-3), adam, stored, "after Adam")
  }

  /// The weights after three steps.
  private func trained(
    _ golden: GoldenNetwork, _ optimizer: NaiveOptimizer, learningRate: Double
  ) throws -> [ParameterName: [Double]] {
    var network = try NaiveNetwork(golden.architecture, parameters: golden.weights)
    var optimizer = optimizer
    for _ in 0..<3 {
      let step = network.step(golden.labelled, mode: .training)
      optimizer.step(&network, step.gradients, learningRate: learningRate)
      network.weights.merge(step.running) { $1 }
    }
    return network.weights
  }

  /// `(L(w + h) - L(w - h)) / 2h` for weights of small networks of every kind of layer.
  @Test(arguments: LayerCase.heads + LayerCase.embeddings + LayerCase.mixings.prefix(4))
  func rareLayersAgreeWithFiniteDifferences(_ subject: LayerCase) throws {
    try agreesWithFiniteDifferences(subject, mode: .training)
  }

  @Test(arguments: LayerCase.tiny, [Network.Mode.training, .frozen])
  func agreesWithFiniteDifferences(_ subject: LayerCase, mode: Network.Mode) throws {
    let architecture = subject.architecture
    let parameters = try Parameters(randomFor: architecture, seed: subject.seed)
    var network = try NaiveNetwork(architecture, parameters: parameters)
    let samples = try Samples(count: subject.batch, for: architecture, seed: subject.seed)
    network.dropoutFactors = subject.dropoutFactors(samples.count)
    let step = network.step(samples, mode: mode)
    #expect(abs(network.loss(samples, mode: mode) - step.loss) < 1e-12)
    let distance = 1e-5
    for parameter in parameters.all where step.gradients[parameter.name] != nil {
      // All of the few, and some of the many.
      let chosen = parameter.values.indices.filter { parameter.values.count < 80 || $0 % 7 == 0 }
      let numeric = chosen.map { index in
        var (more, less) = (network, network)
        more.weights[parameter.name]?[index] += distance
        less.weights[parameter.name]?[index] -= distance
        return (more.loss(samples, mode: mode) - less.loss(samples, mode: mode)) / (2 * distance)
      }
      expectClose(
        chosen.map { step.gradients[parameter.name]?[$0] ?? .nan }, numeric,
        Tolerance(relative: 1e-7, absolute: 1e-9), "\(parameter.name)")
    }
    let trainable = try architecture.parameterSpecifications().filter(\.isTrainable)
    #expect(Set(step.gradients.keys) == Set(trainable.map(\.name)))
  }
}
