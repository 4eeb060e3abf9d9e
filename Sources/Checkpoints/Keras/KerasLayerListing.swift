public import ModelCore

/// The layers of a Keras model as its configuration lists them, those inside other layers too.
///
/// Unlike `KerasConfiguration` it asks nothing of a model: layers that cannot be run, cycles and
/// classes of one's own are listed like all others.
public struct KerasLayerListing: Sendable {
  /// In the order of the configuration; a layer of layers comes before those inside it.
  public private(set) var layers: [LayerDescription] = []
  /// The model itself, without its layers.
  public let model: LayerDescription

  /// - Throws: `JSONError` when the text is not JSON.
  public init(parsing text: String) throws(JSONError) {
    self.init(try JSONValue(parsing: text))
  }

  public init(_ root: JSONValue) {
    let config = root["config"]
    model = LayerDescription(
      name: config?["name"]?.string ?? "", className: root["class_name"]?.string ?? "?",
      config: Self.settings(config, of: root), inputs: [])
    // Keras before 2.2.3 wrote a Sequential model's list itself.
    list(config?["layers"]?.array ?? config?.array ?? [], of: model.className, inside: "")
  }

  private mutating func list(_ entries: [JSONValue], of model: String, inside outer: String) {
    var previous: [String] = []
    for entry in entries {
      list(entry, inside: outer, after: model == "Sequential" ? previous : [])
      previous = [outer + (Self.name(of: entry) ?? "")]
    }
  }

  private static func name(of entry: JSONValue) -> String? {
    (entry["name"] ?? entry["config"]?["name"])?.string
  }

  /// - Parameter previous: what feeds the layer where its model is a plain chain.
  private mutating func list(_ entry: JSONValue, inside outer: String, after previous: [String]) {
    let config = entry["config"]
    let name = outer + (Self.name(of: entry) ?? "\(layers.count)")
    let inputs = KerasGraph.calls(entry, at: 0).flatMap(\.inputs).map { outer + $0.layer }
    let className = entry["class_name"]?.string ?? "?"
    layers.append(
      LayerDescription(
        name: name, className: className, config: Self.settings(config, of: entry),
        inputs: previous + inputs))
    list(config?["layers"]?.array ?? [], of: className, inside: name + "/")
  }

  /// A layer's settings, without what only says how they were written.
  private static func settings(_ config: JSONValue?, of entry: JSONValue) -> JSONValue {
    guard case .object(var members)? = config.map(plain) else { return .object([:]) }
    members["name"] = nil
    members["layers"] = nil
    if let shape = members.removeValue(forKey: "batch_input_shape") {
      members["batch_shape"] = shape
    }
    for key in ["input_layers", "output_layers"] {
      // Keras 3 leaves out the list around a single one.
      guard let one = members[key]?.array, one.first?.string != nil else { continue }
      members[key] = .array([.array(one)])
    }
    if let module = entry["module"]?.string, !isKeras(module) {
      members["module"] = .string(module)
    }
    return .object(members)
  }

  /// A value without the wrappers in which versions of Keras differ: a policy is its type's
  /// name, and an object of Keras's own needs no module.
  private static func plain(_ value: JSONValue) -> JSONValue {
    switch value {
    case .array(let values): return .array(values.map(plain))
    case .object(var members):
      members["shared_object_id"] = nil
      if members["class_name"]?.string == "DTypePolicy", let name = members["config"]?["name"] {
        return name
      }
      if members["class_name"] != nil, members["config"] != nil {
        members["build_config"] = nil
        members["registered_name"] = nil
        if members["module"]?.string.map(isKeras) ?? true { members["module"] = nil }
      }
      return .object(members.mapValues(plain))
    default: return value
    }
  }

  private static func isKeras(_ module: String) -> Bool {
    ["keras", "tf_keras"].contains(module.prefix { $0 != "." })
  }
}
