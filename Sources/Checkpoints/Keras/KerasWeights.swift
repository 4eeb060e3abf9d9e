internal import HDF5
internal import ModelCore

/// The weights of a Keras file, found by the lists of names that Keras keeps, never by walking:
/// only the lists have the order.
struct KerasWeights {
  private let file: HDF5File
  /// The group that holds the layers.
  let base: String

  /// - Returns: nil when the file lists no layers.
  init?(_ file: HDF5File) throws {
    self.file = file
    // A file of weights alone has its list at the root.
    for base in ["/model_weights", "/"] {
      guard case .group = file.node(at: base) else { continue }
      guard try Self.names("layer_names", of: file.group(at: base)) != nil else { continue }
      self.base = base
      return
    }
    return nil
  }

  /// The layers that the file lists, in its order.
  func layerNames() throws -> [String] {
    try Self.names("layer_names", of: file.group(at: base)) ?? []
  }

  func all() throws -> [StoredWeight] {
    let root = try file.group(at: base)
    var layers = try layerNames()
    // Weights that belong to the model itself; Keras 3 always makes the group.
    let top = "top_level_model_weights"
    if !layers.contains(top), root.names.contains(top) { layers.append(top) }
    var weights: [StoredWeight] = []
    for layer in layers {
      let group = try file.group(at: HDF5File.path(base, layer))
      for name in try Self.names("weight_names", of: group) ?? [] {
        let dataset = try file.dataset(at: HDF5File.path(group.path, name))
        weights.append(try StoredWeight(of: dataset, layer: layer, name: name))
      }
    }
    return weights
  }

  /// A list of names, which Keras splits over several attributes when it is long.
  private static func names(_ attribute: String, of group: HDF5Group) throws -> [String]? {
    if try group.hasAttribute(attribute) { return try group.strings(attribute: attribute) }
    var names: [String] = []
    var part = 0
    while try group.hasAttribute("\(attribute)\(part)") {
      names += try group.strings(attribute: "\(attribute)\(part)")
      part += 1
    }
    return part > 0 ? names : nil
  }
}
