internal import HDF5

/// Copies a dataset, perhaps without some of its rows.
///
/// Rows close up. Chunks before the first removed row are taken over as they are stored, without
/// packing them again; from there on every chunk is new, so that no removed row, and no padding
/// that once held one, gets into the new file.
struct ColumnCopy {
  let source: HDF5Dataset
  /// In rising order.
  let removed: [Int]
  let checkInterruption: () throws -> Void

  private var remaining: Int { source.rowCount - removed.count }

  /// Copies the column without looking at it.
  func copy(into group: HDF5Group, as name: String) throws {
    let target = try group.createDataset(name, like: source, rowCount: remaining)
    try target.copyAttributes(from: source)
    try copyRows(to: target) { _, _ in
    } kept: { _ in
    }
  }

  /// - Returns: what the manifest says about the column before and after.
  func run(
    into group: HDF5Group, as name: String
  ) throws -> (before: Manifest.Entry, after: Manifest.Entry) {
    let target = try group.createDataset(name, like: source, rowCount: remaining)
    try target.copyAttributes(from: source)
    var before = try ArrayDigest(of: source)
    var after = try ArrayDigest(of: source, rowCount: remaining)
    if source.type == .variableString {
      try copyStrings(to: target, &before, &after)
    } else if source.holdsStrings {
      try copyRows(to: target) { _, _ in
      } kept: { _ in
      }
      try source.forEachStringBlock { rows, strings in
        before.update(strings)
        after.update(kept(of: rows, in: strings))
      }
    } else {
      try copyRows(to: target) { _, bytes in
        before.update(bytes)
      } kept: {
        after.update($0)
      }
    }
    return (before.entry(at: source.path), after.entry(at: target.path))
  }

  private func copyStrings(
    to target: HDF5Dataset, _ before: inout ArrayDigest, _ after: inout ArrayDigest
  ) throws {
    var row = 0
    try source.forEachStringBlock { rows, strings in
      try checkInterruption()
      before.update(strings)
      let kept = kept(of: rows, in: strings)
      after.update(kept)
      try target.write(row..<row + kept.count, strings: kept)
      row += kept.count
    }
  }

  /// Copies rows of a fixed size.
  ///
  /// - Parameters:
  ///   - read: gets all rows of the source, block by block.
  ///   - kept: gets the bytes of the rows that stay, run by run.
  private func copyRows(
    to target: HDF5Dataset, read: (Range<Int>, UnsafeRawBufferPointer) throws -> Void,
    kept keep: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let rowBytes = try source.byteCount(rows: 1)
    let unchanged = try unchangedRows(target)
    var writer = try BlockWriter(to: target, from: unchanged, rowBytes: rowBytes)
    try source.forEachBlock { rows, bytes in
      try checkInterruption()
      try read(rows, bytes)
      for run in kept(of: rows) {
        let start = (run.lowerBound - rows.lowerBound) * rowBytes
        let part = UnsafeRawBufferPointer(rebasing: bytes[start...].prefix(run.count * rowBytes))
        try keep(part)
        let stored = max(0, min(run.upperBound, unchanged) - run.lowerBound)
        try writer.append(UnsafeRawBufferPointer(rebasing: part[(stored * rowBytes)...]))
      }
    }
    try writer.finish()
  }

  /// Copies the chunks that come before the first removed row.
  ///
  /// - Returns: how many rows they hold.
  private func unchangedRows(_ target: HDF5Dataset) throws -> Int {
    guard case .chunked(let extents, _) = source.description.storage,
      source.description.storage == target.description.storage,
      Array(extents.dropFirst()) == Array(source.shape.dropFirst())
    else { return 0 }
    let chunk = target.description.rowsPerChunk
    let end = (removed.first ?? source.rowCount) / chunk * chunk
    for row in stride(from: 0, to: end, by: chunk) {
      try checkInterruption()
      // One that was never written holds fill values; those are written like any others.
      guard let stored = try source.storedChunk(atRow: row) else { return row }
      try target.write(stored, atRow: row)
    }
    return end
  }

  private func kept(of rows: Range<Int>, in strings: [String]) -> [String] {
    let start = rows.lowerBound
    return kept(of: rows).flatMap { strings[$0.lowerBound - start..<$0.upperBound - start] }
  }

  /// The rows that stay, out of some, in runs.
  private func kept(of rows: Range<Int>) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    var start = rows.lowerBound
    var index = removed.partitioningIndex { $0 >= rows.lowerBound }
    while index < removed.count, removed[index] < rows.upperBound {
      if removed[index] > start { runs.append(start..<removed[index]) }
      start = removed[index] + 1
      index += 1
    }
    if start < rows.upperBound { runs.append(start..<rows.upperBound) }
    return runs
  }
}

extension Array {
  /// The first index at which a condition holds that holds for all later ones too.
  fileprivate func partitioningIndex(_ holds: (Element) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if holds(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
