internal import Engine
internal import ModelCore

/// The neurons of a hidden layer, and the weights that their outputs scale with.
///
/// A ReLU passes a positive factor on, so a factor on a neuron's output is one on its incoming weights
/// and bias, or on scale and shift of the normalization between: no layer has to be added.
struct HiddenUnits: Hashable {
  /// The layer whose weights scale the outputs, and which of its weights do.
  let weightLayer: String
  let roles: [String]
  /// The layer whose outputs the neurons are.
  let outputLayer: String

  /// Those of all hidden layers for which the above holds.
  static func all(in architecture: Architecture) -> [HiddenUnits] {
    architecture.layers.compactMap { layer in
      switch layer.kind {
      case .dense(let dense): units(layer, dense.activation, dense.usesBias, architecture)
      case .convolution2D(let convolution):
        units(layer, convolution.activation, convolution.usesBias, architecture)
      default: nil
      }
    }
  }

  private static func units(
    _ layer: Layer, _ activation: Activation, _ usesBias: Bool, _ architecture: Architecture
  ) -> HiddenUnits? {
    var (last, weights) = (layer, layer)
    var roles = usesBias ? ["kernel", "bias"] : ["kernel"]
    var current = activation
    // As long as nothing but normalization and activation follows, it is the same neurons.
    while current == .linear, let next = onlyReader(of: last, architecture) {
      if case .batchNormalization(let normalization) = next.kind {
        guard normalization.usesScale, normalization.usesCenter else { return nil }
        (weights, roles) = (next, ["gamma", "beta"])
      } else if case .activation(let function) = next.kind {
        current = function
      } else {
        break
      }
      last = next
    }
    guard last.name != architecture.output, passesFactors(current) else { return nil }
    if current == .linear, isOutput(onlyReader(of: last, architecture), architecture) { return nil }
    return HiddenUnits(weightLayer: weights.name, roles: roles, outputLayer: last.name)
  }

  private static func isOutput(_ layer: Layer?, _ architecture: Architecture) -> Bool {
    layer?.name == architecture.output
  }

  private static func passesFactors(_ activation: Activation) -> Bool {
    switch activation {
    case .linear, .relu, .leakyReLU: true
    default: false
    }
  }

  private static func onlyReader(of layer: Layer, _ architecture: Architecture) -> Layer? {
    let readers = architecture.layers.filter { $0.inputs.contains(layer.name) }
    return readers.count == 1 ? readers[0] : nil
  }

  /// The mean absolute output of each neuron, `[units]`; of an image's or a sequence's neuron, over its
  /// pixels or steps.
  ///
  /// - Parameter inputs: as the network reads them.
  func activity(_ network: Network, _ inputs: StoredInputs) throws -> [Double] {
    let part = try Self.network(network, upTo: outputLayer)
    let count = inputs.labels.count
    let outputs = UnsafeMutableBufferPointer<Float>.allocate(capacity: count * part.classCount)
    defer { outputs.deallocate() }
    try inputs.values.withUnsafeBufferPointer {
      try part.logits($0, count: count, into: outputs)
    }
    var sums = [Double](repeating: 0, count: part.classCount)
    for index in outputs.indices { sums[index % part.classCount] += Double(abs(outputs[index])) }
    return sums.map { $0 / Double(max(1, count)) }
  }

  /// What leads to a layer, as a network of its own whose answer is that layer's output.
  private static func network(_ network: Network, upTo name: String) throws -> Network {
    let whole = network.architecture
    var needed: Set<String> = [name]
    for layer in whole.layers.reversed() where needed.contains(layer.name) {
      needed.formUnion(layer.inputs)
    }
    var layers = whole.layers.filter { needed.contains($0.name) }
    var output = name
    if let shape = try whole.shapes()[name], shape.dimensions.count > 1 {
      output = "\(name)/mean"
      layers.append(
        Layer(
          name: output, kind: .globalAveragePooling2D(keepsDimensions: false), inputs: [name]))
    }
    let part = Architecture(name: whole.name, layers: layers, output: output)
    let parameters = try network.parameters
    return try Network(
      part,
      parameters: Parameters(
        try part.parameterSpecifications().compactMap { parameters[$0.name] }),
      like: network)
  }

  /// Multiplies each neuron's output by a factor.
  ///
  /// - Parameter factors: `[units]`, positive.
  func scale(_ parameters: inout Parameters, by factors: [Float]) {
    parameters.update { name, values in
      guard name.layer == weightLayer, roles.contains(name.role) else { return }
      for index in values.indices { values[index] *= factors[index % factors.count] }
    }
  }
}
