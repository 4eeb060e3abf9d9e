internal import Foundation
public import ModelCore

/// Samples of a method's own making, or any rows of any source, to take steps on.
public final class GivenSamples: Hashable {
  /// What its random order is drawn for.
  public let name: String
  public let source: any SampleSource
  /// Ascending.
  public let rows: [Int]

  public init(_ name: String, _ source: any SampleSource, rows: [Int]) {
    self.name = name
    self.source = source
    self.rows = rows
  }

  public static func == (left: GivenSamples, right: GivenSamples) -> Bool { left === right }
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

/// Samples in memory, as the network reads them.
final class FloatSamples: SampleSource {
  let layout: SampleLayout
  /// `[N, E]`.
  private let inputs: [Float]
  private let labels: [Int32]

  /// - Parameters:
  ///   - inputs: `[N, E]`, already scaled.
  ///   - labels: `[N]`.
  init(_ inputs: [Float], shape: Shape, labels: [Int32], classCount: Int) {
    precondition(inputs.count == labels.count * shape.elementCount)
    self.inputs = inputs
    self.labels = labels
    layout = SampleLayout(
      count: labels.count, sampleShape: shape, elementType: .float32, rowsPerBlock: 64,
      classCount: classCount)
  }

  func readInputs(_ rows: Range<Int>, into bytes: UnsafeMutableRawBufferPointer) throws {
    let size = layout.sampleShape.elementCount
    inputs.withUnsafeBufferPointer { all in
      bytes.copyMemory(
        from: UnsafeRawBufferPointer(
          UnsafeBufferPointer(rebasing: all[(rows.lowerBound * size)..<(rows.upperBound * size)])))
    }
  }

  func readTargets(_ rows: Range<Int>) throws -> Targets { .classes(Array(labels[rows])) }
}
