public import ModelCore

/// How the layers of two models differ, by name.
public struct LayerDifference: Hashable, Sendable {
  public let name: String
  /// The class in each model; nil where the model has no such layer.
  public let before: String?
  public let after: String?
  /// What differs in a layer that both models have.
  public let fields: [FieldDifference]

  /// The layers that differ: the first model's in its order, then those only the second has.
  ///
  /// - Parameter commonFieldsOnly: leave out fields that one model does not mention, as models
  ///   of different versions of a framework each have fields of their own.
  public static func all(
    from first: [LayerDescription], to second: [LayerDescription], commonFieldsOnly: Bool
  ) -> [LayerDifference] {
    let others = Dictionary(second.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    var found: [LayerDifference] = []
    for layer in first {
      guard let other = others[layer.name] else {
        found.append(
          LayerDifference(name: layer.name, before: layer.className, after: nil, fields: []))
        continue
      }
      var fields = FieldDifference.all(from: layer.config, to: other.config)
      if commonFieldsOnly { fields.removeAll { $0.before == nil || $0.after == nil } }
      fields += FieldDifference.all(from: names(layer.inputs), to: names(other.inputs)).map {
        FieldDifference(path: "inputs\($0.path)", before: $0.before, after: $0.after)
      }
      guard layer.className != other.className || !fields.isEmpty else { continue }
      found.append(
        LayerDifference(
          name: layer.name, before: layer.className, after: other.className, fields: fields))
    }
    let known = Set(first.map(\.name))
    for layer in second where !known.contains(layer.name) {
      found.append(
        LayerDifference(name: layer.name, before: nil, after: layer.className, fields: []))
    }
    return found
  }

  private static func names(_ inputs: [String]) -> JSONValue { .array(inputs.map { .string($0) }) }
}
