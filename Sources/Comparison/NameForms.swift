/// The names that one weight goes by in different files.
///
/// Keras 2 writes `dense/kernel:0`, Keras 3 `dense/kernel`, both below a group `dense`; an export
/// writes `dense/kernel`, PyTorch's habit is `dense.kernel`. A weight inside a layer of layers
/// has a longer name in a checkpoint, `lstm/lstm_cell/kernel`, than in an export, `lstm/kernel`.
public struct NameForms: Hashable, Sendable {
  /// What all ways of writing the full name come down to: `lstm/lstm_cell/kernel`.
  public let canonical: String
  /// The first and the last part alone: `lstm/kernel`.
  public let short: String

  public init(_ name: String) {
    var parts = Self.withoutOutputNumber(name).split(separator: "/").map(String.init)
    if parts.count == 1, let part = parts.first {
      parts = part.split(separator: ".").map(String.init)
    }
    if parts.first == "model_weights" { parts.removeFirst() }
    // A group and the weight in it often both carry the layer's name.
    if parts.count > 2, parts[0] == parts[1] { parts.removeFirst() }
    canonical = parts.isEmpty ? name : parts.joined(separator: "/")
    short = parts.count > 2 ? "\(parts[0])/\(parts[parts.count - 1])" : canonical
  }

  /// The layers on the way.
  var owner: String { canonical.split(separator: "/").dropLast().joined(separator: "/") }

  /// What the weight is to the last of them.
  var role: String { canonical.split(separator: "/").last.map(String.init) ?? canonical }

  /// Keras 2 numbers the outputs of the operation that holds a weight.
  private static func withoutOutputNumber(_ name: String) -> Substring {
    guard let colon = name.lastIndex(of: ":"), colon != name.startIndex else { return name[...] }
    let digits = name[name.index(after: colon)...]
    let isNumber = !digits.isEmpty && digits.allSatisfy { $0.isASCII && $0.isNumber }
    return isNumber ? name[..<colon] : name[...]
  }
}

extension NameForms {
  /// A Keras layer's weight, whose own name may repeat the model's and the layer's name.
  ///
  /// - Parameters:
  ///   - layer: the layer in the file's list, such as `conv`.
  ///   - weight: the name in the layer's list, such as `sequential/conv/kernel:0`.
  public init(layer: String, weight: String) {
    var parts = weight.split(separator: "/").map(String.init)
    let prefix = layer.split(separator: "/").map(String.init)
    if let start = parts.indices.last(where: { parts[$0...].starts(with: prefix) }),
      parts.count > start + prefix.count
    {
      parts.removeFirst(start + prefix.count)
    }
    self.init((prefix + parts).joined(separator: "/"))
  }
}
