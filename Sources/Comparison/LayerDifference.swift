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
    let (old, new) = (occurrences(first), occurrences(second))
    let others = Dictionary(new, uniquingKeysWith: { first, _ in first })
    var found: [LayerDifference] = []
    for (key, layer) in old {
      guard let other = others[key] else {
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
    let known = Set(old.map(\.key))
    for (key, layer) in new where !known.contains(key) {
      found.append(
        LayerDifference(name: layer.name, before: nil, after: layer.className, fields: []))
    }
    return found
  }

  /// Which layer of its name each one is: a path through a model may be the name of another layer.
  private struct Occurrence: Hashable {
    let name: String
    let number: Int
  }

  private static func occurrences(
    _ layers: [LayerDescription]
  ) -> [(key: Occurrence, layer: LayerDescription)] {
    var counts: [String: Int] = [:]
    return layers.map { layer in
      counts[layer.name, default: 0] += 1
      return (Occurrence(name: layer.name, number: counts[layer.name] ?? 1), layer)
    }
  }

  private static func names(_ inputs: [String]) -> JSONValue { .array(inputs.map { .string($0) }) }
}
