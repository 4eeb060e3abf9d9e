public import ModelCore

/// The architecture that Keras writes as JSON: `model.to_json()`, or a file's `model_config`.
///
/// Keras 2 and 3 are read. A layer that the engine cannot run is kept as `.unsupported`, so that
/// any model can be listed; only JSON that is no model is an error.
public struct KerasConfiguration: Sendable {
  public let architecture: Architecture

  /// - Throws: `KerasConfigurationError`.
  public init(parsing text: String) throws(KerasConfigurationError) {
    let root: JSONValue
    do { root = try JSONValue(parsing: text) } catch { throw .json(error) }
    try self.init(root)
  }

  init(_ root: JSONValue) throws(KerasConfigurationError) {
    guard let className = root["class_name"]?.string else {
      throw .missing("class_name", in: "the model")
    }
    guard let config = root["config"] else { throw .missing("config", in: "the model") }
    switch className {
    case "Sequential": architecture = try Self.sequential(config)
    case "Functional", "Model": architecture = try Self.functional(config)
    default: throw .unknownModel(className: className)
    }
  }

  // MARK: Sequential

  private static func sequential(
    _ config: JSONValue
  ) throws(KerasConfigurationError) -> Architecture {
    // Keras before 2.2.3 wrote the list itself.
    guard let entries = config.array ?? config["layers"]?.array else {
      throw .missing("layers", in: "the Sequential model")
    }
    var layers: [Layer] = []
    for (index, entry) in entries.enumerated() {
      let reader = try KerasLayerReader(entry, index: index)
      if index == 0, reader.className != "InputLayer" {
        guard let shape = reader.declaredInputShape ?? buildShape(config) else {
          throw .noInputShape(model: config["name"]?.string ?? "sequential")
        }
        // Keras builds an input of its own where the model does not list one.
        layers.append(
          Layer(name: "\(reader.name)_input", kind: .input(shape: shape), inputs: []))
      }
      layers.append(reader.layer(inputs: layers.last.map { [$0.name] } ?? []))
    }
    guard let last = layers.last else { throw .missing("layers", in: "the Sequential model") }
    if let twice = Dictionary(grouping: layers, by: \.name).first(where: { $1.count > 1 }) {
      throw .duplicateLayer(twice.key)
    }
    return Architecture(
      name: config["name"]?.string ?? "sequential", layers: checkingAxes(layers, entries),
      output: last.name)
  }

  /// Finds batch normalizations over another axis than the last one.
  ///
  /// Keras counts axes from the front once a layer is built, with the batch as the first, so
  /// what an axis means depends on the shape of what comes in.
  private static func checkingAxes(_ layers: [Layer], _ entries: [JSONValue]) -> [Layer] {
    var axes: [String: Int] = [:]
    for entry in entries {
      guard let config = entry["config"], let name = (entry["name"] ?? config["name"])?.string
      else { continue }
      let axis = config["axis"]?.array?.first?.integer ?? config["axis"]?.integer
      axes[name] = axis.flatMap { Int(exactly: $0) }
    }
    var shapes: [String: Shape] = [:]
    return layers.map { layer in
      var layer = layer
      let inputs = layer.inputs.compactMap { shapes[$0] }
      if case .batchNormalization = layer.kind, let axis = axes[layer.name], axis >= 0,
        let rank = inputs.first?.dimensions.count, axis != rank
      {
        layer = Layer(
          name: layer.name,
          kind: .unsupported(
            className: layer.kind.className,
            reason: "it normalizes axis \(axis), not the last"),
          inputs: layer.inputs, isTrainable: layer.isTrainable)
      }
      if inputs.count == layer.inputs.count {
        shapes[layer.name] = try? layer.outputShape(of: inputs)
      }
      return layer
    }
  }

  private static func buildShape(_ config: JSONValue) -> Shape? {
    config["build_input_shape"].flatMap(KerasLayerReader.sampleShape)
  }

  // MARK: Functional

  private static func functional(
    _ config: JSONValue
  ) throws(KerasConfigurationError) -> Architecture {
    guard let entries = config["layers"]?.array else {
      throw .missing("layers", in: "the Functional model")
    }
    let outputs = config["output_layers"].map(KerasGraph.references) ?? []
    guard let output = outputs.first else {
      throw .missing("output_layers", in: "the Functional model")
    }
    var layers: [Layer] = []
    for (index, entry) in entries.enumerated() {
      let reader = try KerasLayerReader(entry, index: index)
      let nodes = KerasGraph.nodes(entry["inbound_nodes"])
      var layer = reader.layer(inputs: nodes.first ?? [])
      if nodes.count > 1 {
        layer = reader.unsupported("it is called \(nodes.count) times", inputs: nodes[0])
      } else if KerasGraph.forcesTraining(entry["inbound_nodes"]) {
        layer = reader.unsupported(
          "its call says whether it is in training", inputs: layer.inputs)
      } else if outputs.count > 1, outputs.dropFirst().contains(layer.name) {
        layer = reader.unsupported(
          "the network has \(outputs.count) outputs", inputs: layer.inputs)
      }
      layers.append(layer)
    }
    return Architecture(
      name: config["name"]?.string ?? "functional",
      layers: checkingAxes(try KerasGraph.sorted(layers, outputs: outputs), entries),
      output: output)
  }
}

/// JSON that is no model, or no model of a kind that can be listed.
public enum KerasConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
  case json(JSONError)
  case missing(String, in: String)
  /// A class that Keras writes without a list of its layers.
  case unknownModel(className: String)
  case noInputShape(model: String)
  case unknownLayer(String, usedBy: String)
  case cycle(through: String)
  case duplicateLayer(String)

  public var description: String {
    switch self {
    case .json(let error): "the model's configuration is \(error)"
    case .missing(let key, let place): "the configuration of \(place) has no '\(key)'"
    case .unknownModel(let className):
      "the model is a '\(className)'; expected a Sequential or Functional model, which list their "
        + "layers"
    case .noInputShape(let model):
      "the model '\(model)' does not say the shape of its input; build it before it is saved"
    case .unknownLayer(let name, let user):
      "layer '\(user)' reads from '\(name)', which the model does not have"
    case .duplicateLayer(let name): "two layers of the model are named '\(name)'"
    case .cycle(let name): "the model's layers form a cycle through '\(name)'"
    }
  }
}
