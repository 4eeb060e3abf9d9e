public import ModelCore

/// The chosen rows of a source, grouped by the blocks that they are stored in.
///
/// A block is read whole or not at all: in a compressed file part of it costs as much as all.
struct SampleBlocks {
  /// Chosen rows, ascending.
  let rows: [Int32]
  /// For each block that holds a chosen row, where its rows are in `rows`.
  let blocks: [Range<Int>]
  let layout: SampleLayout
  private let source: any SampleSource

  /// - Throws: `SampleError.row` when a row is outside the source, `SampleError.order` unless
  ///   rows ascend, `SampleError.empty` when there are none.
  init(_ source: any SampleSource, rows chosen: [Int]?) throws {
    self.source = source
    layout = source.layout
    rows = try Self.checked(chosen, count: layout.count)
    let rowsPerBlock = Int32(clamping: max(1, layout.rowsPerBlock))
    var blocks: [Range<Int>] = []
    var start = 0
    for index in rows.indices {
      let isLast = index + 1 == rows.count
      if isLast || rows[index + 1] / rowsPerBlock != rows[index] / rowsPerBlock {
        blocks.append(start..<index + 1)
        start = index + 1
      }
    }
    self.blocks = blocks
  }

  private static func checked(_ chosen: [Int]?, count: Int) throws -> [Int32] {
    guard count <= Int(Int32.max) else { throw SampleError.tooMany(count: count) }
    guard let chosen else {
      guard count > 0 else { throw SampleError.empty }
      return (0..<Int32(count)).map { $0 }
    }
    guard !chosen.isEmpty else { throw SampleError.empty }
    var last = -1
    for row in chosen {
      guard row > last else { throw SampleError.order(row, after: last) }
      guard row < count else { throw SampleError.row(row, count: count) }
      last = row
    }
    return chosen.map(Int32.init)
  }

  /// The bytes of all chosen rows.
  var byteCount: Int { rows.count * layout.bytesPerSample }

  /// The most rows that one block spans, chosen or not.
  var longestSpan: Int { blocks.map { span(of: $0).count }.max() ?? 0 }

  /// The stored rows from the first chosen one of a block to its last.
  func span(of block: Range<Int>) -> Range<Int> {
    Int(rows[block.lowerBound])..<Int(rows[block.upperBound - 1]) + 1
  }

  /// Reads a block's span; `scratch` holds at least `longestSpan` samples.
  func read(_ block: Range<Int>, into scratch: UnsafeMutableRawBufferPointer) throws -> Targets {
    let span = span(of: block)
    let bytes = UnsafeMutableRawBufferPointer(
      rebasing: scratch[0..<span.count * layout.bytesPerSample])
    try source.readInputs(span, into: bytes)
    return try source.readTargets(span)
  }
}

/// Samples that cannot be had as they were asked for.
public enum SampleError: Error, Hashable, Sendable, CustomStringConvertible {
  case empty
  case tooMany(count: Int)
  case row(Int, count: Int)
  case order(Int, after: Int)
  case label(Int32, row: Int, classCount: Int)
  case shape(expected: Shape, found: Shape)
  /// A sample with a NaN or an infinity, which a ReLU might make look like any other. `element`
  /// counts from zero, row-major.
  case notFinite(Float, row: Int, element: Int, split: String)

  public var description: String {
    switch self {
    case .empty: "there are no samples to read"
    case .tooMany(let count): "\(count) samples are more than one split may hold (2^31 - 1)"
    case .row(let row, let count): "row \(row) is outside the split's \(count) samples"
    case .order(let row, let last): "row \(row) comes after row \(last); rows must ascend"
    case .notFinite(let value, let row, let element, let split):
      "row \(row)" + (split.isEmpty ? "" : " of '\(split)'")
        + " is \(value) at element \(element); samples have to be finite numbers"
    case .shape(let expected, let found):
      "the samples do not fit the model: it takes \(expected), they are \(found)"
    case .label(let label, let row, let classCount):
      "row \(row) has class \(label), the model tells \(classCount) classes apart"
    }
  }
}
