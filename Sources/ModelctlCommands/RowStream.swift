internal import Comparison
internal import ModelCore

/// The elements of an array that is read by rows, in order.
final class RowStream: ElementStream {
  let elementType: ElementType
  let elementCount: Int
  private let rowCount: Int
  private let bytesPerRow: Int
  private let rowsPerBlock: Int
  private let readRows: (Range<Int>, UnsafeMutableRawBufferPointer) throws -> Void
  private var nextRow = 0
  /// Rows that were read and not yet handed on, as a row may be larger than what is asked for.
  private var buffer: [UInt8] = []
  private var position = 0

  /// - Parameters:
  ///   - rowsPerBlock: how many rows are worth reading together.
  ///   - readRows: reads neighbouring rows into a buffer of exactly their size.
  init(
    elementType: ElementType, shape: Shape, rowsPerBlock: Int,
    readRows: @escaping (Range<Int>, UnsafeMutableRawBufferPointer) throws -> Void
  ) throws {
    self.elementType = elementType
    elementCount = shape.elementCount
    rowCount = shape.dimensions.first ?? 1
    bytesPerRow = rowCount > 0 ? try shape.byteCount(of: elementType) / rowCount : 0
    self.rowsPerBlock = max(1, rowsPerBlock)
    self.readRows = readRows
  }

  func read(into bytes: UnsafeMutableRawBufferPointer) throws {
    var filled = 0
    while filled < bytes.count {
      if position < buffer.count {
        filled += hand(to: UnsafeMutableRawBufferPointer(rebasing: bytes[filled...]))
        continue
      }
      let whole = bytesPerRow > 0 ? (bytes.count - filled) / bytesPerRow : 0
      guard nextRow < rowCount else {
        throw StreamError(requested: bytes.count, left: filled)
      }
      if whole > 0 {
        let rows = nextRow..<min(rowCount, nextRow + whole)
        let size = rows.count * bytesPerRow
        try readRows(rows, UnsafeMutableRawBufferPointer(rebasing: bytes[filled..<filled + size]))
        nextRow = rows.upperBound
        filled += size
      } else {
        try fillBuffer()
      }
    }
  }

  private func hand(to bytes: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(bytes.count, buffer.count - position)
    buffer.withUnsafeBytes { raw in
      bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: raw[position..<position + count]))
    }
    position += count
    return count
  }

  private func fillBuffer() throws {
    let rows = nextRow..<min(rowCount, nextRow + rowsPerBlock)
    if buffer.count != rows.count * bytesPerRow {
      buffer = [UInt8](repeating: 0, count: rows.count * bytesPerRow)
    }
    try buffer.withUnsafeMutableBytes { try readRows(rows, $0) }
    nextRow = rows.upperBound
    position = 0
  }
}
