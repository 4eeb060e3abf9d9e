internal import Foundation
public import ModelCore

/// The arrays of a `.safetensors` fixture, read here anew so that no test of the product's
/// arithmetic rests on the product's own readers.
///
/// - SeeAlso: https://huggingface.co/docs/safetensors/index#format
public struct ReferenceArrays: Sendable {
  private let arrays: [String: Tensor]

  /// What is wrong with a fixture.
  public enum Failure: Error { case notSafetensors(String), missing(String) }

  /// - Parameter fixture: relative to `Tests/Fixtures`.
  public init(_ fixture: String) throws {
    let bytes = [UInt8](try Fixtures.data(fixture))
    guard bytes.count >= 8 else { throw Failure.notSafetensors(fixture) }
    let length = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try JSONValue(parsing: Array(bytes[8..<8 + length]))
    var arrays: [String: Tensor] = [:]
    for (name, entry) in header.object ?? [:] where name != "__metadata__" {
      guard let type = entry["dtype"]?.string.flatMap({ Self.types[$0] }),
        let shape = entry["shape"]?.array?.compactMap({ $0.integer.map(Int.init) }),
        let offsets = entry["data_offsets"]?.array?.compactMap({ $0.integer.map(Int.init) }),
        offsets.count == 2
      else { throw Failure.notSafetensors("\(fixture): \(name)") }
      arrays[name] = try Tensor(
        elementType: type, shape: Shape(shape),
        bytes: Array(bytes[8 + length + offsets[0]..<8 + length + offsets[1]]))
    }
    self.arrays = arrays
  }

  private static let types: [String: ElementType] = [
    "F32": .float32, "F64": .float64, "I32": .int32, "I64": .int64,
  ]

  /// All names, sorted.
  public var names: [String] { arrays.keys.sorted() }

  public func tensor(_ name: String) throws -> Tensor {
    guard let tensor = arrays[name] else { throw Failure.missing(name) }
    return tensor
  }

  /// The elements without rounding: `Tensor.floats` would cut 64-bit numbers short.
  public func doubles(_ name: String) throws -> [Double] {
    let tensor = try tensor(name)
    guard tensor.elementType == .float64 else { return tensor.floats.map(Double.init) }
    return tensor.bytes.withUnsafeBytes { raw in
      (0..<tensor.shape.elementCount).map {
        Double(
          bitPattern: UInt64(
            littleEndian: raw.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self)))
      }
    }
  }

  /// The arrays called `<prefix>/<layer>/<role>`, where the layer may have slashes in its name.
  public func parameters(_ prefix: String) throws -> Parameters {
    var result = Parameters()
    for name in names where name.hasPrefix(prefix + "/") {
      let parts = name.split(separator: "/").map(String.init)
      guard parts.count >= 3 else { throw Failure.notSafetensors(name) }
      let tensor = try tensor(name)
      result.append(
        Parameter(
          name: ParameterName(
            layer: parts[1..<parts.count - 1].joined(separator: "/"), role: parts[parts.count - 1]),
          shape: tensor.shape,
          values: tensor.floats))
    }
    return result
  }
}
