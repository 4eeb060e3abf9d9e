import Engine
import ModelCore
import Testing

/// Weights in and out of a network.
@Suite struct ParameterTests {
  private static let architectures =
    [SmallNetworks.convolutional, SmallNetworks.dense]
    + (LayerCase.winograd + LayerCase.normalizations + LayerCase.borders + LayerCase.joins
    + LayerCase.denseLayers).map(\.architecture)

  /// Blocked layouts, padding and transposition must all be undone.
  @Test func comeBackBitByBit() throws {
    for (index, architecture) in Self.architectures.enumerated() {
      let first = try Parameters(randomFor: architecture, seed: 1)
      let network = try Network(architecture, parameters: first, threads: 2)
      #expect(try network.parameters == first, "network \(index)")
      let second = try Parameters(randomFor: architecture, seed: 2)
      try network.setParameters(second)
      #expect(try network.parameters == second, "network \(index), second weights")
    }
  }

  @Test func theOrderInWhichTheyAreGivenDoesNotMatter() throws {
    let architecture = SmallNetworks.convolutional
    let parameters = try Parameters(randomFor: architecture, seed: 1)
    let network = try Network(
      architecture, parameters: Parameters(parameters.all.reversed()), threads: 1)
    #expect(try network.parameters == parameters)
    #expect(
      try network.parameters.all.map(\.name)
        == architecture.parameterSpecifications().map(\.name))
  }

  @Test func newWeightsReachEveryPlan() throws {
    let architecture = SmallNetworks.convolutional
    let network = try SmallNetworks.network(architecture, seed: 1)
    let samples = try Samples(count: 6, for: architecture, seed: 1)
    _ = try network.logits(samples)
    try network.backpropagate(samples.batch(), mode: .frozen)
    let parameters = try Parameters(randomFor: architecture, seed: 2)
    try network.setParameters(parameters)
    let fresh = try Network(architecture, parameters: parameters, threads: 2)
    #expect(try network.logits(samples) == fresh.logits(samples))
    try network.backpropagate(samples.batch(), mode: .frozen)
    try fresh.backpropagate(samples.batch(), mode: .frozen)
    #expect(try network.gradients == fresh.gradients)
  }

  @Test func gradientsAreOfTrainableWeightsInOrder() throws {
    let network = try SmallNetworks.network(SmallNetworks.convolutional)
    try network.backpropagate(
      Samples(count: 3, for: network.architecture, seed: 1).batch(), mode: .training)
    let specifications = try network.architecture.parameterSpecifications()
    let gradients = try network.gradients
    #expect(gradients.all.map(\.name) == specifications.filter(\.isTrainable).map(\.name))
    for gradient in gradients.all {
      #expect(gradient.shape == specifications.first { $0.name == gradient.name }?.shape)
    }
    let squares = gradients.doubles.values.joined().reduce(0) { $0 + $1 * $1 }
    #expect(abs(Double(network.gradientNorm) / squares.squareRoot() - 1) < 1e-6)
  }

  // MARK: What does not fit

  private let parameters = try? Parameters(randomFor: SmallNetworks.dense, seed: 1)
  private let bias = ParameterName(layer: "2_Dense", role: "bias")

  /// A network must refuse the weights both when it is made and when it is given new ones, and
  /// then keep its own.
  private func expectRefusal(_ parameters: Parameters, _ expected: EngineError) throws {
    #expect(throws: expected) {
      try Network(SmallNetworks.dense, parameters: parameters, threads: 1)
    }
    let network = try SmallNetworks.network(SmallNetworks.dense, seed: 5, threads: 1)
    let before = try network.parameters
    #expect(throws: expected) { try network.setParameters(parameters) }
    #expect(try network.parameters == before)
  }

  @Test func aMissingWeightIsNamed() throws {
    let all = try #require(parameters).all
    try expectRefusal(Parameters(all.filter { $0.name != bias }), .missingParameter(bias))
    #expect(EngineError.missingParameter(bias).description.contains("2_Dense/bias"))
  }

  @Test func anUnknownWeightIsNamed() throws {
    let name = ParameterName(layer: "9_Dense", role: "bias")
    var parameters = try #require(parameters)
    parameters.append(Parameter(name: name, shape: Shape(vector: 2), values: [1, 2]))
    try expectRefusal(parameters, .unknownParameter(name))
    #expect(EngineError.unknownParameter(name).description.contains("9_Dense/bias"))
  }

  @Test func aWeightOfAnotherShapeIsNamed() throws {
    // As many elements, but a matrix.
    let shape = try Shape([1, 17])
    let wrong = try #require(parameters).all.map {
      $0.name == bias ? Parameter(name: $0.name, shape: shape, values: $0.values) : $0
    }
    let error = EngineError.parameterShape(bias, expected: Shape(vector: 17), found: shape)
    try expectRefusal(Parameters(wrong), error)
    #expect(error.description.contains("[17]") && error.description.contains("[1, 17]"))
  }
}
