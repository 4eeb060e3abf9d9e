internal import HDF5
internal import ModelCore

/// Streams a split's samples from a file.
final class StoredSamples: SampleSource {
  let layout: SampleLayout
  private let split: StoredSplit
  private let inputs: HDF5Dataset
  private let targets: HDF5Dataset
  private let targetType: ElementType
  private let path: String

  init(_ split: StoredSplit, of file: HDF5File) throws {
    self.split = split
    layout = split.layout
    path = file.path
    inputs = try file.dataset(at: HDF5File.path(split.path, FormatPaths.inputs))
    targets = try file.dataset(at: HDF5File.path(split.path, FormatPaths.targets))
    targetType = try ElementType(of: targets) ?? .float32
  }

  func readInputs(_ rows: Range<Int>, into bytes: UnsafeMutableRawBufferPointer) throws {
    try CheckpointError.naming(path) { try inputs.read(rows, into: bytes) }
  }

  func readTargets(_ rows: Range<Int>) throws -> Targets {
    let tensor = try CheckpointError.naming(path) {
      try Tensor(
        elementType: targetType, shape: Shape([rows.count] + targets.shape.dropFirst()),
        bytes: targets.bytes(rows))
    }
    guard split.hasClassIndices else {
      let values = tensor.floats
      guard values.allSatisfy({ $0.isFinite && $0 >= 0 }) else {
        throw CheckpointError(
          path,
          .malformed(
            object: targets.path, expected: "probabilities",
            found: "a negative number, a NaN or an infinity in rows \(rows)"))
      }
      return .distributions(values, classCount: layout.classCount)
    }
    return .classes(try classes(tensor, from: rows.lowerBound))
  }

  private func classes(_ tensor: Tensor, from start: Int) throws -> [Int32] {
    let known = 0..<Int64(layout.classCount)
    // Whatever does not fit 64 bits is out of range as well.
    guard let values = tensor.integers else {
      throw CheckpointError(
        path,
        .classOutOfRange(split: split.name, row: start, classCount: layout.classCount))
    }
    return try values.enumerated().map { index, value in
      guard known.contains(value), let result = Int32(exactly: value) else {
        throw CheckpointError(
          path,
          .classOutOfRange(
            split: split.name, row: start + index, classCount: layout.classCount))
      }
      return result
    }
  }
}
