public import ModelCore

/// Samples held in memory, for tests.
public final class MemorySource: SampleSource {
  public let layout: SampleLayout
  private let inputs: [UInt8]
  private let targets: Targets
  /// How many times blocks of inputs were read.
  public private(set) var readCount = 0

  /// - Parameters:
  ///   - inputs: `[N, sampleShape]` in 32-bit floats.
  ///   - labels: `[N]`.
  public init(
    inputs: [Float], sampleShape: [Int], labels: [Int32], classCount: Int, rowsPerBlock: Int = 16,
    name: String = ""
  ) throws {
    let shape = try Shape(sampleShape)
    self.inputs = try Tensor(floats: inputs, shape: Shape([labels.count] + sampleShape)).bytes
    targets = .classes(labels)
    layout = SampleLayout(
      count: labels.count, sampleShape: shape, elementType: .float32, rowsPerBlock: rowsPerBlock,
      classCount: classCount, name: name)
  }

  public func readInputs(_ rows: Range<Int>, into bytes: UnsafeMutableRawBufferPointer) throws {
    readCount += 1
    let size = layout.bytesPerSample
    inputs.withUnsafeBytes { raw in
      bytes.copyMemory(
        from: UnsafeRawBufferPointer(
          rebasing: raw[rows.lowerBound * size..<rows.upperBound * size]))
    }
  }

  public func readTargets(_ rows: Range<Int>) throws -> Targets {
    guard case .classes(let labels) = targets else { return targets }
    return .classes(Array(labels[rows]))
  }
}
