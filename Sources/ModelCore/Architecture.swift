/// A feed-forward network as a list of layers, each after those that feed it.
public struct Architecture: Hashable, Sendable {
  public let name: String
  public let layers: [Layer]
  /// The layer whose output is the network's.
  public let output: String

  public init(name: String, layers: [Layer], output: String) {
    self.name = name
    self.layers = layers
    self.output = output
  }

  /// The shape of one sample.
  ///
  /// - Throws: `ArchitectureError.inputs` unless there is exactly one input layer.
  public func inputShape() throws(ArchitectureError) -> Shape {
    var found: [(name: String, shape: Shape)] = []
    for layer in layers {
      if case .input(let shape) = layer.kind { found.append((layer.name, shape)) }
    }
    guard let input = found.first, found.count == 1 else { throw .inputs(found.map(\.name)) }
    return input.shape
  }

  /// The layer that scales the samples before any weight sees them, where there is one.
  public var inputScaling: Layer? {
    layers.prefix { layer in
      switch layer.kind {
      case .input, .affine, .dropout, .noise, .flatten, .reshape, .permute, .zeroPadding2D,
        .cropping2D, .upSampling2D:
        true
      default: false
      }
    }.first { layer in
      if case .affine = layer.kind { true } else { false }
    }
  }

  /// The output shape of every layer for one sample, without the batch axis.
  ///
  /// - Throws: `ArchitectureError` at the first layer that cannot be run or does not fit.
  public func shapes() throws(ArchitectureError) -> [String: Shape] {
    _ = try inputShape()
    var shapes: [String: Shape] = [:]
    for layer in layers {
      guard shapes[layer.name] == nil else { throw .duplicateLayer(layer.name) }
      var inputs: [Shape] = []
      for name in layer.inputs {
        guard let shape = shapes[name] else {
          throw .unknownInput(layer: layer.name, input: name)
        }
        inputs.append(shape)
      }
      shapes[layer.name] = try layer.outputShape(of: inputs)
    }
    guard shapes[output] != nil else { throw .unknownInput(layer: name, input: output) }
    return shapes
  }

  /// How many classes the network tells apart: the length of its output vector, or two where
  /// that is a single number.
  public func classCount() throws(ArchitectureError) -> Int {
    try head() == .binary ? 2 : try shapes()[output]?.elementCount ?? 0
  }

  /// What the network's output means, which follows from its last layer.
  ///
  /// - Throws: `ArchitectureError` when it is no vector of scores.
  public func head() throws(ArchitectureError) -> Head {
    let shape = try shapes()[output] ?? .scalar
    guard shape.dimensions.count == 1, shape.elementCount > 0 else {
      throw .shape(layer: output, expected: "a vector of class scores", found: [shape])
    }
    switch (lastActivation, shape.elementCount) {
    case (.sigmoid, 1), (nil, 1), (.linear, 1): return .binary
    case (.softmax, _): return .softmax
    case (_, 1):
      throw .shape(
        layer: output, expected: "class scores; one unit needs a sigmoid", found: [shape])
    case (.sigmoid, _): return .multiLabel
    default: return .scores
    }
  }

  /// The activation of the last layer; nil where it has none.
  private var lastActivation: Activation? {
    guard let last = layers.first(where: { $0.name == output }) else { return nil }
    switch last.kind {
    case .activation(let activation): return activation
    case .dense(let dense): return dense.activation
    case .convolution2D(let convolution): return convolution.activation
    default: return nil
    }
  }

  /// Every weight the network needs, in the order of its layers.
  public func parameterSpecifications() throws(ArchitectureError) -> [ParameterSpecification] {
    let shapes = try shapes()
    var result: [ParameterSpecification] = []
    var known: [ParameterName: Shape] = [:]
    for layer in layers {
      let own = try layer.parameterSpecifications(inputs: layer.inputs.compactMap { shapes[$0] })
      for specification in own {
        let earlier = known.updateValue(specification.shape, forKey: specification.name)
        if earlier == nil { result.append(specification) }
        guard earlier == nil || earlier == specification.shape else {
          throw .shape(
            layer: layer.name,
            expected: "inputs like those of '\(layer.weightOwner)', whose "
              + "weights it shares", found: layer.inputs.compactMap { shapes[$0] })
        }
      }
    }
    return result
  }

  /// Whether the last step turns scores into probabilities that add up to one.
  public var endsInSoftmax: Bool { lastActivation == .softmax }

  /// Whether the last step turns each score into a probability of its own.
  public var endsInSigmoid: Bool { lastActivation == .sigmoid }
}

/// How a network's output is to be read.
public enum Head: Hashable, Sendable {
  /// Probabilities of classes of which one is right.
  case softmax
  /// Scores of classes of which one is right, before a softmax.
  case scores
  /// The probability of class 1 of two, or its score: the scores of the two are 0 and the output
  /// before its sigmoid.
  case binary
  /// Probabilities of labels of which any number may be right.
  case multiLabel
}

/// A network that makes no sense, or that the engine cannot run.
public enum ArchitectureError: Error, Hashable, Sendable, CustomStringConvertible {
  case inputs([String])
  case duplicateLayer(String)
  case unknownInput(layer: String, input: String)
  case unsupportedLayer(name: String, className: String, reason: String)
  case shape(layer: String, expected: String, found: [Shape])

  public var description: String {
    switch self {
    case .inputs(let names):
      "expected a network with one input, found "
        + (names.isEmpty
          ? "none" : "\(names.count): " + names.map { "'\($0)'" }.joined(separator: ", "))
    case .duplicateLayer(let name): "two layers are named '\(name)'"
    case .unknownInput(let layer, let input):
      "layer '\(layer)' reads from '\(input)', which does not come before it"
    case .unsupportedLayer(let name, let className, let reason):
      "layer '\(name)' (\(className)) cannot be run: \(reason)"
    case .shape(let layer, let expected, let found):
      "layer '\(layer)': expected \(expected), found "
        + (found.isEmpty ? "no input" : found.map(\.description).joined(separator: " and "))
    }
  }
}
