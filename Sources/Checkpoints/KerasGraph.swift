internal import ModelCore

/// How Keras writes which layer reads from which.
enum KerasGraph {
  /// The layers named in `["name", 0, 0]`, a list of them, or a dictionary of them.
  static func references(_ value: JSONValue) -> [String] {
    switch value {
    case .array(let values):
      if let name = values.first?.string, values.dropFirst().contains(where: { $0.integer != nil })
      {
        return [name]
      }
      return values.flatMap(references)
    case .object(let members):
      if value["class_name"]?.string == "__keras_tensor__" {
        return (value["config"]?["keras_history"]).map(references) ?? []
      }
      return members.keys.sorted().flatMap { references(members[$0] ?? .null) }
    default: return []
    }
  }

  /// The inputs of each call of a layer.
  ///
  /// Keras 3 writes a node as `{"args": …, "kwargs": …}`, Keras 2 as `[["name", 0, 0, {}], …]`.
  static func nodes(_ value: JSONValue?) -> [[String]] {
    (value?.array ?? []).map { node in
      guard node.object != nil else { return references(node) }
      return references(node["args"] ?? .null) + references(node["kwargs"] ?? .null)
    }
  }

  /// Whether a call of a layer says how it is to be run, whatever the model is doing.
  static func forcesTraining(_ value: JSONValue?) -> Bool {
    (value?.array ?? []).contains { node in
      guard let training = node["kwargs"]?["training"] else { return false }
      return !training.isNull
    }
  }

  /// The layers in the order in which Keras itself keeps them.
  ///
  /// Keras pairs the layers of a file with those of a model by their order, so ours has to be
  /// the same: by falling distance from the output, then in the order in which a walk from the
  /// outputs back through the inputs meets them (`map_graph` in `keras/src/ops/function.py`).
  static func sorted(
    _ layers: [Layer], outputs: [String]
  ) throws(KerasConfigurationError) -> [Layer] {
    var walk = try Walk(layers)
    for name in outputs {
      guard let output = walk.indices[name] else { throw .unknownLayer(name, usedBy: "output") }
      try walk.visit(output)
    }
    // What leads to no output comes last; Keras would leave it out.
    for index in layers.indices { try walk.visit(index) }
    var depths = [Int](repeating: 0, count: layers.count)
    for index in walk.finished.reversed() {
      for input in walk.inputs[index] { depths[input] = max(depths[input], depths[index] + 1) }
    }
    let order = layers.indices.sorted { left, right in
      (-depths[left], walk.arrival[left]) < (-depths[right], walk.arrival[right])
    }
    return order.map { layers[$0] }
  }

  /// A walk over a graph, without recursion: a file decides how deep it goes.
  private struct Walk {
    let indices: [String: Int]
    let inputs: [[Int]]
    private let layers: [Layer]
    /// When the walk first met each layer; zero for not yet.
    private(set) var arrival: [Int]
    /// Every layer after all that it reads from.
    private(set) var finished: [Int] = []
    private var isFinished: [Bool]
    private var arrivals = 0

    init(_ layers: [Layer]) throws(KerasConfigurationError) {
      var indices: [String: Int] = [:]
      for (index, layer) in layers.enumerated() {
        guard indices.updateValue(index, forKey: layer.name) == nil else {
          throw .duplicateLayer(layer.name)
        }
      }
      var inputs: [[Int]] = []
      for layer in layers {
        var own: [Int] = []
        for name in layer.inputs {
          guard let input = indices[name] else { throw .unknownLayer(name, usedBy: layer.name) }
          own.append(input)
        }
        inputs.append(own)
      }
      self.layers = layers
      self.indices = indices
      self.inputs = inputs
      arrival = [Int](repeating: 0, count: layers.count)
      isFinished = [Bool](repeating: false, count: layers.count)
    }

    mutating func visit(_ start: Int) throws(KerasConfigurationError) {
      guard arrival[start] == 0 else { return }
      var path = [(layer: start, next: 0)]
      arrive(at: start)
      while let (layer, next) = path.last {
        guard next < inputs[layer].count else {
          isFinished[layer] = true
          finished.append(layer)
          path.removeLast()
          continue
        }
        path[path.count - 1].next += 1
        let input = inputs[layer][next]
        if arrival[input] == 0 {
          arrive(at: input)
          path.append((input, 0))
        } else if !isFinished[input] {
          throw .cycle(through: layers[layer].name)
        }
      }
    }

    private mutating func arrive(at layer: Int) {
      arrivals += 1
      arrival[layer] = arrivals
    }
  }
}
