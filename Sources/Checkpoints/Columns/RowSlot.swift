internal import Foundation
internal import HDF5
internal import Synchronization

/// Memory for a block of rows, which are read, unpacked and used in it, one block after another.
final class RowSlot {
  private let dataset: HDF5Dataset
  private let unpackers: ToolPool<ChunkUnpacker>?
  private let buffer: UnsafeMutableRawBufferPointer
  private let rowBytes: Int
  private let rowsPerChunk: Int
  private var rows = 0..<0
  private var chunks: [HDF5Dataset.Chunk] = []
  /// How many chunks wait to be unpacked; none where the library has unpacked the rows.
  private(set) var chunkCount = 0
  private let exceptions = Mutex(Exceptions())

  /// The chunks that are not what their elements take, each with its number.
  private struct Exceptions {
    /// Those that hold other bytes too, or may.
    var impure: Set<Int> = []
    var needLibrary = false
  }

  init(_ dataset: HDF5Dataset, rowsPerBlock: Int, unpackers: ToolPool<ChunkUnpacker>?) throws {
    self.dataset = dataset
    self.unpackers = unpackers
    rowBytes = try dataset.byteCount(rows: 1)
    rowsPerChunk = max(1, dataset.description.rowsPerChunk)
    let chunks = (min(rowsPerBlock, dataset.rowCount) + rowsPerChunk - 1) / rowsPerChunk
    let rows = unpackers == nil ? min(rowsPerBlock, dataset.rowCount) : chunks * rowsPerChunk
    buffer = .allocate(byteCount: try dataset.bufferByteCount(rows: rows), alignment: 64)
  }

  deinit { buffer.deallocate() }

  var block: RowStream.Block {
    RowStream.Block(
      rows: rows, bytes: bytes, chunks: chunks[..<chunkCount],
      impureChunks: exceptions.withLock(\.impure))
  }

  private var bytes: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(rows.count * rowBytes))
  }

  /// Reads the next rows, as far as the library has to.
  func load(_ rows: Range<Int>) throws {
    self.rows = rows
    chunkCount = 0
    exceptions.withLock { $0 = Exceptions() }
    guard !rows.isEmpty, try unpackers == nil || !readChunks() else { return }
    try dataset.read(rows, into: bytes)
  }

  /// - Returns: whether all chunks are there.
  private func readChunks() throws -> Bool {
    var count = 0
    for row in stride(from: rows.lowerBound, to: rows.upperBound, by: rowsPerChunk) {
      if count == chunks.count { chunks.append(HDF5Dataset.Chunk()) }
      guard try dataset.readChunk(atRow: row, into: &chunks[count]) else { return false }
      count += 1
    }
    chunkCount = count
    return true
  }

  /// Unpacks a chunk, on any thread.
  func unpack(_ index: Int) {
    let size = rowsPerChunk * rowBytes
    let target = UnsafeMutableRawBufferPointer(
      rebasing: buffer[index * size..<(index + 1) * size])
    let outcome = unpackers?.withTool { $0.unpack(chunks[index], into: target) } ?? .unknown
    guard outcome != .whole else { return }
    exceptions.withLock {
      $0.impure.insert(index)
      if outcome == .unknown { $0.needLibrary = true }
    }
  }

  /// Has the library unpack what no other thread could; it says why it cannot either.
  func settle() throws {
    guard exceptions.withLock(\.needLibrary) else { return }
    try dataset.read(rows, into: bytes)
  }
}
