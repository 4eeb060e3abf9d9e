internal import HDF5
internal import ModelCore

/// Writes a network's weights where another flavour of Keras file has them.
///
/// Every weight keeps its type, its storage and its bytes; only its place changes.
struct KerasLayout {
  let source: Checkpoint
  let flavour: CheckpointFlavour
  private let model: KerasLayerEntry
  /// By the names of the layers on the way, with slashes, in Keras's order of variables.
  private let weights: [String: [(role: String, weight: StoredWeight)]]

  /// - Throws: `CheckpointError` when the file does not say enough to find every weight its place.
  init(_ flavour: CheckpointFlavour, of source: Checkpoint) throws {
    guard let config = source.modelConfig, let model = KerasLayerEntry(parsing: config) else {
      throw CheckpointError(source.path, .noArchitecture)
    }
    self.flavour = flavour
    self.source = source
    self.model = model
    var weights: [String: [(role: String, weight: StoredWeight)]] = [:]
    let names = Dictionary(
      try source.weightsByName().map { ($1.path, $0) }, uniquingKeysWith: { first, _ in first })
    let leaves = Dictionary(
      model.leaves().map { ($0.label, $0.entry) }, uniquingKeysWith: { first, _ in first })
    for weight in source.storedWeights {
      guard let name = names[weight.path] else { continue }
      // A recurrent layer's weights belong to its cell where objects own them.
      let owner = name.layer.hasSuffix("/cell") ? String(name.layer.dropLast(5)) : name.layer
      // Wrappers and attention keep theirs in parts, in an order that only Keras knows.
      guard let entry = leaves[owner], entry.config["layer"] == nil,
        !entry.className.contains("Attention")
      else { throw CheckpointError(source.path, .noPlace(weight: weight.name)) }
      let dataset = try source.file.dataset(at: weight.path)
      if case .opaque = dataset.type, !flavour.storesObjects {
        throw CheckpointError(
          source.path,
          .malformed(
            object: weight.path, expected: "a type that Keras reads from an .h5",
            found: "bfloat16 as it writes it to a \(source.flavour.fileExtension)"))
      }
      weights[owner, default: []].append((name.role, weight))
    }
    self.weights = weights
  }

  /// What the manifest calls the architecture, and its text; nil where it has no place.
  func config() throws -> (path: String, text: String)? {
    guard let path = flavour.configPath, let own = source.modelConfig else { return nil }
    return (path, flavour == .archive ? try source.archiveConfig() : own)
  }

  /// - Returns: what the manifest says about the weights in their new places.
  func write(to file: HDF5File, _ checkInterruption: @escaping () throws -> Void) throws
    -> [Manifest.Entry]
  {
    var entries: [Manifest.Entry] = []
    func copy(_ weight: StoredWeight, to group: HDF5Group, as name: String) throws {
      try checkInterruption()
      let dataset = try source.file.dataset(at: weight.path)
      let copy = ColumnCopy(
        dataset, type: weight.elementType, checkInterruption: checkInterruption)
      entries.append(try copy.run(into: group, as: name).after)
    }
    if flavour.storesObjects {
      try writeObjects(of: model, label: "", to: file.root, copy)
    } else {
      try writeLegacy(to: file.root, copy)
    }
    return entries
  }

  private typealias Copy = (StoredWeight, HDF5Group, String) throws -> Void

  // MARK: Objects

  private func writeObjects(
    of layer: KerasLayerEntry, label: String, to group: HDF5Group, _ copy: Copy
  ) throws {
    if let layers = layer.layers {
      // A Sequential model does not count its input among its layers.
      let own =
        layer.className == "Sequential" ? layers.filter { $0.className != "InputLayer" } : layers
      let container = try group.createGroup(KerasObjectStore.containers[0])
      for (name, child) in KerasLayerEntry.groups(of: own) {
        try writeObjects(
          of: child, label: label.isEmpty ? child.name : "\(label)/\(child.name)",
          to: container.createGroup(name), copy)
      }
    }
    let isRecurrent = ["LSTM", "GRU", "SimpleRNN"].contains(layer.className)
    let variables = try group.createGroup(KerasObjectStore.variables)
    try variables.setAttribute("name", to: layer.name)
    let own = layer.layers == nil ? weights[label] ?? [] : []
    let owner =
      isRecurrent && !own.isEmpty
      ? try group.createGroup("cell").createGroup(KerasObjectStore.variables) : variables
    for (index, weight) in own.enumerated() {
      try copy(weight.weight, owner, String(index))
    }
  }

  // MARK: Legacy

  private func writeLegacy(to root: HDF5Group, _ copy: Copy) throws {
    let version = source.kerasVersion ?? "3.0.0"
    let backend = source.backend ?? "tensorflow"
    try root.setAttribute("keras_version", to: version)
    try root.setAttribute("backend", to: backend)
    if let config = source.modelConfig { try root.setAttribute("model_config", to: config) }
    let group = try root.createGroup("model_weights")
    let layers = model.layers ?? []
    try group.setAttribute("layer_names", to: layers.map(\.name))
    try group.setAttribute("keras_version", to: version)
    try group.setAttribute("backend", to: backend)
    for layer in layers { try writeLegacy(layer, to: group, copy) }
    try group.createGroup("top_level_model_weights").setAttribute("weight_names", to: [String]())
  }

  private func writeLegacy(
    _ layer: KerasLayerEntry, to weights: HDF5Group, _ copy: Copy
  ) throws {
    let group = try weights.subgroup(layer.name)
    var trained: [(name: String, weight: StoredWeight)] = []
    var kept: [(name: String, weight: StoredWeight)] = []
    for leaf in layer.leaves(label: layer.name) {
      for (role, weight) in self.weights[leaf.label] ?? [] {
        let isTrained = leaf.isTrainable && !role.hasPrefix("moving_")
        let named = ("\(leaf.label)/\(role)", weight)
        if isTrained { trained.append(named) } else { kept.append(named) }
      }
    }
    // Keras lists what is trained first, over all layers of a model inside the model.
    try group.setAttribute("weight_names", to: (trained + kept).map(\.name))
    for (name, weight) in trained + kept {
      var parts = name.split(separator: "/").map(String.init)
      let last = parts.removeLast()
      try copy(weight, group.subgroup(parts.joined(separator: "/")), last)
    }
  }
}

extension HDF5Group {
  /// The group of a name, which may have slashes in it, made where it is missing.
  func subgroup(_ name: String) throws -> HDF5Group {
    var group = self
    for part in name.split(separator: "/").map(String.init) {
      let path = HDF5File.path(group.path, part)
      let isThere = group.file.node(at: path) != nil
      group = isThere ? try group.file.group(at: path) : try group.createGroup(part)
    }
    return group
  }
}
