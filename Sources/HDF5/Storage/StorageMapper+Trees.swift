// Trees of versions 1 and 2, and the heaps of names that belong to groups.

extension StorageMapper {
  private struct Node {
    let level: Int
    let entryCount: Int
    var fields: FieldReader
  }

  /// The start of a node of an old tree.
  ///
  /// - Parameter level: what the node above expects; nil at the top.
  private func node(
    at address: UInt64, type: Int, level: Int?, byteCount: Int
  ) throws -> Node {
    try claim(address, byteCount, .index)
    var fields = try read(address, byteCount)
    try fields.expect("TREE")
    guard try fields.count(1) == type else {
      throw StructureError.unknown("a tree of another type")
    }
    let found = try fields.count(1)
    guard level == nil || found == level else {
      throw StructureError.unknown("a tree that is not level")
    }
    let count = try fields.count(2)
    try fields.skip(2 * widths.address)
    return Node(level: found, entryCount: count, fields: fields)
  }

  private func nodeByteCount(k: Int, keyWidth: Int) -> Int {
    8 + 2 * widths.address + (2 * k + 1) * keyWidth + 2 * k * widths.address
  }

  func mapGroupTree(at address: UInt64, level: Int?) throws {
    guard isNew(address) else { return }
    let key = widths.length
    var node = try node(
      at: address, type: 0, level: level,
      byteCount: nodeByteCount(k: groupInternalK, keyWidth: key))
    for _ in 0..<node.entryCount {
      try node.fields.skip(key)
      guard let child = try node.fields.address() else { continue }
      if node.level > 0 {
        try mapGroupTree(at: child, level: node.level - 1)
      } else if isNew(child) {
        var symbols = try read(child, 4)
        try symbols.expect("SNOD")
        try claim(child, 8 + 2 * groupLeafK * (2 * widths.address + 24), .index)
      }
    }
  }

  /// - Parameter rank: how many numbers a key has, one more than the dataset has axes.
  func mapChunkTree(at address: UInt64, rank: Int, level: Int?) throws {
    guard isNew(address) else { return }
    let key = 8 + 8 * rank
    var node = try node(
      at: address, type: 1, level: level, byteCount: nodeByteCount(k: chunkK, keyWidth: key))
    for _ in 0..<node.entryCount {
      let stored = try node.fields.count(4)
      try node.fields.skip(key - 4)
      guard let child = try node.fields.address() else { continue }
      if node.level > 0 {
        try mapChunkTree(at: child, rank: rank, level: node.level - 1)
      } else {
        try claim(child, stored, .data)
      }
    }
  }

  func mapLocalHeap(at address: UInt64) throws {
    guard isNew(address) else { return }
    let count = 8 + 2 * widths.length + widths.address
    var fields = try read(address, count)
    try fields.expect("HEAP")
    try fields.skip(4)
    let size = try fields.length()
    try fields.skip(widths.length)
    try claim(address, count, .index)
    if let data = try fields.address() { try claim(data, size, .index) }
  }

  // MARK: Version 2

  /// Notes the heap and the trees of links or attributes that are too many for a header.
  ///
  /// - Parameter orderWidth: the width of the largest number in creation order.
  func mapDense(_ fields: inout FieldReader, orderWidth: Int) throws {
    try fields.skip(1)
    let flags = try fields.count(1)
    if flags & 1 != 0 { try fields.skip(orderWidth) }
    if let heap = try fields.address() { try mapFractalHeap(at: heap) }
    if let names = try fields.address() { try mapTree(at: names) }
    if flags & 2 != 0, let order = try fields.address() { try mapTree(at: order) }
  }

  /// How the nodes of a newer tree are built.
  private struct TreeShape {
    let nodeByteCount: Int
    let recordByteCount: Int
    /// For each depth, how many bytes tell how many records lie below a node of it.
    var totalWidths: [Int] = [0]
    let countWidth: Int

    init(nodeByteCount: Int, recordByteCount: Int, depth: Int, addressWidth: Int) {
      self.nodeByteCount = nodeByteCount
      self.recordByteCount = recordByteCount
      let room = nodeByteCount - 10
      let leaf = max(1, room / recordByteCount)
      countWidth = Self.width(leaf)
      var total = leaf
      for level in 1..<max(1, depth) + 1 {
        let pointer = addressWidth + countWidth + totalWidths[level - 1]
        let most = max(1, (room - pointer) / (recordByteCount + pointer))
        total = (most + 1).multipliedReportingOverflow(by: total).partialValue &+ most
        totalWidths.append(Self.width(total))
      }
    }

    /// The bytes that a number up to a limit takes.
    private static func width(_ limit: Int) -> Int {
      (Int.bitWidth - 1 - max(1, limit).leadingZeroBitCount) / 8 + 1
    }
  }

  func mapTree(at address: UInt64) throws {
    guard isNew(address) else { return }
    let count = 16 + widths.address + 2 + widths.length + 4
    var fields = try read(address, count)
    try fields.expect("BTHD")
    try fields.skip(2)
    let nodeByteCount = try fields.count(4)
    let recordByteCount = try fields.count(2)
    let depth = try fields.count(2)
    try fields.skip(2)
    try claim(address, count, .index)
    guard let root = try fields.address() else { return }
    let records = try fields.count(2)
    guard depth < 32, recordByteCount > 0, nodeByteCount > 10 else {
      throw StructureError.unknown("a tree of impossible sizes")
    }
    let shape = TreeShape(
      nodeByteCount: nodeByteCount, recordByteCount: recordByteCount, depth: depth,
      addressWidth: widths.address)
    try mapTreeNode(at: root, depth: depth, records: records, shape)
  }

  private func mapTreeNode(
    at address: UInt64, depth: Int, records: Int, _ shape: TreeShape
  ) throws {
    guard isNew(address) else { return }
    try claim(address, shape.nodeByteCount, .index)
    var fields = try read(address, shape.nodeByteCount)
    guard depth > 0 else { return try fields.expect("BTLF") }
    try fields.expect("BTIN")
    try fields.skip(2 + records * shape.recordByteCount)
    for _ in 0..<records + 1 {
      let child = try fields.address()
      let count = try fields.count(shape.countWidth)
      if depth > 1 { try fields.skip(shape.totalWidths[depth - 1]) }
      if let child { try mapTreeNode(at: child, depth: depth - 1, records: count, shape) }
    }
  }
}
