internal import HDF5
public import ModelCore

/// One weight of a file, not read yet.
public struct StoredWeight: Hashable, Sendable {
  /// The layer that it belongs to.
  public let layer: String
  /// The name that Keras gave it, such as `dense/kernel:0`.
  public let name: String
  /// The dataset's path inside the file.
  public let path: String
  public let elementType: ElementType
  public let shape: Shape
  /// The size of its elements in bytes.
  public let byteCount: Int

  /// What it is to its layer: the last part of the name, such as `kernel`.
  public var role: String {
    let last = name.split(separator: "/").last.map(String.init) ?? name
    // Keras 2 numbers the outputs of the operation that holds the weight.
    return last.hasSuffix(":0") ? String(last.dropLast(2)) : last
  }

  public var parameterName: ParameterName { ParameterName(layer: layer, role: role) }
}

extension StoredWeight {
  /// - Throws: `CheckpointError` when the dataset does not hold numbers.
  init(of dataset: HDF5Dataset, layer: String, name: String) throws {
    guard let type = try ElementType(ofWeight: dataset) else {
      throw CheckpointError(
        dataset.file.path,
        .malformed(object: dataset.path, expected: "numbers", found: dataset.type.description))
    }
    let shape = try Shape(dataset.shape)
    self.init(
      layer: layer, name: name, path: dataset.path, elementType: type, shape: shape,
      byteCount: try shape.byteCount(of: type))
  }
}
