internal import HDF5

/// Reads a dataset's rows in order, a block at a time.
///
/// While a block is used and the one after the next is read, other threads unpack the next.
struct RowStream {
  /// Neighbouring rows, good until the next ones come.
  struct Block {
    let rows: Range<Int>
    /// As `HDF5Dataset.read` gives them; whoever gets them may change them.
    let bytes: UnsafeMutableRawBufferPointer
    /// The chunks that the rows are from, as they are stored; none where only the library knows.
    let chunks: ArraySlice<HDF5Dataset.Chunk>

    /// The bytes of some of the rows.
    subscript(some: Range<Int>) -> UnsafeMutableRawBufferPointer {
      let rowBytes = bytes.count / max(1, rows.count)
      let start = (some.lowerBound - rows.lowerBound) * rowBytes
      return UnsafeMutableRawBufferPointer(
        rebasing: bytes[start..<start + some.count * rowBytes])
    }
  }

  private let dataset: HDF5Dataset
  private let rowsPerBlock: Int

  /// - Throws: `HDF5Error` when the elements have no fixed size.
  init(_ dataset: HDF5Dataset) throws {
    self.dataset = dataset
    rowsPerBlock = try dataset.blockRows()
  }

  /// - Parameters:
  ///   - checkInterruption: called between blocks; what it throws ends the work.
  ///   - body: called on this thread.
  func forEachBlock(
    _ checkInterruption: () throws -> Void, _ body: (Block) throws -> Void
  ) throws {
    guard dataset.description.elementCount > 0 else { return }
    let helpers = Crew.helpers(for: dataset.description.byteCount ?? 0)
    let crew = Crew(helpers: helpers)
    let tools = UnpackerPool(of: dataset, rowsPerBlock: rowsPerBlock, count: helpers + 1)
    let slots = try (0..<2).map { _ in
      try RowSlot(dataset, rowsPerBlock: rowsPerBlock, unpackers: tools)
    }
    try slots[0].load(rows(ofBlock: 0))
    for number in 0...(dataset.rowCount + rowsPerBlock - 1) / rowsPerBlock {
      try checkInterruption()
      let (fresh, used) = (slots[number % 2], slots[(number + 1) % 2])
      try crew.perform(fresh.chunkCount) {
        if number > 0 { try body(used.block) }
        try used.load(rows(ofBlock: number + 1))
      } work: {
        fresh.unpack($0)
      }
      try fresh.settle()
    }
  }

  /// None after the last one.
  private func rows(ofBlock number: Int) -> Range<Int> {
    let start = min(number * rowsPerBlock, dataset.rowCount)
    return start..<min(start + rowsPerBlock, dataset.rowCount)
  }
}
