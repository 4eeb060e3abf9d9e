internal import ModelCore

/// New values for a stored weight, in the weight's own type.
struct NewWeight {
  private let parameter: Parameter
  private let weight: StoredWeight
  private let checkpoint: Checkpoint

  init(_ parameter: Parameter, _ weight: StoredWeight, of checkpoint: Checkpoint) throws {
    guard parameter.shape == weight.shape else {
      throw CheckpointError(
        checkpoint.path,
        .weightShape(parameter.name, expected: weight.shape, found: parameter.shape))
    }
    guard parameter.values.allSatisfy(\.isFinite) else {
      throw CheckpointError(checkpoint.path, .notFinite(parameter.name))
    }
    self.parameter = parameter
    self.weight = weight
    self.checkpoint = checkpoint
  }

  /// The weight's new bytes, or nil when every number is what it was.
  ///
  /// A number that did not change keeps its bytes, which may say more than a 32-bit float can.
  func changedBytes() throws -> [UInt8]? {
    let old = try checkpoint.tensor(weight)
    let oldValues = old.floats
    let changed = oldValues.indices.filter {
      oldValues[$0].bitPattern != parameter.values[$0].bitPattern
    }
    guard !changed.isEmpty else { return nil }
    let overflow = CheckpointError(
      checkpoint.path, .overflow(parameter.name, weight.elementType))
    guard weight.elementType.isFloatingPoint else { throw overflow }
    let new = try Tensor(
      floats: changed.map { parameter.values[$0] }, shape: Shape(vector: changed.count),
      as: weight.elementType)
    guard new.floats.allSatisfy(\.isFinite) else { throw overflow }
    var bytes = old.bytes
    let width = weight.elementType.byteCount
    for (index, position) in changed.enumerated() {
      bytes.replaceSubrange(
        position * width..<(position + 1) * width,
        with: new.bytes[index * width..<(index + 1) * width])
    }
    return bytes
  }
}
