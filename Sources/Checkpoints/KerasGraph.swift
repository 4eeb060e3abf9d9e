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

  /// The layers, each after those that it reads from, otherwise in their old order.
  static func sorted(_ layers: [Layer]) throws(KerasConfigurationError) -> [Layer] {
    let names = Set(layers.map(\.name))
    for layer in layers {
      for input in layer.inputs where !names.contains(input) {
        throw .unknownLayer(input, usedBy: layer.name)
      }
    }
    var result: [Layer] = []
    var done: Set<String> = []
    var waiting = layers
    while !waiting.isEmpty {
      let ready = waiting.filter { $0.inputs.allSatisfy(done.contains) }
      guard let first = waiting.first else { break }
      guard !ready.isEmpty else { throw .cycle(through: first.name) }
      result += ready
      done.formUnion(ready.map(\.name))
      waiting.removeAll { done.contains($0.name) }
    }
    return result
  }
}
