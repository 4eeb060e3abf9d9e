import ModelCore

/// Samples whose bytes follow from their row: byte `i` of row `n` is `n * 7 + i`.
final class GeneratedSource: SampleSource {
  struct Failure: Error, Equatable { let row: Int }

  let layout: SampleLayout
  private let usesDistributions: Bool
  private let failingRow: Int?
  /// The most rows that were asked for at once.
  private(set) var largestRead = 0

  init(
    count: Int, sampleShape: Shape, elementType: ElementType = .uint8, rowsPerBlock: Int = 3,
    usesDistributions: Bool = false, failingRow: Int? = nil
  ) {
    layout = SampleLayout(
      count: count, sampleShape: sampleShape, elementType: elementType, rowsPerBlock: rowsPerBlock,
      classCount: 3)
    self.usesDistributions = usesDistributions
    self.failingRow = failingRow
  }

  func readInputs(_ rows: Range<Int>, into bytes: UnsafeMutableRawBufferPointer) throws {
    largestRead = max(largestRead, rows.count)
    if let failingRow, rows.contains(failingRow) { throw Failure(row: failingRow) }
    for (index, row) in rows.enumerated() {
      for byte in 0..<layout.bytesPerSample {
        bytes[index * layout.bytesPerSample + byte] = UInt8(truncatingIfNeeded: row * 7 + byte)
      }
    }
  }

  func readTargets(_ rows: Range<Int>) throws -> Targets {
    if usesDistributions {
      return .distributions(
        rows.flatMap { row in (0..<3).map { $0 == row % 3 ? 0.5 : 0.25 } }, classCount: 3)
    }
    return .classes(rows.map { Int32($0 % 3) })
  }
}
