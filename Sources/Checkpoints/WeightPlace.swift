internal import ModelCore

/// Where a weight belongs in its network, whatever a flavour of file calls it.
public struct WeightPlace: Hashable, Sendable {
  /// The names on the way to the layer, the outermost first; empty for the model itself.
  public let layers: [String]
  /// What the weight is to the last of them, as Keras 3 says; a number where only the layer's own
  /// class knows.
  public let role: String
  /// What another version of Keras calls the same.
  public let otherRole: String?
}

extension Checkpoint {
  /// Where the weights belong, by their paths in the file: those of layers whose classes are
  /// known. Empty where the file does not say what its network is.
  public func placesOfWeights() -> [String: WeightPlace] {
    guard let modelConfig, let model = KerasLayerEntry(parsing: modelConfig) else { return [:] }
    let placement = KerasPlacement(model, of: self)
    var places: [String: WeightPlace] = [:]
    for object in placement.objects {
      for placed in placement[object] {
        places[placed.weight.path] = WeightPlace(
          layers: object.names, role: placed.role,
          otherRole: object.entry.otherName(of: placed.role))
      }
    }
    return places
  }
}
