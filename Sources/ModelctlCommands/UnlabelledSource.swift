internal import Conversion
internal import ModelCore

/// Inputs without answers: every target is class 0, and nothing looks at it.
final class UnlabelledSource: SampleSource {
  let layout: SampleLayout
  private let inputs: NamedArray

  /// - Throws: `CommandError` when the rows are not samples of that shape.
  init(_ inputs: NamedArray, sampleShape: Shape, classCount: Int) throws {
    guard case .number(let type) = inputs.element, inputs.rowShape == sampleShape else {
      throw CommandError(
        .badInput,
        "\(inputs.file.quoted): expected numbers of shape [N"
          + sampleShape.dimensions.map { ", \($0)" }.joined() + "], found \(inputs.shape)")
    }
    self.inputs = inputs
    layout = SampleLayout(
      count: inputs.rowCount, sampleShape: sampleShape, elementType: type, rowsPerBlock: 256,
      classCount: classCount, name: inputs.file)
  }

  func readInputs(_ rows: Range<Int>, into bytes: UnsafeMutableRawBufferPointer) throws {
    try inputs.readRows(rows, into: bytes)
  }

  func readTargets(_ rows: Range<Int>) throws -> Targets {
    .classes(.init(repeating: 0, count: rows.count))
  }
}
