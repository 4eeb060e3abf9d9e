internal import Crypto
internal import HDF5

/// What was written into a copy of a dataset, so that it can be looked for there.
struct WrittenColumn {
  private let source: HDF5Dataset
  private let description: HDF5DatasetDescription
  /// Rows of whole chunks, in rising order.
  private var copied: [Range<Int>] = []
  private var packed: [(rows: Range<Int>, sha256: SHA256Digest)] = []

  init(_ target: HDF5Dataset, from source: HDF5Dataset) {
    self.source = source
    description = target.description
  }

  mutating func noteCopied(_ rows: Range<Int>) {
    if let last = copied.last, last.upperBound == rows.lowerBound {
      copied[copied.count - 1] = last.lowerBound..<rows.upperBound
    } else {
      copied.append(rows)
    }
  }

  mutating func notePacked(_ rows: Range<Int>, _ bytes: UnsafeRawBufferPointer) {
    packed.append((rows, Self.hash(bytes)))
  }

  private static func hash(_ bytes: UnsafeRawBufferPointer) -> SHA256Digest {
    var hash = SHA256()
    hash.update(bufferPointer: bytes)
    return hash.finalize()
  }

  /// Whether it takes less to compare chunks than to unpack all of them.
  var isMostlyCopied: Bool {
    copied.reduce(0) { $0 + $1.count } > (description.shape.first ?? 0) / 2
  }

  /// Whether a dataset that is read back holds what was written: byte for byte the chunks that
  /// were copied as they are stored, and by its hash what was packed anew.
  func isFound(
    in target: HDF5Dataset, _ checkInterruption: () throws -> Void
  ) throws -> Bool {
    guard target.type == description.type, target.shape == description.shape,
      target.description.storage == source.description.storage
    else { return false }
    var (old, new) = (HDF5Dataset.Chunk(), HDF5Dataset.Chunk())
    for rows in copied {
      for row in stride(
        from: rows.lowerBound, to: rows.upperBound, by: max(1, description.rowsPerChunk))
      {
        try checkInterruption()
        guard try source.readChunk(atRow: row, into: &old),
          try target.readChunk(atRow: row, into: &new), old == new
        else { return false }
      }
    }
    var (isSame, index) = (true, 0)
    try RowStream(target, blocks: packed.map(\.rows)).forEachBlock(checkInterruption) { block in
      let found = Self.hash(UnsafeRawBufferPointer(block.bytes))
      if found != packed[index].sha256 { isSame = false }
      index += 1
    }
    return isSame
  }
}
