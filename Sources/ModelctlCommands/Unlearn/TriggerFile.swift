internal import Conversion
internal import Foundation
internal import ModelCore
internal import Unlearning

/// A backdoor's trigger in an `.npz`: `patch` and `mask`, and if it is known the class as `label`.
///
/// A stamped sample is `(1 - mask) x + mask patch`. Both have the shape of one stored sample, and the
/// patch its units (0...255 for bytes); the mask is within 0...1, and may leave out the channels.
struct TriggerFile {
  let trigger: Trigger

  init(path: String, sampleShape: Shape) throws {
    guard FileManager.default.fileExists(atPath: path) else {
      throw CommandError(.inputMissing, "cannot open \(path.quoted): no such file")
    }
    let arrays = try ForeignArrays.open(path)
    func array(_ name: String) -> NamedArray? { arrays.first { $0.name == name } }
    guard let patch = array("patch"), let mask = array("mask") else {
      let names = arrays.map(\.name.quoted).joined(separator: ", ")
      throw CommandError(
        .badInput,
        "\(path.quoted): expected the arrays 'patch' and 'mask', found \(names)")
    }
    trigger = try Trigger(
      patch: Self.values(patch, sampleShape, in: path),
      mask: Self.values(mask, sampleShape, in: path),
      label: array("label").map { try Self.label($0, in: path) })
  }

  private static func values(
    _ array: NamedArray, _ shape: Shape, in path: String
  ) throws -> [Float] {
    let found = array.shape.dimensions.drop { $0 == 1 }
    let wanted = shape.dimensions
    let isWhole = Array(found) == Array(wanted.drop { $0 == 1 })
    let channels = wanted.last ?? 1
    let isPlane = wanted.count == 3 && Array(found) == Array(wanted.dropLast().drop { $0 == 1 })
    guard isWhole || isPlane else {
      throw CommandError(
        .badInput,
        "\(path.quoted): expected \(array.name.quoted) of shape \(shape), found \(array.shape)")
    }
    let values = try array.tensor().floats
    guard !isWhole else { return values }
    return values.flatMap { [Float](repeating: $0, count: channels) }
  }

  private static func label(_ array: NamedArray, in path: String) throws -> Int {
    guard array.shape.elementCount == 1, let value = try array.tensor().integers?.first,
      let label = Int(exactly: value)
    else {
      throw CommandError(
        .badInput, "\(path.quoted): expected 'label' to be one integer, found \(array.shape)")
    }
    return label
  }
}
