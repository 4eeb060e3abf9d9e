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
    /// Which of the chunks hold bytes beside those of their elements, or may.
    let impureChunks: Set<Int>

    /// The bytes of some of the rows.
    subscript(some: Range<Int>) -> UnsafeMutableRawBufferPointer {
      let rowBytes = bytes.count / max(1, rows.count)
      let start = (some.lowerBound - rows.lowerBound) * rowBytes
      return UnsafeMutableRawBufferPointer(
        rebasing: bytes[start..<start + some.count * rowBytes])
    }
  }

  private let dataset: HDF5Dataset
  private let blocks: [Range<Int>]

  /// - Throws: `HDF5Error` when the elements have no fixed size.
  init(_ dataset: HDF5Dataset) throws {
    // Rows without elements may be any number.
    let count = dataset.description.elementCount > 0 ? dataset.rowCount : 0
    let step = try dataset.blockRows()
    let blocks = stride(from: 0, to: count, by: step).map { $0..<min($0 + step, count) }
    self.init(dataset, blocks: blocks)
  }

  /// - Parameter blocks: the rows that are read at once, best from where a chunk starts.
  init(_ dataset: HDF5Dataset, blocks: [Range<Int>]) {
    self.dataset = dataset
    self.blocks = blocks
  }

  /// - Parameters:
  ///   - checkInterruption: called between blocks; what it throws ends the work.
  ///   - body: called on this thread.
  func forEachBlock(
    _ checkInterruption: () throws -> Void, _ body: (Block) throws -> Void
  ) throws {
    guard !blocks.isEmpty else { return }
    let helpers = Crew.helpers(for: dataset.description.byteCount ?? 0)
    let crew = Crew(helpers: helpers)
    let tools =
      startsWithChunks
      ? ToolPool(count: helpers + 1) { ChunkUnpacker(of: dataset) } : nil
    let rowsPerBlock = blocks.reduce(0) { max($0, $1.count) }
    let slots = try (0..<2).map { _ in
      try RowSlot(dataset, rowsPerBlock: rowsPerBlock, unpackers: tools)
    }
    try slots[0].load(rows(ofBlock: 0))
    for number in 0...blocks.count {
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

  private var startsWithChunks: Bool {
    let rows = max(1, dataset.description.rowsPerChunk)
    return blocks.allSatisfy { $0.lowerBound % rows == 0 }
  }

  /// None after the last one.
  private func rows(ofBlock number: Int) -> Range<Int> {
    number < blocks.count ? blocks[number] : 0..<0
  }
}
