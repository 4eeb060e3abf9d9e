internal import ModelCore

/// Lays out a model, and the models inside it, as one list of layers.
///
/// A layer of an inner model is called by the names of both, `"block/conv"`. A layer that is
/// called again has a number, `"conv (2)"`, and uses the weights of the first.
struct KerasFlattening {
  /// Inner models are repeated wherever they are called, so a small file could ask for more
  /// layers than any memory holds.
  private static let mostLayers = 100_000
  private static let deepestNesting = 32

  private(set) var layers: [Layer] = []
  /// A model without layers of its own may still call another one, again and again.
  private var calls = 0
  /// The release of Keras that wrote the model, where that is known.
  private let keras: Int?

  init(keras: Int?) { self.keras = keras }

  /// Where a model is among the others.
  struct Place {
    /// What its layers' names start with, with and without the numbers of calls.
    var prefix = ""
    var ownerPrefix = ""
    /// The outermost layer that it is part of.
    var group: String?
    var isTrainable = true
    var isInference = false
    var depth = 0
    /// What feeds it; nil for the outermost model, which has inputs of its own.
    var inputs: [String]?
  }

  /// Adds a model's layers.
  ///
  /// - Returns: the layers whose outputs are the model's.
  mutating func add(
    _ className: String, _ config: JSONValue, at place: Place
  ) throws(KerasConfigurationError) -> [String] {
    guard place.depth <= Self.deepestNesting else { throw .tooDeep(Self.deepestNesting) }
    switch className {
    case "Sequential": return try addSequential(config, at: place)
    case "Functional", "Model": return try addFunctional(config, at: place)
    default: throw .unknownModel(className: className)
    }
  }

  // MARK: Sequential

  private mutating func addSequential(
    _ config: JSONValue, at place: Place
  ) throws(KerasConfigurationError) -> [String] {
    let model = config["name"]?.string ?? "sequential"
    // Keras before 2.2.3 wrote the list itself.
    guard var entries = (config.array ?? config["layers"]?.array).map({ $0[...] }) else {
      throw .missing("layers", in: "the Sequential model")
    }
    var names: Set<String> = []
    var last = place.inputs
    if place.inputs != nil, entries.first?["class_name"]?.string == "InputLayer" {
      entries.removeFirst()
    }
    for index in entries.indices {
      let reader = try KerasLayerReader(entries[index], index: index, keras: keras)
      guard names.insert(reader.name).inserted else { throw .duplicateLayer(reader.name) }
      if last == nil, reader.className != "InputLayer" {
        guard
          let shape = reader.declaredInputShape ?? Self.buildShape(config)
            ?? Self.innerShape(reader.config)
        else { throw .noInputShape(model: model) }
        // Keras builds an input of its own where the model does not list one.
        let name = place.prefix + reader.name + "_input"
        try append(Layer(name: name, kind: .input(shape: shape), inputs: []))
        last = [name]
      }
      let call = KerasGraph.Call(entry: index, index: 0, inputs: [], training: nil)
      last = try addCall(reader, call: call, inputs: last ?? [], at: place)
    }
    guard let last, !last.isEmpty else { throw .missing("layers", in: "the Sequential model") }
    return last
  }

  private static func buildShape(_ config: JSONValue) -> Shape? {
    config["build_input_shape"].flatMap(KerasLayerReader.sampleShape)
  }

  /// The shape that the first layer of a model inside the model declares.
  private static func innerShape(_ config: JSONValue) -> Shape? {
    var config = config
    for _ in 0..<deepestNesting {
      guard let first = (config.array ?? config["layers"]?.array)?.first?["config"] else {
        return nil
      }
      let declared = first["batch_shape"] ?? first["batch_input_shape"]
      if let shape = declared.flatMap(KerasLayerReader.sampleShape) { return shape }
      config = first
    }
    return nil
  }

  // MARK: Functional

  private mutating func addFunctional(
    _ config: JSONValue, at place: Place
  ) throws(KerasConfigurationError) -> [String] {
    guard let entries = config["layers"]?.array else {
      throw .missing("layers", in: "the Functional model")
    }
    var outputs = config["output_layers"].map(KerasGraph.references) ?? []
    guard !outputs.isEmpty else { throw .missing("output_layers", in: "the Functional model") }
    var readers: [KerasLayerReader] = []
    var calls: [KerasGraph.Call] = []
    for (index, entry) in entries.enumerated() {
      readers.append(try KerasLayerReader(entry, index: index, keras: keras))
      calls += KerasGraph.calls(entry, at: index)
    }
    let names = readers.map(\.name)
    KerasGraph.countFromZero(
      &calls, &outputs, models: Set(readers.filter(\.isModel).map(\.name)), names: names)
    let inputs = config["input_layers"].map(KerasGraph.references)?.map(\.layer) ?? []
    var results: [KerasGraph.Reference: String] = [:]
    for call in try KerasGraph.sorted(calls, names: names, outputs: outputs) {
      let reader = readers[call.entry]
      var own: [String] = []
      for input in call.inputs {
        guard let name = results[input] else {
          throw .unknownLayer(input.layer, usedBy: reader.name)
        }
        own.append(name)
      }
      var found: [String]
      if reader.className == "InputLayer", let given = place.inputs {
        guard let position = inputs.firstIndex(of: reader.name), position < given.count else {
          throw .missing("the input '\(reader.name)'", in: "a call of '\(place.prefix)'")
        }
        found = [given[position]]
      } else {
        found = try addCall(
          reader, call: call, inputs: own, at: place)
      }
      for (tensor, name) in found.enumerated() {
        let reference = KerasGraph.Reference(layer: reader.name, call: call.index, tensor: tensor)
        results[reference] = name
      }
    }
    return try outputs.map { output throws(KerasConfigurationError) in
      guard let name = results[output] else { throw .unknownLayer(output.layer, usedBy: "output") }
      return name
    }
  }

  // MARK: Calls

  private mutating func addCall(
    _ reader: KerasLayerReader, call: KerasGraph.Call, inputs: [String], at place: Place
  ) throws(KerasConfigurationError) -> [String] {
    guard calls < Self.mostLayers else { throw .tooManyLayers(Self.mostLayers) }
    calls += 1
    let training = call.training
    let number = call.index == 0 ? "" : " (\(call.index + 1))"
    let name = place.prefix + reader.name + number
    let isTrainable = place.isTrainable && reader.isTrainable
    let isInference = place.isInference || training == false
    if reader.isModel, training != true {
      let inner = Place(
        prefix: name + "/", ownerPrefix: place.ownerPrefix + reader.name + "/",
        group: place.group ?? reader.name, isTrainable: isTrainable, isInference: isInference,
        depth: place.depth + 1, inputs: inputs)
      return try add(reader.className, reader.config, at: inner)
    }
    let kind =
      training == true
      ? .unsupported(
        className: reader.className, reason: "its call says that it is always in training")
      : reader.isOperation ? reader.operation(call.arguments) : reader.kind
    try append(
      Layer(
        name: name, kind: kind, inputs: inputs, isTrainable: isTrainable,
        weightOwner: place.ownerPrefix + reader.name, group: place.group ?? reader.name,
        isInference: isInference))
    return [name]
  }

  private mutating func append(_ layer: Layer) throws(KerasConfigurationError) {
    guard layers.count < Self.mostLayers else { throw .tooManyLayers(Self.mostLayers) }
    layers.append(layer)
  }
}
