internal import HDF5

/// Collects rows and writes them whole chunks at a time, so that each is packed once.
struct BlockWriter {
  private let dataset: HDF5Dataset
  private let rowBytes: Int
  private let blockBytes: Int
  private var row: Int
  private var pending: [UInt8] = []

  /// - Parameter row: the first row to write, where a chunk starts.
  init(to dataset: HDF5Dataset, from row: Int = 0, rowBytes: Int) throws {
    self.dataset = dataset
    self.rowBytes = max(1, rowBytes)
    self.row = row
    // An empty dataset may declare rows of any size.
    let (bytes, overflow) = try dataset.blockRows().multipliedReportingOverflow(by: rowBytes)
    blockBytes = overflow ? Int.max : max(1, bytes)
  }

  mutating func append(_ bytes: UnsafeRawBufferPointer) throws {
    pending += bytes
    while pending.count >= blockBytes { try write(blockBytes) }
  }

  /// Writes what is left.
  mutating func finish() throws {
    if !pending.isEmpty { try write(pending.count) }
  }

  private mutating func write(_ count: Int) throws {
    let rows = row..<row + count / rowBytes
    try pending.withUnsafeBytes { bytes in
      try dataset.write(rows, from: UnsafeRawBufferPointer(rebasing: bytes.prefix(count)))
    }
    row = rows.upperBound
    pending.removeFirst(count)
  }
}
