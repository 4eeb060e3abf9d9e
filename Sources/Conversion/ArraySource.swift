public import ModelCore
internal import Zip

/// Samples whose inputs and targets are arrays of foreign files.
///
/// Shapes, with N the samples and C the classes: inputs `[N, ...]`; targets `[N]` or `[N, 1]` class
/// indices of an integer type, or `[N, C]` floats. Nothing is kept in memory.
public final class ArraySource: SampleSource {
  public let layout: SampleLayout
  private let inputs: NamedArray
  private let labels: NamedArray
  private let hasClasses: Bool
  /// How many bytes are worth reading at once.
  private static let blockSize = 1 << 18

  /// - Parameters:
  ///   - inputs: numbers of any type.
  ///   - labels: one target for every row of `inputs`.
  ///   - sampleShape: how to see one sample, with as many elements as a row has, such as
  ///     `[28, 28, 1]` for a row `[28, 28]`; the row's own shape when nil.
  ///   - scale: model input = stored value * scale + offset; one value, or one for each channel.
  ///   - offset: as `scale`.
  ///   - classCount: the highest class index plus one, or C, when nil.
  /// - Throws: `ConversionError` when the arrays do not go together, and for the first row whose
  ///   class index lies outside `0..<classCount`.
  public init(
    inputs: NamedArray, labels: NamedArray, sampleShape: Shape? = nil, scale: [Float] = [1],
    offset: [Float] = [0], classCount: Int? = nil
  ) throws {
    guard case .number(let type) = inputs.element, !inputs.shape.dimensions.isEmpty else {
      throw inputs.failure(
        .mismatch(expected: "numbers of shape [N, ...]", found: inputs.found))
    }
    let shape = sampleShape ?? inputs.rowShape
    guard shape.elementCount == inputs.rowShape.elementCount else {
      throw inputs.failure(
        .mismatch(
          expected: "samples of shape \(shape), \(shape.elementCount) elements each",
          found: "\(inputs.rowShape), \(inputs.rowShape.elementCount) elements"))
    }
    let channels = shape.dimensions.last ?? 1
    for (name, values) in [("scale", scale), ("offset", offset)] {
      guard values.count == 1 || values.count == channels, values.allSatisfy(\.isFinite) else {
        throw inputs.failure(
          .mismatch(
            expected: "1 or \(channels) finite values of \(name)", found: "\(values)"))
      }
    }
    hasClasses = try Self.holdsClasses(labels, for: inputs)
    let classes = try Self.countClasses(labels, hasClasses: hasClasses, expected: classCount)
    self.inputs = inputs
    self.labels = labels
    layout = SampleLayout(
      count: inputs.rowCount, sampleShape: shape, elementType: type,
      rowsPerBlock: max(1, Self.blockSize / max(1, inputs.bytesPerRow)), scale: scale,
      offset: offset, classCount: classes, name: inputs.file)
  }

  public func readInputs(_ rows: Range<Int>, into bytes: UnsafeMutableRawBufferPointer) throws {
    try inputs.readRows(rows, into: bytes)
  }

  public func readTargets(_ rows: Range<Int>) throws -> Targets {
    let tensor = try Self.rows(rows, of: labels)
    guard hasClasses else {
      return .distributions(try finite(tensor, rows), classCount: layout.classCount)
    }
    return .classes(try Self.classes(tensor, rows, of: labels, below: layout.classCount))
  }

  private func finite(_ tensor: Tensor, _ rows: Range<Int>) throws -> [Float] {
    let values = tensor.floats
    if let index = values.firstIndex(where: { !$0.isFinite }) {
      throw labels.failure(
        .mismatch(
          expected: "finite targets",
          found: "a NaN or an infinity in row \(rows.lowerBound + index / layout.classCount)"))
    }
    return values
  }
}

extension ArraySource {
  private static func holdsClasses(_ labels: NamedArray, for inputs: NamedArray) throws -> Bool {
    let extents = labels.shape.dimensions
    let isVector = extents.count == 1 || (extents.count == 2 && extents[1] == 1)
    switch labels.element {
    case .number(let type) where !type.isFloatingPoint && isVector: break
    case .number(let type) where type.isFloatingPoint && extents.count == 2 && extents[1] > 1: break
    default:
      throw labels.failure(
        .mismatch(
          expected: "integer class indices [N] or float targets [N, C]", found: labels.found))
    }
    guard labels.rowCount == inputs.rowCount else {
      throw labels.failure(
        .mismatch(
          expected: "\(inputs.rowCount) rows, as many as \(quoted(inputs.name)) has",
          found: "\(labels.rowCount)"))
    }
    return isVector
  }

  /// Reads every class index once, so that a bad one is found before any work is done.
  private static func countClasses(
    _ labels: NamedArray, hasClasses: Bool, expected: Int?
  ) throws -> Int {
    if let expected, expected < 1 || expected > Int(Int32.max) {
      throw labels.failure(
        .mismatch(expected: "from 1 to \(Int32.max) classes", found: "\(expected)"))
    }
    guard hasClasses else {
      let found = labels.shape.dimensions[1]
      guard found == expected ?? found else {
        throw labels.failure(
          .mismatch(expected: "targets for \(expected ?? found) classes", found: "\(found)"))
      }
      return found
    }
    var highest: Int32 = 0
    for start in stride(from: 0, to: labels.rowCount, by: blockSize) {
      let block = start..<min(start + blockSize, labels.rowCount)
      let found = try classes(
        rows(block, of: labels), block, of: labels, below: expected ?? Int(Int32.max))
      highest = max(highest, found.max() ?? 0)
    }
    return expected ?? Int(highest) + 1
  }

  private static func rows(_ rows: Range<Int>, of array: NamedArray) throws -> Tensor {
    guard case .number(let type) = array.element else {
      throw array.failure(.mismatch(expected: "numbers", found: "text"))
    }
    var bytes = [UInt8](repeating: 0, count: rows.count * array.bytesPerRow)
    try bytes.withUnsafeMutableBytes { try array.readRows(rows, into: $0) }
    return try Tensor(
      elementType: type, shape: Shape([rows.count, array.rowShape.elementCount]), bytes: bytes)
  }

  private static func classes(
    _ tensor: Tensor, _ rows: Range<Int>, of labels: NamedArray, below count: Int
  ) throws -> [Int32] {
    func misfit(row: Int?) -> ConversionError {
      let place = row.map { " in row \($0)" } ?? ""
      return labels.failure(
        .mismatch(
          expected: "class indices within 0..<\(count)", found: "one outside it\(place)"))
    }
    guard let integers = tensor.integers else { throw misfit(row: nil) }
    return try integers.enumerated().map { index, value in
      guard value >= 0, value < Int64(count) else { throw misfit(row: rows.lowerBound + index) }
      return Int32(value)
    }
  }
}

extension NamedArray {
  /// The type and shape, for a message.
  var found: String {
    switch element {
    case .number(let type): "\(type.rawValue) of shape \(shape)"
    case .text: "text of shape \(shape)"
    }
  }
}
