internal import ModelCore

/// Where and how the elements of an array lie in a stream.
struct ArrayLayout {
  let element: StoredElement
  let shape: Shape
  let rowShape: Shape
  let isBigEndian: Bool
  let isFortranOrder: Bool
  /// Where the elements begin, in bytes.
  let dataOffset: Int
  /// The size of all elements.
  let byteCount: Int

  /// - Throws: `ShapeError.tooManyElements` when the size does not fit an `Int`.
  init(
    element: StoredElement, shape: Shape, isBigEndian: Bool, isFortranOrder: Bool = false,
    dataOffset: Int
  ) throws(ShapeError) {
    let (bytes, overflow) = shape.elementCount.multipliedReportingOverflow(by: element.byteCount)
    guard !overflow else { throw .tooManyElements(shape.dimensions) }
    self.element = element
    self.shape = shape
    self.isBigEndian = isBigEndian
    self.isFortranOrder = isFortranOrder
    self.dataOffset = dataOffset
    byteCount = bytes
    rowShape = try Shape(Array(shape.dimensions.dropFirst()))
    // With no rows, or with empty text, one row's size is bounded by nothing else.
    guard !rowShape.elementCount.multipliedReportingOverflow(by: element.byteCount).overflow
    else { throw .tooManyElements(shape.dimensions) }
  }

  typealias Read = (_ offset: Int, _ buffer: UnsafeMutableRawBufferPointer) throws -> Void

  /// Reads rows of an array whose first axis varies fastest.
  ///
  /// For shape `[N, D1, ... Dk]` element `(n, d1, ... dk)` lies at
  /// `n + N (d1 + D1 (d2 + ...))`: one column of N elements for every place in a row.
  func readTransposed(
    _ rows: Range<Int>, into bytes: UnsafeMutableRawBufferPointer, from read: Read
  ) throws {
    let size = element.byteCount
    let total = shape.dimensions.first ?? 1
    let columns = rowShape.elementCount
    let isWhole = rows.count == total
    let perRead = isWhole ? max(1, (1 << 20) / max(1, total * size)) : 1
    var buffer = [UInt8](repeating: 0, count: min(perRead, columns) * rows.count * size)
    var place = FortranOrder(rowShape.dimensions)
    var column = 0
    while column < columns {
      let count = min(perRead, columns - column)
      let offset = dataOffset + (column * total + rows.lowerBound) * size
      try buffer.withUnsafeMutableBytes { raw in
        let part = UnsafeMutableRawBufferPointer(rebasing: raw[..<(count * rows.count * size)])
        try read(offset, part)
        for index in 0..<count {
          let source = UnsafeRawBufferPointer(
            rebasing: part[(index * rows.count * size)..<((index + 1) * rows.count * size)])
          scatter(source, into: bytes, at: place.rowMajorIndex, stride: columns, size: size)
          place.advance()
        }
      }
      column += count
    }
  }

  /// Puts the elements of one column in their places in the rows.
  private func scatter(
    _ source: UnsafeRawBufferPointer, into bytes: UnsafeMutableRawBufferPointer, at place: Int,
    stride: Int, size: Int
  ) {
    switch size {
    case 1: scatter(source, into: bytes, at: place, stride: stride, as: UInt8.self)
    case 2: scatter(source, into: bytes, at: place, stride: stride, as: UInt16.self)
    case 4: scatter(source, into: bytes, at: place, stride: stride, as: UInt32.self)
    case 8: scatter(source, into: bytes, at: place, stride: stride, as: UInt64.self)
    default:
      for row in 0..<(size == 0 ? 0 : source.count / size) {
        let target = (row * stride + place) * size
        UnsafeMutableRawBufferPointer(rebasing: bytes[target..<target + size])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[row * size..<(row + 1) * size]))
      }
    }
  }

  private func scatter<Bits: FixedWidthInteger>(
    _ source: UnsafeRawBufferPointer, into bytes: UnsafeMutableRawBufferPointer, at place: Int,
    stride: Int, as: Bits.Type
  ) {
    let size = MemoryLayout<Bits>.size
    for row in 0..<source.count / size {
      bytes.storeBytes(
        of: source.loadUnaligned(fromByteOffset: row * size, as: Bits.self),
        toByteOffset: (row * stride + place) * size, as: Bits.self)
    }
  }
}

/// Walks the places of a row with its first axis fastest, as Fortran lays them out.
private struct FortranOrder {
  private let extents: [Int]
  private let strides: [Int]
  private var indices: [Int]
  /// The same place counted with the last axis fastest.
  private(set) var rowMajorIndex = 0

  init(_ extents: [Int]) {
    self.extents = extents
    var strides = [Int](repeating: 1, count: extents.count)
    for axis in extents.indices.dropLast().reversed() {
      strides[axis] = strides[axis + 1] * extents[axis + 1]
    }
    self.strides = strides
    indices = [Int](repeating: 0, count: extents.count)
  }

  mutating func advance() {
    for axis in extents.indices {
      indices[axis] += 1
      rowMajorIndex += strides[axis]
      if indices[axis] < extents[axis] { return }
      rowMajorIndex -= indices[axis] * strides[axis]
      indices[axis] = 0
    }
  }
}

/// Turns the bytes of every unit around.
func swapBytes(_ bytes: UnsafeMutableRawBufferPointer, size: Int) {
  switch size {
  case 2: swapBytes(bytes, as: UInt16.self)
  case 4: swapBytes(bytes, as: UInt32.self)
  case 8: swapBytes(bytes, as: UInt64.self)
  default: break
  }
}

private func swapBytes<Bits: FixedWidthInteger>(
  _ bytes: UnsafeMutableRawBufferPointer, as: Bits.Type
) {
  for offset in stride(from: 0, to: bytes.count, by: MemoryLayout<Bits>.size) {
    let value = bytes.loadUnaligned(fromByteOffset: offset, as: Bits.self)
    bytes.storeBytes(of: value.byteSwapped, toByteOffset: offset, as: Bits.self)
  }
}

extension StoredElement {
  /// One string, or nil when the bytes are not one. The scalars are little-endian.
  func text(_ item: ArraySlice<UInt8>) -> String? {
    switch self {
    case .number: return nil
    case .bytes:
      let end = item.lastIndex { $0 != 0 }.map { $0 + 1 } ?? item.startIndex
      return String(validating: item[..<end], as: UTF8.self)
    case .unicode:
      var scalars = String.UnicodeScalarView()
      var values: [UInt32] = []
      for start in stride(from: item.startIndex, to: item.endIndex, by: 4) {
        values.append((0..<4).reduce(0) { $0 | UInt32(item[start + $1]) << UInt32(8 * $1) })
      }
      while values.last == 0 { values.removeLast() }
      for value in values {
        guard let scalar = Unicode.Scalar(value) else { return nil }
        scalars.append(scalar)
      }
      return String(scalars)
    }
  }
}
