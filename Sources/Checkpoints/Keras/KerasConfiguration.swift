public import ModelCore

/// The architecture that Keras writes as JSON: `model.to_json()`, or a file's `model_config`.
///
/// Keras 2 and 3 are read. A layer that the engine cannot run is kept as `.unsupported`, so that
/// any model can be listed; only JSON that is no model is an error.
public struct KerasConfiguration: Sendable {
  public let architecture: Architecture

  /// - Parameter kerasVersion: of the Keras that wrote the text, as `"2.15.0"`, where the text
  ///   itself does not say; some functions changed their meaning with Keras 3.
  /// - Throws: `KerasConfigurationError`.
  public init(
    parsing text: String, kerasVersion: String? = nil
  ) throws(KerasConfigurationError) {
    let root: JSONValue
    do { root = try JSONValue(parsing: text) } catch { throw .json(error) }
    try self.init(root, kerasVersion: kerasVersion)
  }

  init(_ root: JSONValue, kerasVersion: String?) throws(KerasConfigurationError) {
    guard let className = root["class_name"]?.string else {
      throw .missing("class_name", in: "the model")
    }
    guard let config = root["config"] else { throw .missing("config", in: "the model") }
    let version = root["keras_version"]?.string ?? kerasVersion
    var model = KerasFlattening(keras: version?.split(separator: ".").first.flatMap { Int($0) })
    let outputs = try model.add(className, config, at: .init())
    guard let output = outputs.first else { throw .missing("layers", in: "the model") }
    let extra = Set(outputs.dropFirst()).subtracting([output])
    architecture = Architecture(
      name: config["name"]?.string ?? className.lowercased(),
      layers: Self.countingAxesFromTheEnd(model.layers).map { layer in
        guard extra.contains(layer.name) else { return layer }
        return layer.unsupported("the network has \(outputs.count) outputs")
      }, output: output)
  }

  /// Once a layer is built, some versions of Keras count its axis from the front, others do not:
  /// the last is -1 here, so that one model of two versions is one network.
  private static func countingAxesFromTheEnd(_ layers: [Layer]) -> [Layer] {
    var shapes: [String: Shape] = [:]
    return layers.map { layer in
      var layer = layer
      let inputs = layer.inputs.compactMap { shapes[$0] }
      guard inputs.count == layer.inputs.count else { return layer }
      let rank = inputs.first?.dimensions.count ?? 0
      switch layer.kind {
      case .batchNormalization(var normalization) where normalization.axis == rank:
        normalization.axis = -1
        layer = layer.with(.batchNormalization(normalization))
      case .affine(.normalization(axis: rank)):
        layer = layer.with(.affine(.normalization(axis: -1)))
      case .groupNormalization(var normalization):
        if case .axes(let axes) = normalization.scope, !axes.isEmpty,
          axes == Array(max(1, rank - axes.count + 1)..<rank + 1)
        {
          normalization.scope = .lastAxes(axes.count)
          layer = layer.with(.groupNormalization(normalization))
        }
      default: break
      }
      shapes[layer.name] = try? layer.outputShape(of: inputs)
      return layer
    }
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
  case tooDeep(Int)
  case tooManyLayers(Int)

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
    case .tooDeep(let limit): "models are inside models more than \(limit) times"
    case .tooManyLayers(let limit): "the model has more than \(limit) layers"
    case .cycle(let name): "the model's layers form a cycle through '\(name)'"
    }
  }
}
