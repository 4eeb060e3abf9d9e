internal import ModelCore

/// How Keras writes which layer reads from which.
enum KerasGraph {
  /// One output of one call of a layer.
  struct Reference: Hashable {
    let layer: String
    let call: Int
    let tensor: Int
  }

  /// What is given to a call, in order.
  enum Argument: Equatable {
    case tensor
    case number(Double)
    /// Anything else, such as a list.
    case other

    init(_ value: JSONValue) {
      if let number = value.number {
        self = .number(number)
      } else {
        self = value["class_name"]?.string == "__keras_tensor__" ? .tensor : .other
      }
    }

    var number: Double? { if case .number(let value) = self { value } else { nil } }
  }

  /// One call of a layer.
  struct Call {
    /// Which entry of the list of layers is called, and for which time.
    let entry: Int
    let index: Int
    var inputs: [Reference]
    /// What the call says about training; nil where it leaves that to the model.
    let training: Bool?
    /// As Keras 3 writes them; those with a name are given as `other`.
    var arguments: [Argument] = []
  }

  /// The outputs named in `["name", 0, 0]`, a list of them, or a dictionary of them.
  static func references(_ value: JSONValue) -> [Reference] {
    switch value {
    case .array(let values):
      if let name = values.first?.string, values.dropFirst().contains(where: { $0.integer != nil })
      {
        let numbers = values.dropFirst().map { $0.integer.flatMap { Int(exactly: $0) } ?? 0 }
        return [
          Reference(layer: name, call: numbers[0], tensor: numbers.count > 1 ? numbers[1] : 0)
        ]
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

  /// The calls of an entry in the list of layers; one without inputs where it has none.
  ///
  /// Keras 3 writes a call as `{"args": …, "kwargs": …}`, Keras 2 as `[["name", 0, 0, {}], …]`.
  static func calls(_ entry: JSONValue, at position: Int) -> [Call] {
    let nodes = entry["inbound_nodes"]?.array ?? []
    guard !nodes.isEmpty else {
      return [Call(entry: position, index: 0, inputs: [], training: nil)]
    }
    return nodes.enumerated().map { index, node in
      guard node.object != nil else {
        let settings = (node.array ?? []).compactMap { $0.array?.last?["training"]?.boolean }
        return Call(
          entry: position, index: index, inputs: references(node), training: settings.first)
      }
      let inputs = references(node["args"] ?? .null) + references(node["kwargs"] ?? .null)
      return Call(
        entry: position, index: index, inputs: inputs,
        training: node["kwargs"]?["training"]?.boolean,
        arguments: (node["args"]?.array ?? []).map(Argument.init)
          + (node["kwargs"]?.object ?? [:]).map { _ in .other })
    }
  }

  /// Counts the calls of models inside the model from zero.
  ///
  /// A model has been called once before anybody calls it, by itself; Keras 2 counts that call,
  /// but does not list it (`_should_skip_first_node` in `tf_keras/src/engine/functional.py`).
  static func countFromZero(
    _ calls: inout [Call], _ outputs: inout [Reference], models: Set<String>, names: [String]
  ) {
    var counts: [String: Int] = [:]
    for call in calls { counts[names[call.entry], default: 0] += 1 }
    let all = outputs + calls.flatMap(\.inputs)
    let shifted = Set(all.filter { $0.call >= counts[$0.layer] ?? 0 }.map(\.layer))
      .intersection(models)
    guard !shifted.isEmpty else { return }
    func counted(_ reference: Reference) -> Reference {
      guard shifted.contains(reference.layer) else { return reference }
      return Reference(
        layer: reference.layer, call: reference.call - 1, tensor: reference.tensor)
    }
    outputs = outputs.map(counted)
    for index in calls.indices { calls[index].inputs = calls[index].inputs.map(counted) }
  }

  /// The calls in the order in which Keras itself keeps its layers.
  ///
  /// Keras pairs the layers of a file with those of a model by their order, so ours has to be
  /// the same: by falling distance from the output, then in the order in which a walk from the
  /// outputs back through the inputs meets them (`map_graph` in `keras/src/ops/function.py`).
  static func sorted(
    _ calls: [Call], names: [String], outputs: [Reference]
  ) throws(KerasConfigurationError) -> [Call] {
    var walk = try Walk(calls, names)
    for output in outputs { try walk.visit(walk.index(of: output, usedBy: "output")) }
    // What leads to no output comes last; Keras would leave it out.
    for index in calls.indices { try walk.visit(index) }
    var depths = [Int](repeating: 0, count: calls.count)
    for index in walk.finished.reversed() {
      for input in walk.inputs[index] { depths[input] = max(depths[input], depths[index] + 1) }
    }
    let order = calls.indices.sorted { left, right in
      (-depths[left], walk.arrival[left]) < (-depths[right], walk.arrival[right])
    }
    return order.map { calls[$0] }
  }

  /// A walk over a graph, without recursion: a file decides how deep it goes.
  private struct Walk {
    private struct Key: Hashable {
      let layer: String
      let call: Int
    }

    private var indices: [Key: Int] = [:]
    private(set) var inputs: [[Int]] = []
    private let names: [String]
    /// When the walk first met each call; zero for not yet.
    private(set) var arrival: [Int]
    /// Every call after all that it reads from.
    private(set) var finished: [Int] = []
    private var isFinished: [Bool]
    private var arrivals = 0

    init(_ calls: [Call], _ names: [String]) throws(KerasConfigurationError) {
      self.names = calls.map { names[$0.entry] }
      arrival = [Int](repeating: 0, count: calls.count)
      isFinished = [Bool](repeating: false, count: calls.count)
      for (position, call) in calls.enumerated() {
        let key = Key(layer: names[call.entry], call: call.index)
        guard indices.updateValue(position, forKey: key) == nil else {
          throw .duplicateLayer(names[call.entry])
        }
      }
      for call in calls {
        var own: [Int] = []
        for input in call.inputs { own.append(try index(of: input, usedBy: names[call.entry])) }
        inputs.append(own)
      }
    }

    func index(
      of reference: Reference, usedBy user: String
    ) throws(KerasConfigurationError) -> Int {
      guard let index = indices[Key(layer: reference.layer, call: reference.call)] else {
        throw .unknownLayer(reference.layer, usedBy: user)
      }
      return index
    }

    mutating func visit(_ start: Int) throws(KerasConfigurationError) {
      guard arrival[start] == 0 else { return }
      var path = [(call: start, next: 0)]
      arrive(at: start)
      while let (call, next) = path.last {
        guard next < inputs[call].count else {
          isFinished[call] = true
          finished.append(call)
          path.removeLast()
          continue
        }
        path[path.count - 1].next += 1
        let input = inputs[call][next]
        if arrival[input] == 0 {
          arrive(at: input)
          path.append((input, 0))
        } else if !isFinished[input] {
          throw .cycle(through: names[call])
        }
      }
    }

    private mutating func arrive(at call: Int) {
      arrivals += 1
      arrival[call] = arrivals
    }
  }
}
