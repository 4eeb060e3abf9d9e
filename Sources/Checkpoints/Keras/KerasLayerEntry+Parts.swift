internal import ModelCore

extension KerasLayerEntry {
  /// Something that a layer is made of and that may own variables.
  struct Part {
    /// Where it is below the layer's own group in a file in which objects own the weights.
    let group: String
    let entry: KerasLayerEntry
  }

  /// What the layer is made of, in the order in which Keras counts the weights; empty where it is
  /// made of nothing, or where only its own class knows.
  ///
  /// - SeeAlso: the attributes that each class of `keras/src/layers` sets: those are the groups.
  var parts: [Part] {
    if let layers {
      return Self.groups(of: layers).map { Part(group: "layers/\($0.group)", entry: $0.layer) }
    }
    switch className {
    case "TimeDistributed": return inner("layer").map { [Part(group: "layer", entry: $0)] } ?? []
    case "Bidirectional": return directions
    case let name where Self.recurrent.contains(name):
      return [Part(group: "cell", entry: ownCell)]
    case "RNN":
      guard let cell = inner("cell"), cell.isCell else { return [] }
      return [Part(group: "cell", entry: cell)]
    case "StackedRNNCells":
      let cells = (config["cells"]?.array ?? []).compactMap(KerasLayerEntry.init)
      guard cells.allSatisfy(\.isCell) else { return [] }
      return Self.groups(of: cells).map { Part(group: "cells/\($0.group)", entry: $0.layer) }
    case "MultiHeadAttention", "GroupQueryAttention", "GroupedQueryAttention": return projections
    default: return []
    }
  }

  private static let recurrent: Set = [
    "LSTM", "GRU", "SimpleRNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D",
  ]

  /// Whether it can be what a recurrent layer repeats: not a layer with two directions, in which a
  /// small text could double a model without end.
  private var isCell: Bool { className.hasSuffix("Cell") || className == "StackedRNNCells" }

  private func inner(_ key: String) -> KerasLayerEntry? {
    config[key].flatMap(KerasLayerEntry.init)
  }

  /// The same settings under another name.
  private func named(_ name: String) -> KerasLayerEntry {
    KerasLayerEntry(name: name, className: className, config: config)
  }

  private var directions: [Part] {
    let other = inner("backward_layer")
    guard let layer = inner("layer"),
      [layer, other ?? layer].allSatisfy({
        Self.recurrent.contains($0.className) || $0.className == "RNN"
      })
    else { return [] }
    // Keras puts each of the words before the name once, whichever of the two it finds there.
    func name(_ word: String, _ layer: KerasLayerEntry, without: String) -> String {
      let name = layer.name
      return word + (name.hasPrefix(without) ? String(name.dropFirst(without.count)) : name)
    }
    let forward = name("forward_", layer, without: "forward_")
    let backward =
      other.map { name("backward_", $0, without: "backward_") }
      ?? name("backward_", layer, without: "forward_")
    return [
      Part(group: "forward_layer", entry: layer.named(forward)),
      Part(group: "backward_layer", entry: (other ?? layer).named(backward)),
    ]
  }

  /// The cell that a recurrent layer makes for itself, which has its settings.
  private var ownCell: KerasLayerEntry {
    let kind = className.hasPrefix("ConvLSTM") ? "ConvLSTM" : className
    let cell = kind + "Cell"
    return KerasLayerEntry(name: Self.snakeCase(cell), className: cell, config: config)
  }

  /// The dense layers of an attention; each has a bias if the attention does.
  private var projections: [Part] {
    let hasGate = config["use_gate"]?.boolean == true
    let names = ["query", "key"] + (hasGate ? ["gate"] : []) + ["value", "output"]
    return names.map { name in
      // Of attributes for one object, Keras takes the first one that is not private.
      let isPrivate = className != "MultiHeadAttention" || name == "gate"
      return Part(
        group: (isPrivate ? "_" : "") + "\(name)_dense",
        entry: KerasLayerEntry(
          name: name == "output" ? "attention_output" : name, className: "EinsumDense",
          config: .object(["use_bias": .boolean(config["use_bias"]?.boolean ?? true)])))
    }
  }
}

extension KerasLayerEntry {
  /// What another version of Keras calls one of the layer's variables: the kernel of a depthwise
  /// convolution is its `depthwise_kernel` to Keras 2.
  func otherName(of role: String) -> String? {
    guard ["DepthwiseConv1D", "DepthwiseConv2D"].contains(className) else { return nil }
    return ["kernel": "depthwise_kernel", "depthwise_kernel": "kernel"][role]
  }
}

/// A layer, or a part of one, among all that a model is made of.
struct KerasObject {
  let entry: KerasLayerEntry
  /// The groups on the way to it, with slashes, where objects own the weights; empty for the model.
  let path: String
  /// The names on the way to it; empty for the model.
  let names: [String]
  /// The outermost layer that it belongs to; empty for the model.
  let layer: String
  let isTrainable: Bool

  /// The model itself, and what it is made of, in the order in which Keras counts weights.
  static func all(of model: KerasLayerEntry) -> [KerasObject] {
    let whole = KerasObject(
      entry: model, path: "", names: [], layer: "",
      isTrainable: model.config["trainable"]?.boolean != false)
    return [whole] + whole.inside
  }

  private var inside: [KerasObject] {
    // A Sequential model does not count its input among its layers.
    let isInputCounted = entry.className != "Sequential"
    return entry.parts.flatMap { part in
      guard isInputCounted || part.entry.className != "InputLayer" else { return [KerasObject]() }
      let part = KerasObject(
        entry: part.entry, path: path.isEmpty ? part.group : "\(path)/\(part.group)",
        names: names + [part.entry.name],
        layer: layer.isEmpty ? part.entry.name : layer,
        isTrainable: isTrainable && part.entry.config["trainable"]?.boolean != false)
      return [part] + part.inside
    }
  }

  /// The names on the way to it, as an `.h5` has them in the names of weights.
  var label: String { names.joined(separator: "/") }

  /// What its own variables are to it; nil where only its class knows.
  var roles: [String]? {
    entry.layers == nil
      ? KerasVariables.names(of: KerasLayerEntry.snakeCase(entry.className), config: entry.config)
      : []
  }

  /// Whether training moves a variable of its own; of an unknown class nobody can tell, and its
  /// variables stay in the order that they are in.
  func trains(_ role: String) -> Bool {
    isTrainable && !(roles != nil && KerasVariables.untrained.contains(role))
  }
}
