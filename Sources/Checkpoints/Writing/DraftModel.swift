internal import HDF5
internal import ModelCore

/// Writes a network and its weights the way Keras 3 does, so that Keras finds them.
struct DraftModel {
  private let config: String
  private let architecture: Architecture
  private let draft: CheckpointDraft

  /// - Throws: `CheckpointError` unless the weights are exactly those of the network.
  init(_ draft: CheckpointDraft, _ config: String, _ path: String) throws {
    self.draft = draft
    self.config = config
    do { architecture = try KerasConfiguration(parsing: config).architecture } catch {
      throw CheckpointError(path, .configuration(error))
    }
    let architecture = architecture
    let specifications = try CheckpointError.naming(path) {
      try architecture.parameterSpecifications()
    }
    for specification in specifications {
      let name = specification.name
      guard let parameter = draft.parameters[name] else {
        throw CheckpointError(path, .missingWeight(name, shape: specification.shape))
      }
      guard parameter.shape == specification.shape else {
        throw CheckpointError(
          path, .weightShape(name, expected: specification.shape, found: parameter.shape))
      }
    }
    let known = Set(specifications.map(\.name))
    if let extra = draft.parameters.all.first(where: { !known.contains($0.name) }) {
      throw CheckpointError(path, .unexpectedWeight(extra.name.description))
    }
    if let name = draft.parameters.firstNonFinite {
      throw CheckpointError(path, .notFinite(name))
    }
  }

  func write(to file: HDF5File) throws -> [Manifest.Entry] {
    let root = try file.root
    try root.setAttribute("keras_version", to: draft.kerasVersion)
    try root.setAttribute("backend", to: draft.backend)
    try root.setAttribute("model_config", to: config)
    let weights = try root.createGroup("model_weights")
    let groups = Self.groups(of: architecture)
    try weights.setAttribute("layer_names", to: groups.map(\.name))
    try weights.setAttribute("keras_version", to: draft.kerasVersion)
    try weights.setAttribute("backend", to: draft.backend)
    var entries: [Manifest.Entry] = []
    for group in groups {
      let own = draft.parameters.all.filter { group.owners.contains($0.name.layer) }
      let (moving, fixed) = (own.filter(trains), own.filter { !trains($0) })
      entries += try write(moving + fixed, of: group.name, to: weights)
    }
    entries += try write([], of: "top_level_model_weights", to: weights)
    var digest = ArrayDigest(type: "string", shape: [])
    digest.update([config])
    return entries + [digest.entry(at: "@model_config")]
  }

  /// Keras lists what training moves first, across all layers of a model inside the model.
  private func trains(_ parameter: Parameter) -> Bool {
    !parameter.name.role.hasPrefix("moving_")
      && architecture.layers.contains {
        $0.weightOwner == parameter.name.layer && $0.isTrainable
      }
  }

  /// The outermost layers in their order, each with the layers inside it that have weights.
  private static func groups(
    of architecture: Architecture
  ) -> [(name: String, owners: Set<String>)] {
    var names: [String] = []
    var owners: [String: Set<String>] = [:]
    for layer in architecture.layers {
      if owners[layer.group] == nil { names.append(layer.group) }
      owners[layer.group, default: []].insert(layer.weightOwner)
    }
    return names.map { ($0, owners[$0] ?? []) }
  }

  /// Keras repeats a layer's name in the names of its weights, and so in their paths.
  private func write(
    _ parameters: [Parameter], of layer: String, to weights: HDF5Group
  ) throws -> [Manifest.Entry] {
    let group = try weights.subgroup(layer)
    try group.setAttribute("weight_names", to: parameters.map(\.name.description))
    var entries: [Manifest.Entry] = []
    for parameter in parameters {
      let inner = try group.subgroup(parameter.name.layer)
      let dataset = try inner.createDataset(
        parameter.name.role, type: .number(.float32), shape: parameter.shape.dimensions)
      let tensor = try Tensor(floats: parameter.values, shape: parameter.shape)
      var digest = try ArrayDigest(of: dataset)
      try tensor.bytes.withUnsafeBytes { bytes in
        digest.update(bytes)
        try dataset.write(from: bytes)
      }
      entries.append(digest.entry(at: dataset.path))
    }
    return entries
  }
}
