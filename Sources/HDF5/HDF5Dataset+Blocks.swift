extension HDF5Dataset {
  /// Hands over all elements, some rows at a time.
  ///
  /// - Parameters:
  ///   - rowsPerBlock: how many rows at most; nil for as many as fit a few megabytes.
  ///   - body: gets the rows and their bytes, which are good until it returns.
  public func forEachBlock(
    rowsPerBlock: Int? = nil, _ body: (Range<Int>, UnsafeRawBufferPointer) throws -> Void
  ) throws {
    guard description.elementCount > 0 else { return }
    let rowsPerBlock = try rowsPerBlock ?? blockRows()
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: try bufferByteCount(rows: min(rowsPerBlock, rowCount)), alignment: 64)
    defer { buffer.deallocate() }
    for start in stride(from: 0, to: rowCount, by: rowsPerBlock) {
      let rows = start..<min(start + rowsPerBlock, rowCount)
      let part = UnsafeMutableRawBufferPointer(
        rebasing: buffer.prefix(try byteCount(rows: rows.count)))
      try read(rows, into: part)
      try body(rows, UnsafeRawBufferPointer(part))
    }
  }

  /// Whole chunks that together take a few megabytes, or a part of one that would take far more.
  public func blockRows() throws -> Int {
    let rowBytes = max(1, try byteCount(rows: 1))
    let rows = max(1, (8 << 20) / rowBytes)
    let chunk = max(1, description.rowsPerChunk)
    guard chunk <= (256 << 20) / rowBytes else { return rows }
    return rows > chunk ? rows / chunk * chunk : chunk
  }

  /// Hands over all strings, some rows at a time.
  public func forEachStringBlock(_ body: (Range<Int>, [String]) throws -> Void) throws {
    let count = description.elementCount
    for start in stride(from: 0, to: count, by: 4096) {
      let rows = start..<min(start + 4096, count)
      try body(rows, try strings(rows))
    }
  }

  /// Whether the elements are strings, of whatever form.
  public var holdsStrings: Bool {
    switch type {
    case .variableString, .fixedString: true
    default: false
    }
  }
}
