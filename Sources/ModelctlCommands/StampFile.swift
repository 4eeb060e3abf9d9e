internal import Conversion
internal import Foundation
internal import ModelCore

/// A backdoor's pattern in a file: an `.npz` with the arrays `patch` and `mask`, each of a sample's
/// shape, in the units in which samples are stored.
struct StampFile {
  /// `[E]`, with `E` the elements of one sample.
  let patch: [Float]
  /// `[E]`: how much of the patch shows, 0 to 1.
  let mask: [Float]

  /// - Throws: `CommandError` or `ConversionError` when the file is no such pattern.
  init(path: String, sampleShape: Shape) throws {
    guard FileManager.default.fileExists(atPath: path) else {
      throw CommandError(.inputMissing, "cannot open \(path.quoted): no such file")
    }
    let arrays = try ForeignArrays.open(path)
    func values(_ name: String) throws -> [Float] {
      guard let array = arrays.first(where: { $0.name == name }) else {
        let found = arrays.prefix(5).map { $0.name.quoted }.joined(separator: ", ")
        throw CommandError(
          .badInput,
          "\(path.quoted) has no array \(name.quoted), only \(found); a trigger is an .npz with "
            + "'patch' and 'mask'")
      }
      guard array.shape.elementCount == sampleShape.elementCount else {
        throw CommandError(
          .badInput,
          "\(path.quoted): \(name.quoted) has the shape \(array.shape), a sample \(sampleShape)")
      }
      return try array.tensor().floats
    }
    patch = try values("patch")
    mask = try values("mask")
  }
}
