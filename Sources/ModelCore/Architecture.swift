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
    var found: [Shape] = []
    for layer in layers { if case .input(let shape) = layer.kind { found.append(shape) } }
    guard let shape = found.first, found.count == 1 else { throw .inputs(count: found.count) }
    return shape
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

  /// How many classes the network tells apart: the length of its output vector.
  public func classCount() throws(ArchitectureError) -> Int {
    let shape = try shapes()[output] ?? .scalar
    guard shape.dimensions.count == 1 else {
      throw .shape(layer: output, expected: "a vector of class scores", found: [shape])
    }
    return shape.elementCount
  }

  /// Every weight the network needs, in the order of its layers.
  public func parameterSpecifications() throws(ArchitectureError) -> [ParameterSpecification] {
    let shapes = try shapes()
    var result: [ParameterSpecification] = []
    for layer in layers {
      result += try layer.parameterSpecifications(inputs: layer.inputs.compactMap { shapes[$0] })
    }
    return result
  }

  /// Whether the last step turns scores into probabilities.
  public var endsInSoftmax: Bool {
    guard let last = layers.first(where: { $0.name == output }) else { return false }
    switch last.kind {
    case .activation(.softmax): return true
    case .dense(let dense): return dense.activation == .softmax
    default: return false
    }
  }
}

/// A network that makes no sense, or that the engine cannot run.
public enum ArchitectureError: Error, Hashable, Sendable, CustomStringConvertible {
  case inputs(count: Int)
  case duplicateLayer(String)
  case unknownInput(layer: String, input: String)
  case unsupportedLayer(name: String, className: String, reason: String)
  case shape(layer: String, expected: String, found: [Shape])

  public var description: String {
    switch self {
    case .inputs(let count): "expected a network with one input, found \(count)"
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
