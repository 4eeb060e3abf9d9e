public import ModelCore
internal import Zip

/// Finds the weights of a network among the arrays of a file, by name.
///
/// A weight `kernel` of layer `dense` may be called `dense/kernel`, `dense.kernel`,
/// `dense/kernel:0`, or `dense/dense/kernel:0` as in Keras's own files.
public enum WeightNames {
  /// Where an export puts splits; no weight is looked for there.
  static let splitsFolder = "splits/"

  /// The array for every weight the network needs.
  ///
  /// - Throws: `WeightMismatch` with everything that does not fit at once.
  public static func match(
    _ arrays: [NamedArray], to specifications: [ParameterSpecification], file: String
  ) throws -> [ParameterName: NamedArray] {
    var found: [ParameterName: NamedArray] = [:]
    var report = WeightReport()
    let wanted = Dictionary(
      specifications.map { ($0.name, $0.shape) }, uniquingKeysWith: { first, _ in first })
    for array in arrays where !array.name.hasPrefix(splitsFolder) {
      guard let name = candidates(array.name).first(where: { wanted[$0] != nil }),
        let shape = wanted[name]
      else {
        report.unused.append(array.name)
        continue
      }
      guard case .number(let type) = array.element, type.isFloatingPoint, array.shape == shape
      else {
        report.misfits.append(.init(name: name, expected: shape, found: array.found))
        found[name] = array
        continue
      }
      if let other = found.updateValue(array, forKey: name) {
        report.ambiguous.append(.init(name: name, arrays: [other.name, array.name]))
      }
    }
    report.missing = specifications.map(\.name).filter { found[$0] == nil }
    guard report.isEmpty else { throw WeightMismatch(file: file, report: report) }
    return found
  }

  /// What a name may stand for, the likeliest first.
  static func candidates(_ name: String) -> [ParameterName] {
    var stem = name[...]
    if let colon = stem.lastIndex(of: ":"), colon != stem.startIndex {
      let suffix = stem[stem.index(after: colon)...]
      if !suffix.isEmpty && suffix.allSatisfy({ $0.isASCII && $0.isNumber }) {
        stem = stem[..<colon]
      }
    }
    var result: [ParameterName] = []
    for separator: Character in ["/", "."] {
      guard let cut = stem.lastIndex(of: separator) else { continue }
      let layer = String(stem[..<cut])
      let role = String(stem[stem.index(after: cut)...])
      result.append(ParameterName(layer: layer, role: role))
      // Keras files repeat the layer: once as a group, once in the weight's own name.
      let half = layer.count / 2
      if layer.count % 2 == 1, layer.prefix(half) == layer.suffix(half),
        layer.dropFirst(half).first == separator
      {
        result.append(ParameterName(layer: String(layer.prefix(half)), role: role))
      }
    }
    return result
  }
}

/// Arrays that are not the weights of a network.
public struct WeightMismatch: Error, Hashable, Sendable, CustomStringConvertible {
  public let file: String
  public let report: WeightReport

  public var description: String { "cannot use \(quoted(file)): \(report)" }
}

/// All the ways in which some arrays are not the weights of a network.
public struct WeightReport: Hashable, Sendable, CustomStringConvertible {
  /// A weight that is there in another shape or type.
  public struct Misfit: Hashable, Sendable {
    public let name: ParameterName
    public let expected: Shape
    public let found: String
  }

  /// A weight for which there are several arrays.
  public struct Ambiguity: Hashable, Sendable {
    public let name: ParameterName
    public let arrays: [String]
  }

  /// Weights of the network with no array.
  public var missing: [ParameterName] = []
  /// Arrays that are no weight of the network.
  public var unused: [String] = []
  public var misfits: [Misfit] = []
  public var ambiguous: [Ambiguity] = []

  public init() {}

  public var isEmpty: Bool {
    missing.isEmpty && unused.isEmpty && misfits.isEmpty && ambiguous.isEmpty
  }

  public var description: String {
    var parts: [String] = []
    func list(_ title: String, _ items: [String]) {
      guard !items.isEmpty else { return }
      let more = items.count > 10 ? ", and \(items.count - 10) more" : ""
      parts.append("\(title): " + items.prefix(10).joined(separator: ", ") + more)
    }
    list("missing weights", missing.map { quoted($0.description) })
    list("arrays that are no weights", unused.map(quoted))
    list(
      "wrong shapes or types",
      misfits.map {
        "\(quoted($0.name.description)) expected floats \($0.expected), found \($0.found)"
      })
    list(
      "several arrays for one weight",
      ambiguous.map {
        "\(quoted($0.name.description)) in " + $0.arrays.map(quoted).joined(separator: " and ")
      })
    return parts.joined(separator: "; ")
  }
}
