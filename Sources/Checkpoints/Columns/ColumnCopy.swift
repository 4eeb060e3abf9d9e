internal import HDF5
internal import ModelCore

/// Copies a dataset, perhaps without some of its rows.
///
/// Whole chunks in which nothing changes are taken over as they are stored. All others are packed
/// anew: the last one where it is larger than its rows, and those that hold other bytes than their
/// rows' too. No removed row, and no place that no reader sees and that once held one, gets into
/// the new file.
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

  /// Copies the column without looking at its elements.
  func copy(into group: HDF5Group, as name: String) throws {
    let target = try makeTarget(in: group, name)
    guard target.description.elementCount > 0 else { return }
    var chunk = HDF5Dataset.Chunk()
    let account = ChunkAccount(of: source)
    let wholeChunks = target.description.hasChunksOfWholeRows
    let step = try wholeChunks ? target.description.rowsPerChunk : source.blockRows()
    for start in stride(from: 0, to: source.rowCount, by: max(1, step)) {
      try checkInterruption()
      let rows = start..<min(start + step, source.rowCount)
      if isKept(rows, in: target), let account, try source.readChunk(atRow: start, into: &chunk),
        account.isExact(chunk)
      {
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
    if source.holdsStrings { try copyStrings(to: target, &digests) }
    if source.type != .variableString { try copyRows(to: target, &digests, &written) }
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

  private func copyRows(
    to target: HDF5Dataset, _ digests: inout Digests, _ written: inout WrittenColumn
  ) throws {
    let writer = ChunkWriter(to: target)
    try RowStream(source).forEachBlock(checkInterruption) { block in
      if !source.holdsStrings { digests.before.update(UnsafeRawBufferPointer(block.bytes)) }
      let rows = block.rows.clamped(to: 0..<removal.remaining)
      guard !rows.isEmpty else { return }
      let kept = keptChunks(among: rows, of: block, in: target)
      let changed = rows.runs(between: kept.map(\.rows))
      for run in changed { try fillGaps(among: run, of: block) }
      try writer.write(changed, of: block) {
        for run in changed { written.notePacked(run, UnsafeRawBufferPointer(block[run])) }
        if !source.holdsStrings { digests.updateAfter(UnsafeRawBufferPointer(block[rows])) }
      }
      for (rows, chunk) in kept {
        try target.write(chunk, atRow: rows.lowerBound)
        written.noteCopied(rows)
      }
    }
  }

  /// The chunks of a block that can be taken over as they are stored.
  private func keptChunks(
    among rows: Range<Int>, of block: RowStream.Block, in target: HDF5Dataset
  ) -> [(rows: Range<Int>, chunk: HDF5Dataset.Chunk)] {
    block.chunks.enumerated().compactMap { index, chunk in
      let first = rows.lowerBound + index * source.description.rowsPerChunk
      let place = first..<first + source.description.rowsPerChunk
      return isKept(place, in: target) && !block.impureChunks.contains(index)
        ? (place, chunk) : nil
    }
  }

  /// Puts the last rows into the gaps that removed ones leave among some places.
  private func fillGaps(among places: Range<Int>, of block: RowStream.Block) throws {
    for move in removal.moves(into: places) {
      try source.read(move.rows, into: block[move.place..<move.place + move.rows.count])
    }
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

extension Range<Int> {
  /// What is left of a range without some parts of it, which are in rising order.
  fileprivate func runs(between parts: [Range<Int>]) -> [Range<Int>] {
    let starts = [lowerBound] + parts.map(\.upperBound)
    let ends = parts.map(\.lowerBound) + [upperBound]
    return zip(starts, ends).filter { $0 < $1 }.map { $0..<$1 }
  }
}
