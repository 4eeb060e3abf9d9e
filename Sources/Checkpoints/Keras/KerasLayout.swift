internal import HDF5
internal import ModelCore

/// Writes a network's weights where another flavour of Keras file has them.
///
/// Every weight keeps its type, its storage and its bytes; only its place changes.
struct KerasLayout {
  /// Where an `.h5` has what belongs to the model and to none of its layers.
  private static let ownWeights = "top_level_model_weights"

  private let source: Checkpoint
  private let flavour: CheckpointFlavour
  private let model: KerasLayerEntry
  private let placement: KerasPlacement

  /// - Throws: `CheckpointError` when the file does not say enough to find every weight its place.
  init(_ flavour: CheckpointFlavour, of source: Checkpoint) throws {
    guard let config = source.modelConfig, let model = KerasLayerEntry(parsing: config) else {
      throw CheckpointError(source.path, .noArchitecture)
    }
    self.flavour = flavour
    self.source = source
    self.model = model
    placement = KerasPlacement(model, of: source)
    if let problem = placement.problem { throw problem }
    if !flavour.storesObjects { try checkOrder() }
  }

  /// - Throws: `CheckpointError` for what an `.h5` has no type or no order for.
  private func checkOrder() throws {
    let reserved = ["", Self.ownWeights]
    if let layer = (model.layers ?? []).first(where: { reserved.contains($0.name) }) {
      throw CheckpointError(
        source.path,
        .malformed(
          object: "the architecture",
          expected: "layers whose names an .h5 has a place for",
          found: (layer.name.isEmpty ? "a layer without a name" : "one called '\(layer.name)'")
            + "; a .keras or a .weights.h5 can hold it"))
    }
    // The flavours with objects have such a layer's kernel with the adaptation added to it, and not the two apart.
    if let object = placement.objects.first(where: { $0.entry.config["lora_rank"]?.integer != nil })
    {
      throw CheckpointError(
        source.path,
        .malformed(
          object: object.label, expected: "all weights that an .h5 has of a layer",
          found: "its kernel with LoRA's two added to it; load the file in Keras and save it there")
      )
    }
    for weight in source.storedWeights {
      guard case .opaque = try source.file.dataset(at: weight.path).type else { continue }
      throw CheckpointError(
        source.path,
        .malformed(
          object: weight.path, expected: "a type that Keras reads from an .h5",
          found: "bfloat16 as it writes it to a \(source.flavour.fileExtension)"))
    }
    for object in placement.objects {
      guard let own = placement[object].first(where: { $0.ownName != nil }) else { continue }
      throw CheckpointError(
        source.path,
        .noPlace(
          weight: own.weight.name, layer: object.label, className: object.entry.className))
    }
    let owners = placement.objects.filter { !placement[$0].isEmpty }
    for (layer, objects) in Dictionary(grouping: owners, by: \.layer) {
      // An .h5 lists what training moves first, across all parts of a layer.
      guard let unknown = objects.first(where: { $0.roles == nil }),
        objects.count > 1 || layer.isEmpty
      else { continue }
      throw CheckpointError(
        source.path,
        .noPlace(
          weight: placement[unknown][0].weight.name, layer: unknown.label,
          className: unknown.entry.className))
    }
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
      guard weight.elementType == .bfloat16, flavour.storesObjects else { return }
      try mark(file.dataset(at: HDF5File.path(group.path, name)))
    }
    if flavour.storesObjects {
      try writeObjects(to: file.root, copy)
    } else {
      try writeLegacy(to: file.root, copy)
    }
    return entries
  }

  /// Says that two opaque bytes are a bfloat16, which Keras leaves out of an `.h5`.
  private func mark(_ dataset: HDF5Dataset) throws {
    guard try dataset.string(attribute: "dtype") == nil else { return }
    try dataset.setAttribute("dtype", to: "bfloat16")
  }

  private typealias Copy = (StoredWeight, HDF5Group, String) throws -> Void

  // MARK: Objects

  private func writeObjects(to root: HDF5Group, _ copy: Copy) throws {
    for object in placement.objects {
      let group = try root.subgroup(path(of: object))
      let variables = try group.subgroup(KerasObjectStore.variables)
      try variables.setAttribute("name", to: object.entry.name)
      for (index, placed) in placement[object].enumerated() {
        try copy(placed.weight, variables, placed.ownName ?? String(index))
      }
    }
  }

  /// Keras 2 knows the parts of an attention by their private names alone.
  private func path(of object: KerasObject) -> String {
    var groups = object.path.split(separator: "/").map(String.init)
    guard source.isKeras2, let group = groups.popLast(), groups.last != "layers",
      KerasObjectStore.projections.contains(group)
    else { return object.path }
    return (groups + ["_" + group]).joined(separator: "/")
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
    let objects = Dictionary(grouping: placement.objects, by: \.layer)
    for layer in layers {
      try writeLegacy(objects[layer.name] ?? [], to: group.subgroup(layer.name), copy)
    }
    try group.createGroup(Self.ownWeights).setAttribute("weight_names", to: [String]())
  }

  private func writeLegacy(_ objects: [KerasObject], to group: HDF5Group, _ copy: Copy) throws {
    var trained: [(name: String, weight: StoredWeight)] = []
    var kept: [(name: String, weight: StoredWeight)] = []
    for object in objects {
      for placed in placement[object] {
        let named = ("\(object.label)/\(placed.role)", placed.weight)
        if object.trains(placed.role) { trained.append(named) } else { kept.append(named) }
      }
    }
    // Keras lists what is trained first, over all parts of a layer.
    try group.setAttribute("weight_names", to: (trained + kept).map(\.name))
    for (name, weight) in trained + kept {
      var parts = name.split(separator: "/").map(String.init)
      let last = parts.removeLast()
      try copy(weight, group.subgroup(parts.joined(separator: "/")), last)
    }
  }
}
