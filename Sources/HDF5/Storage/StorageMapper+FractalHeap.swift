extension StorageMapper {
  /// The sizes of the blocks of a heap: rows of equal blocks, each row's twice those of the one
  /// before, but for the first two.
  private struct HeapShape {
    let width: Int
    let first: Int
    let largest: Int
    let offsetWidth: Int

    func blockByteCount(row: Int) -> Int { row == 0 ? first : first << (row - 1) }

    var directRows: Int { Self.log2(largest) - Self.log2(first) + 2 }

    /// How many rows a block of blocks has.
    func rows(of byteCount: Int) -> Int {
      max(0, Self.log2(byteCount) - Self.log2(first * width) + 1)
    }

    static func log2(_ value: Int) -> Int { Int.bitWidth - 1 - max(1, value).leadingZeroBitCount }
  }

  /// Notes a heap of links or attributes.
  func mapFractalHeap(at address: UInt64) throws {
    guard isNew(address) else { return }
    let count = 26 + 12 * widths.length + 3 * widths.address
    var fields = try read(address, count)
    try fields.expect("FRHP")
    try fields.skip(3)
    guard try fields.count(2) == 0 else { throw StructureError.unknown("a packed heap") }
    try fields.skip(5 + widths.length)
    let huge = try fields.address()
    try fields.skip(widths.length)
    let free = try fields.address()
    try fields.skip(8 * widths.length)
    let width = try fields.count(2)
    let (first, largest) = (try fields.length(), try fields.length())
    let offsetWidth = (try fields.count(2) + 7) / 8
    try fields.skip(2)
    let root = try fields.address()
    let rows = try fields.count(2)
    try claim(address, count, .index)
    if huge != nil { throw StructureError.unknown("names or attributes too large for their heap") }
    if let free { try mapFreeSpace(at: free) }
    guard let root else { return }
    guard width > 0, first > 0, largest >= first, largest <= 1 << 40, rows < 64 else {
      throw StructureError.unknown("a heap of impossible sizes")
    }
    let shape = HeapShape(width: width, first: first, largest: largest, offsetWidth: offsetWidth)
    if rows == 0 {
      try mapHeapBlock(at: root, first)
    } else {
      try mapHeapBlocks(at: root, rows: rows, shape)
    }
  }

  private func mapHeapBlock(at address: UInt64, _ byteCount: Int) throws {
    guard isNew(address) else { return }
    var fields = try read(address, 4)
    try fields.expect("FHDB")
    try claim(address, byteCount, .index)
  }

  private func mapHeapBlocks(at address: UInt64, rows: Int, _ shape: HeapShape) throws {
    guard isNew(address) else { return }
    let prefix = 5 + widths.address + shape.offsetWidth
    let count = prefix + rows * shape.width * widths.address + 4
    var fields = try read(address, count)
    try fields.expect("FHIB")
    try fields.skip(prefix - 4)
    try claim(address, count, .index)
    for row in 0..<rows {
      let byteCount = shape.blockByteCount(row: row)
      for _ in 0..<shape.width {
        guard let child = try fields.address() else { continue }
        if row < shape.directRows {
          try mapHeapBlock(at: child, byteCount)
        } else {
          try mapHeapBlocks(at: child, rows: shape.rows(of: byteCount), shape)
        }
      }
    }
  }

  /// Notes a heap's list of its own free space.
  private func mapFreeSpace(at address: UInt64) throws {
    guard isNew(address) else { return }
    let count = 18 + 7 * widths.length + widths.address
    var fields = try read(address, count)
    try fields.expect("FSHD")
    try fields.skip(2 + 4 * widths.length + 8 + widths.length)
    let list = try fields.address()
    try fields.skip(widths.length)
    let size = try fields.length()
    try claim(address, count, .index)
    guard let list else { return }
    var sections = try read(list, 4)
    try sections.expect("FSSE")
    try claim(list, size, .index)
  }
}
