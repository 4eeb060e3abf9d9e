internal import HDF5
internal import ModelCore

/// Copies a dataset, perhaps without some of its rows.
///
/// Whole chunks in which nothing changes are taken over as they are stored. All others are packed
/// anew, and so is the last one where it is larger than its rows: no removed row, and no padding
/// that once held one, gets into the new file.
struct ColumnCopy {
  private let source: HDF5Dataset
  private let type: ElementType?
  private let removal: RowRemoval
  private let checkInterruption: () throws -> Void

  /// What came of a column.
  struct Result {
    let before: Manifest.Entry
    let after: Manifest.Entry
    let written: WrittenColumn
  }

  /// - Parameters:
  ///   - type: what the elements are, where the dataset alone does not tell.
  ///   - removed: rows of the dataset, each once.
  init(
    _ source: HDF5Dataset, type: ElementType? = nil, removing removed: some Collection<Int> = [],
    checkInterruption: @escaping () throws -> Void
  ) {
    self.source = source
    self.type = type
    self.checkInterruption = checkInterruption
    removal = RowRemoval(removed, of: source.rowCount)
  }

  /// Copies the column without looking at it; nothing is unpacked that need not be.
  func copy(into group: HDF5Group, as name: String) throws {
    let target = try makeTarget(in: group, name)
    guard target.description.elementCount > 0 else { return }
    var chunk = HDF5Dataset.Chunk()
    let wholeChunks = target.description.hasChunksOfWholeRows
    let step = try wholeChunks ? target.description.rowsPerChunk : source.blockRows()
    for start in stride(from: 0, to: source.rowCount, by: max(1, step)) {
      try checkInterruption()
      let rows = start..<min(start + step, source.rowCount)
      if isKept(rows, in: target), try source.readChunk(atRow: start, into: &chunk) {
        try target.write(chunk, atRow: start)
      } else {
        try source.bytes(rows).withUnsafeBytes { try target.write(rows, from: $0) }
      }
    }
  }

  /// Copies the column and says what it was and is.
  func run(into group: HDF5Group, as name: String) throws -> Result {
    let target = try makeTarget(in: group, name)
    var digests = try Digests(source, type, removal)
    var written = WrittenColumn(target, from: source)
    if source.type != .variableString {
      try RowStream(source).forEachBlock(checkInterruption) { block in
        if !source.holdsStrings {
          digests.before.update(UnsafeRawBufferPointer(block.bytes))
        }
        let rows = block.rows.clamped(to: 0..<removal.remaining)
        guard !rows.isEmpty else { return }
        try write(rows, of: block, to: target, &written)
        if !source.holdsStrings { digests.updateAfter(UnsafeRawBufferPointer(block[rows])) }
      }
    }
    if source.holdsStrings { try copyStrings(to: target, &digests) }
    return Result(
      before: digests.before.entry(at: source.path), after: digests.after.entry(at: target.path),
      written: written)
  }

  private func makeTarget(in group: HDF5Group, _ name: String) throws -> HDF5Dataset {
    let target = try group.createDataset(name, like: source, rowCount: removal.remaining)
    try target.copyAttributes(from: source)
    return target
  }

  /// Whether some rows are a whole chunk, and the same one in the target.
  private func isKept(_ rows: Range<Int>, in target: HDF5Dataset) -> Bool {
    source.description.storage == target.description.storage
      && source.description.hasChunksOfWholeRows
      && rows.count == source.description.rowsPerChunk && removal.keeps(rows)
  }

  // MARK: Rows of a fixed size

  /// Writes places of the new column, where the block still has the rows of the old one.
  private func write(
    _ rows: Range<Int>, of block: RowStream.Block, to target: HDF5Dataset,
    _ written: inout WrittenColumn
  ) throws {
    var start = rows.lowerBound
    for (index, chunk) in block.chunks.enumerated() {
      let first = rows.lowerBound + index * source.description.rowsPerChunk
      let place = first..<first + source.description.rowsPerChunk
      guard isKept(place, in: target) else { continue }
      try pack(start..<first, of: block, to: target, &written)
      try target.write(chunk, atRow: first)
      written.noteCopied(place)
      start = place.upperBound
    }
    try pack(start..<rows.upperBound, of: block, to: target, &written)
  }

  /// Fills the gaps among some places and writes what is there then.
  private func pack(
    _ places: Range<Int>, of block: RowStream.Block, to target: HDF5Dataset,
    _ written: inout WrittenColumn
  ) throws {
    guard !places.isEmpty else { return }
    for move in removal.moves(into: places) {
      try source.read(move.rows, into: block[move.place..<move.place + move.rows.count])
    }
    let bytes = UnsafeRawBufferPointer(block[places])
    try target.write(places, from: bytes)
    written.notePacked(places, bytes)
  }

  // MARK: Strings

  private func copyStrings(to target: HDF5Dataset, _ digests: inout Digests) throws {
    try source.forEachStringBlock { rows, strings in
      try checkInterruption()
      digests.before.update(strings)
      let places = rows.clamped(to: 0..<removal.remaining)
      var kept = Array(strings.prefix(places.count))
      for move in removal.moves(into: places) {
        let start = move.place - places.lowerBound
        kept.replaceSubrange(
          start..<start + move.rows.count, with: try source.strings(move.rows))
      }
      digests.updateAfter(kept)
      if source.type == .variableString, !places.isEmpty {
        try target.write(places, strings: kept)
      }
    }
  }
}

/// The digests of a column before and after; one where they are the same.
private struct Digests {
  var before: ArrayDigest
  private var other: ArrayDigest?

  init(_ source: HDF5Dataset, _ type: ElementType?, _ removal: RowRemoval) throws {
    before = try ArrayDigest(of: source, type: type)
    if removal.remaining < source.rowCount {
      other = try ArrayDigest(of: source, type: type, rowCount: removal.remaining)
    }
  }

  var after: ArrayDigest { other ?? before }

  mutating func updateAfter(_ bytes: UnsafeRawBufferPointer) { other?.update(bytes) }

  mutating func updateAfter(_ strings: [String]) { other?.update(strings) }
}
