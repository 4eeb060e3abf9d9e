internal import Foundation
internal import HDF5

/// Writes rows into a new dataset; whole chunks are packed on all cores.
final class ChunkWriter {
  private let target: HDF5Dataset
  private let rowsPerChunk: Int
  private let crew: Crew
  private let packers: ToolPool<ChunkPacker>?

  init(to target: HDF5Dataset) {
    self.target = target
    rowsPerChunk = max(1, target.description.rowsPerChunk)
    let helpers = Crew.helpers(for: target.description.byteCount ?? 0)
    packers = ToolPool(count: helpers + 1) { ChunkPacker(for: target) }
    crew = Crew(helpers: packers == nil ? 0 : helpers)
  }

  /// Writes some of a block's rows.
  ///
  /// - Parameters:
  ///   - runs: neighbouring rows, in rising order.
  ///   - meanwhile: called on this thread while others pack; must not change the rows.
  func write(
    _ runs: [Range<Int>], of block: RowStream.Block, meanwhile: () throws -> Void
  ) throws {
    let chunks = runs.flatMap(wholeChunks)
    let packed = PackedChunks(count: chunks.count)
    try crew.perform(chunks.count, meanwhile: meanwhile) { [packers] index in
      packed[index] = packers?.withTool { $0.pack(UnsafeRawBufferPointer(block[chunks[index]])) }
    }
    for (index, rows) in chunks.enumerated() {
      if let chunk = packed[index] {
        try target.write(chunk, atRow: rows.lowerBound)
      } else {
        try target.write(rows, from: UnsafeRawBufferPointer(block[rows]))
      }
    }
    for run in runs {
      // The last chunk of a column may be larger than its rows.
      let rest = run.lowerBound + wholeChunks(of: run).count * rowsPerChunk..<run.upperBound
      guard !rest.isEmpty else { continue }
      try target.write(rest, from: UnsafeRawBufferPointer(block[rest]))
    }
  }

  /// The chunks of a run that can be packed here.
  private func wholeChunks(of run: Range<Int>) -> [Range<Int>] {
    guard packers != nil, run.lowerBound % rowsPerChunk == 0 else { return [] }
    return (0..<run.count / rowsPerChunk).map { index in
      let start = run.lowerBound + index * rowsPerChunk
      return start..<start + rowsPerChunk
    }
  }
}

/// Chunks as they come from several threads.
private final class PackedChunks {
  private let lock = NSLock()
  private var chunks: [HDF5Dataset.Chunk?]

  init(count: Int) { chunks = Array(repeating: nil, count: count) }

  subscript(index: Int) -> HDF5Dataset.Chunk? {
    get { lock.withLock { chunks[index] } }
    set { lock.withLock { chunks[index] = newValue } }
  }
}
