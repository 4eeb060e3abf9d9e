/// Follows a file's structures and notes where each of them lies.
final class StorageMapper {
  let file: HDF5File
  let raw: RawFile
  var map: StorageMap
  /// Where the superblock starts, from which addresses count.
  private let base: Int
  private(set) var widths = FieldReader.Widths(address: 8, length: 8)
  /// Half of how many entries the nodes of old trees have room for.
  var (groupLeafK, groupInternalK, chunkK) = (4, 16, 32)
  /// What was looked at; a damaged file may lead to one place again and again.
  private var visited: Set<UInt64> = []
  private var owner: Int32 = 0

  /// - Parameter raw: the bytes to look at; nil for those of the file.
  init(_ file: HDF5File, raw: RawFile? = nil) throws {
    self.file = file
    self.raw = try raw ?? RawFile(of: file)
    let raw = self.raw
    base = try raw.signatureOffset()
    map = StorageMap(fileByteCount: raw.byteCount)
  }

  func run(_ checkInterruption: () throws -> Void) throws -> StorageMap {
    map.owners = file.paths.sorted()
    if base > 0 { note(0..<base, .userBlock) }
    try following("/") { try mapSuperblock() }
    for (index, path) in map.owners.enumerated() {
      try checkInterruption()
      owner = Int32(clamping: index)
      let address = try file.address(of: path)
      try following(path) { try mapObject(path, at: address) }
    }
    map.unlocatedByteCount += try file.bookkeepingByteCount()
    map.settle()
    try mapStrings(checkInterruption)
    map.settle()
    try map.countNotZero(in: raw)
    return map
  }

  /// Notes what cannot be followed and goes on: the rest of the map is still worth having.
  private func following(_ path: String, _ body: () throws -> Void) throws {
    do { try body() } catch let error as StructureError {
      map.problems.append((path, error.description))
    }
  }

  // MARK: Reading

  /// A part of the file at an address.
  func read(_ address: UInt64, _ count: Int) throws -> FieldReader {
    let range = try range(address, count)
    return FieldReader(try raw.bytes(range)[...], widths)
  }

  func range(_ address: UInt64, _ count: Int) throws(StructureError) -> Range<Int> {
    guard let offset = Int(exactly: address), count >= 0, offset <= raw.byteCount - base,
      count <= raw.byteCount - base - offset
    else { throw .unknown("an address beyond the end of the file") }
    return base + offset..<base + offset + count
  }

  /// Whether a structure is met for the first time.
  func isNew(_ address: UInt64) -> Bool { visited.insert(address).inserted }

  func claim(_ address: UInt64, _ count: Int, _ use: StorageMap.Use) throws {
    note(try range(address, count), use)
  }

  func note(_ range: Range<Int>, _ use: StorageMap.Use) {
    guard !range.isEmpty else { return }
    // Chunks that lie side by side are one extent; a large split has many.
    if let last = map.extents.last, last.use == use, last.owner == owner,
      last.range.upperBound == range.lowerBound
    {
      map.extents[map.extents.count - 1] = .init(
        range: last.range.lowerBound..<range.upperBound, use: use, owner: owner)
    } else {
      map.extents.append(.init(range: range, use: use, owner: owner))
    }
  }

  // MARK: Superblock

  private func mapSuperblock() throws {
    var head = try read(0, min(100, raw.byteCount - base))
    try head.skip(8)
    let version = try head.count(1)
    guard version < 2 else { return try mapNewSuperblock(head) }
    try head.skip(4)
    widths = .init(address: try head.count(1), length: try head.count(1))
    try head.skip(1)
    (groupLeafK, groupInternalK) = (try head.count(2), try head.count(2))
    try head.skip(4)
    if version == 1 {
      chunkK = try head.count(2)
      try head.skip(2)
    }
    let root = 2 * widths.address + 24
    try claim(0, head.position + 4 * widths.address + root, .superblock)
  }

  private func mapNewSuperblock(_ head: FieldReader) throws {
    var head = head
    widths = .init(address: try head.count(1), length: try head.count(1))
    try head.skip(1)
    head = FieldReader(head.bytes[head.position...], widths)
    try head.skip(widths.address)
    let more = try head.address()
    try head.skip(2 * widths.address + 4)
    try claim(0, head.position, .superblock)
    if let more { try mapHeader(at: more).forEach { try mapSuperblockMessage($0) } }
  }

  private func mapSuperblockMessage(_ message: HeaderMessage) throws {
    guard message.kind == .treeSizes else { return }
    var fields = FieldReader(message.bytes, widths)
    try fields.skip(1)
    chunkK = try fields.count(2)
    groupInternalK = try fields.count(2)
    groupLeafK = try fields.count(2)
  }
}

extension HDF5File {
  /// Finds out which bytes of the file are in use.
  ///
  /// Reads the file's structures, and all strings of variable length, a block at a time.
  ///
  /// - Throws: `HDF5Error` when the file cannot be read, and what `checkInterruption` throws.
  public func storageMap(_ checkInterruption: () throws -> Void = {}) throws -> StorageMap {
    try StorageMapper(self).run(checkInterruption)
  }
}
