internal import Checkpoints
internal import Crypto
internal import HDF5

/// What is known about forgotten records from the file that still had them.
///
/// Of each record only a hash and a short excerpt are kept, so many large ones fit the memory;
/// where an excerpt is found, the record is read again and compared as a whole.
final class ForgottenRecords {
  /// A piece of the original that must not be in the new file.
  struct Piece {
    enum Kind { case row, chunk }
    let kind: Kind
    let dataset: String
    let row: Int
    /// Which of the row's chunks; 0 for a row itself.
    let part: Int
    /// Where the excerpt starts.
    let offset: Int
    let byteCount: Int
  }

  static let excerptByteCount = 32
  /// Rows of fewer bytes are found anywhere by accident.
  static let shortestRow = 8

  private let file: HDF5File
  private(set) var pieces: [Piece] = []
  private(set) var excerpts: [[UInt8]] = []
  /// The hashes of all rows, with the names of the columns they are from.
  private(set) var rowHashes: [Data16: String] = [:]
  private(set) var rowCount = 0
  /// Rows that hold one value throughout, or too few bytes, which prove nothing.
  private(set) var trivialRowCount = 0
  private(set) var chunkCount = 0
  /// Ids that the original does not have.
  private(set) var missing: Set<String>

  /// Half of a SHA-256, with the type and size of what it is of.
  struct Data16: Hashable {
    let bytes: [UInt8]

    init(_ bytes: UnsafeRawBufferPointer, type: String) {
      var hash = SHA256()
      hash.update(data: Array(type.utf8) + [0])
      hash.update(bufferPointer: bytes)
      self.bytes = Array(hash.finalize().prefix(16))
    }
  }

  init(
    _ identifiers: Set<String>, in original: Checkpoint,
    _ checkInterruption: () throws -> Void
  ) throws {
    file = try Checkpoint.container(of: original.path)
    missing = identifiers
    var rows: [String: [Int]] = [:]
    try original.forEachIdentifier(checkInterruption) { split, row, identifier in
      let text = identifier.description
      guard identifiers.contains(text) else { return }
      missing.remove(text)
      rows[split.path, default: []].append(row)
    }
    for split in original.splits {
      let dataset = try file.dataset(at: split.path + "/x")
      var chunks: Set<Int> = []
      for row in rows[split.path] ?? [] {
        try checkInterruption()
        try note(row, of: dataset)
        let chunk = row / max(1, dataset.description.rowsPerChunk)
        if chunks.insert(chunk).inserted { try noteChunks(row, of: dataset) }
      }
    }
  }

  private func note(_ row: Int, of dataset: HDF5Dataset) throws {
    rowCount += 1
    let bytes = try dataset.bytes(row..<row + 1)
    guard bytes.count >= Self.shortestRow, let first = bytes.first,
      !bytes.allSatisfy({ $0 == first })
    else {
      trivialRowCount += 1
      return
    }
    let hash = bytes.withUnsafeBytes { Data16($0, type: dataset.type.description) }
    rowHashes[hash] = dataset.path
    append(bytes, .row, of: dataset, row, part: 0)
  }

  private func noteChunks(_ row: Int, of dataset: HDF5Dataset) throws {
    var part = 0
    try dataset.forEachStoredChunk(ofRow: row) { chunk in
      defer { part += 1 }
      // What takes so few bytes holds one value throughout.
      guard chunk.bytes.count >= 2 * Self.excerptByteCount else { return }
      chunkCount += 1
      append(chunk.bytes, .chunk, of: dataset, row, part: part)
    }
  }

  private func append(
    _ bytes: [UInt8], _ kind: Piece.Kind, of dataset: HDF5Dataset, _ row: Int, part: Int
  ) {
    let range = Self.tellingRange(bytes)
    pieces.append(
      Piece(
        kind: kind, dataset: dataset.path, row: row, part: part, offset: range.lowerBound,
        byteCount: bytes.count))
    excerpts.append(Array(bytes[range]))
  }

  /// The part of some bytes in which most of them differ: it occurs least elsewhere.
  static func tellingRange(_ bytes: [UInt8]) -> Range<Int> {
    let length = min(excerptByteCount, bytes.count)
    var best = (count: 0, start: 0)
    for start in stride(from: 0, through: bytes.count - length, by: 8) {
      let count = Set(bytes[start..<start + length]).count
      if count > best.count { best = (count, start) }
    }
    return best.start..<best.start + length
  }

  /// All bytes of a piece, read again.
  func bytes(of piece: Piece) throws -> [UInt8] {
    let dataset = try file.dataset(at: piece.dataset)
    if piece.kind == .row { return try dataset.bytes(piece.row..<piece.row + 1) }
    var (part, found): (Int, [UInt8]) = (0, [])
    try dataset.forEachStoredChunk(ofRow: piece.row) { chunk in
      if part == piece.part { found = chunk.bytes }
      part += 1
    }
    return found
  }
}
