internal import HDF5
internal import ModelCore

/// The weights of a Keras 3 file, by the path of the object that owns them.
///
/// A model's layers are in `layers/<class>`, `layers/<class>_1`, ...; each object's own variables
/// are `vars/0`, `vars/1`, ... below it, and what it consists of is beside them.
struct KerasObjectStore {
  /// The dense layers of an attention, which some releases of Keras keep under private names.
  static let projections: Set = [
    "query_dense", "key_dense", "value_dense", "output_dense", "gate_dense",
  ]

  static func publicName(_ group: String) -> String {
    let name = String(group.dropFirst())
    return group.hasPrefix("_") && projections.contains(name) ? name : group
  }

  private let file: HDF5File

  static let variables = "vars"
  /// What a model keeps of a training run.
  private static let trainingState = ["optimizer", "metrics"]

  /// Whether an object is a model, which may have been trained by itself: it has a list of layers.
  static func isModel(_ path: String, in file: HDF5File) -> Bool {
    path.isEmpty || path == "/"
      || containers.contains { file.node(at: HDF5File.path(path, $0)) != nil }
  }
  /// What Keras calls a model's list of layers; the second name is Keras 2.13's.
  static let containers = ["layers", "_layer_checkpoint_dependencies"]

  /// - Returns: nil when the file is laid out in another way.
  init?(_ file: HDF5File) {
    let isThere = (Self.containers + [Self.variables]).contains { name in
      guard case .group = file.node(at: "/" + name) else { return false }
      return true
    }
    guard isThere else { return nil }
    self.file = file
  }

  /// - Parameter model: the configuration, which has the layers' names and their order.
  /// - Throws: `CheckpointError` when the file's layers are not those of the model.
  func all(of model: KerasLayerEntry?) throws -> [StoredWeight] {
    try weights(in: Owner(path: "/", label: "", group: "", entry: model))
  }

  /// An object with variables.
  private struct Owner {
    let path: String
    /// The names of the layers on the way, with slashes; empty for the model itself.
    var label: String
    /// What its class is called in paths.
    let group: String
    let entry: KerasLayerEntry?

    func label(of child: String) -> String { label.isEmpty ? child : "\(label)/\(child)" }
  }

  private func weights(in owner: Owner) throws -> [StoredWeight] {
    var found = try ownWeights(of: owner)
    for name in file.names(in: owner.path) where Self.containers.contains(name) {
      let path = HDF5File.path(owner.path, name)
      guard case .group = file.node(at: path) else { continue }
      found += try layers(in: path, of: owner)
    }
    for (group, entry) in parts(of: owner) {
      let path = HDF5File.path(owner.path, group)
      guard case .group = file.node(at: path) else { continue }
      // The names are those that Keras gives the parts in an .h5.
      let name = try entry?.name ?? layerName(at: path) ?? group
      found += try weights(
        in: Owner(path: path, label: owner.label(of: name), group: group, entry: entry))
    }
    return found
  }

  /// The groups of what a layer is made of: in Keras's order as far as the configuration tells,
  /// then what else there is.
  private func parts(of owner: Owner) -> [(group: String, entry: KerasLayerEntry?)] {
    let parts = owner.entry.flatMap { $0.layers == nil ? $0.parts : nil } ?? []
    let places = Dictionary(
      parts.enumerated().map { (Self.publicName($1.group), $0) },
      uniquingKeysWith: { first, _ in first })
    let ignored =
      [Self.variables] + Self.containers
      + (Self.isModel(owner.path, in: file) ? Self.trainingState : [])
      + (owner.path == "/" ? [String(FormatPaths.root.dropFirst())] : [])
    let groups = file.names(in: owner.path).flatMap { name in
      // A stack of recurrent cells keeps them in a list.
      name == "cells"
        ? file.names(in: HDF5File.path(owner.path, name)).map { "\(name)/\($0)" } : [name]
    }.filter { !ignored.contains($0) }
    let placed = groups.enumerated().map { index, group in
      (place: places[Self.publicName(group)] ?? parts.count + index, group: group)
    }
    return placed.sorted { $0.place < $1.place }.map { place, group in
      (group, parts.indices.contains(place) ? parts[place].entry : nil)
    }
  }

  private func layers(in container: String, of owner: Owner) throws -> [StoredWeight] {
    let names = file.names(in: container)
    guard let layers = owner.entry?.layers else {
      return try names.flatMap { name in
        let path = HDF5File.path(container, name)
        let label = owner.label(of: try layerName(at: path) ?? name)
        return try weights(in: Owner(path: path, label: label, group: name, entry: nil))
      }
    }
    let groups = KerasLayerEntry.groups(of: layers)
    if let stranger = names.first(where: { name in !groups.contains { $0.group == name } }) {
      throw mismatch(
        HDF5File.path(container, stranger),
        "one of the layers of the architecture, which are "
          + groups.map(\.group).joined(separator: ", "), "the group '\(stranger)'")
    }
    return try groups.filter { names.contains($0.group) }.flatMap { group, layer in
      let path = HDF5File.path(container, group)
      // A class of somebody's own may leave its name out of its configuration.
      let found = try layerName(at: path)
      let name = layer.name.isEmpty ? found ?? group : layer.name
      if let found, found != name {
        throw mismatch(
          path, "the layer '\(layer.name)', as the architecture says",
          "the layer '\(found)', as the file says")
      }
      return try weights(
        in: Owner(path: path, label: owner.label(of: name), group: group, entry: layer))
    }
  }

  /// What the user called a layer; Keras 2 does not say.
  private func layerName(at path: String) throws -> String? {
    let variables = HDF5File.path(path, Self.variables)
    guard case .group = file.node(at: variables) else { return nil }
    return try file.group(at: variables).string(attribute: "name")
  }

  private func ownWeights(of owner: Owner) throws -> [StoredWeight] {
    let path = HDF5File.path(owner.path, Self.variables)
    guard case .group(let names) = file.node(at: path) else { return [] }
    let numbers = names.filter(Self.isNumber).compactMap { UInt32($0) }.sorted()
    // A class that saves its variables itself may call them what it likes.
    let own = names.filter { !Self.isNumber($0) }
    // A part is called after what it is to its layer; without a configuration only its own name
    // may tell its class.
    let classes =
      try owner.entry.map { [KerasLayerEntry.snakeCase($0.className)] }
      ?? [owner.group] + [layerName(at: owner.path)].compactMap { $0 }
    let roles =
      classes.lazy.map {
        KerasVariables.roles(of: $0, config: owner.entry?.config, count: numbers.count)
      }.first { $0.first != "0" } ?? numbers.map(String.init)
    return try zip(numbers.map(String.init) + own, roles + own).map { name, role in
      try weight(role, of: owner, at: HDF5File.path(path, name))
    }
  }

  /// Whether a variable is known by its place among those of its owner.
  static func isNumber(_ name: String) -> Bool {
    UInt32(name).map { String($0) == name } ?? false
  }

  private func weight(
    _ role: String, of owner: Owner, at path: String
  ) throws -> StoredWeight {
    let layer = owner.label.isEmpty ? owner.entry?.name ?? "model" : owner.label
    return try StoredWeight(
      of: file.dataset(at: path), layer: layer, name: "\(layer)/\(role)")
  }

  private func mismatch(
    _ object: String, _ expected: String, _ found: String
  ) -> CheckpointError {
    CheckpointError(file.path, .malformed(object: object, expected: expected, found: found))
  }
}
