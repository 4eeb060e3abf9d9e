internal import Checkpoints
internal import HDF5
internal import ModelCore

/// Searches all bytes of a file, as stored and unpacked, for ids and for pieces of records.
struct TraceSearch {
  private let file: HDF5File
  private let map: StorageMap
  private let texts: [String]
  private let records: ForgottenRecords?
  private let checkInterruption: () throws -> Void
  private let search: PatternSearch
  private let integers: [Int64: String]
  private(set) var fileByteCount = 0
  private(set) var unpackedByteCount = 0

  init(
    file: HDF5File, map: StorageMap, texts: [String], records: ForgottenRecords?,
    checkInterruption: @escaping () throws -> Void
  ) {
    self.file = file
    self.map = map
    self.texts = texts
    self.records = records
    self.checkInterruption = checkInterruption
    search = PatternSearch(texts.map { Array($0.utf8) } + (records?.excerpts ?? []))
    integers = Dictionary(texts.compactMap { text in Int64(text).map { ($0, text) } }) {
      first, _ in first
    }
  }

  mutating func run(_ findings: inout Findings) throws {
    try searchFile(&findings)
    for path in file.paths.sorted() {
      guard case .dataset(let description) = file.node(at: path), !Self.isInputs(path) else {
        continue
      }
      let dataset = try file.dataset(at: path)
      if try ElementType(of: dataset).map({ !$0.isFloatingPoint }) ?? false {
        try searchIntegers(dataset, &findings)
      }
      if case .chunked(_, let filters) = description.storage, !filters.isEmpty,
        description.type.byteCount != nil
      {
        try searchUnpacked(dataset, &findings)
      }
    }
  }

  /// The records of splits are compared one by one, which says more.
  private static func isInputs(_ path: String) -> Bool {
    path.hasPrefix("/modelctl/splits/") && path.hasSuffix("/x")
  }

  // MARK: Stored bytes

  private mutating func searchFile(_ findings: inout Findings) throws {
    guard search.longest > 0 else { return }
    let raw = try RawFile(of: file)
    fileByteCount = raw.byteCount
    var stream = PatternSearch.Stream()
    try raw.forEachBlock { _, bytes in
      try checkInterruption()
      try search.search(bytes, of: &stream) { pattern, offset in
        try judge(pattern, at: offset, in: raw, &findings)
      }
    }
  }

  private func judge(
    _ pattern: Int, at offset: Int, in raw: RawFile, _ findings: inout Findings
  ) throws {
    guard pattern >= texts.count else {
      let length = search.patterns[pattern].count
      let context = try raw.bytes(max(0, offset - 1)..<min(raw.byteCount, offset + length + 1))
      guard Self.isWord(context, skipping: offset > 0 ? 1 : 0, length) else { return }
      return report(texts[pattern], at: place(offset, length), &findings)
    }
    guard let records else { return }
    let piece = records.pieces[pattern - texts.count]
    let start = offset - piece.offset
    guard start >= 0, piece.byteCount <= raw.byteCount - start,
      try raw.bytes(start..<start + piece.byteCount) == records.bytes(of: piece)
    else { return }
    // A record that equals a forgotten one is found by its content.
    if piece.kind == .row, let owner = map.dataOwner(at: start), Self.isInputs(owner) { return }
    findings.add(
      piece.kind == .row ? .rowBytes : .storedChunk, at: place(start, piece.byteCount),
      expected: "no trace of the original's \(piece.dataset)[\(piece.row)]",
      found: piece.kind == .row ? "all its bytes" : "a chunk that held it, as it was stored")
  }

  /// Whether the bytes around a text end it: `user-1` is not in `user-12`.
  private static func isWord(_ context: [UInt8], skipping: Int, _ length: Int) -> Bool {
    func continues(_ byte: UInt8) -> Bool {
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        || byte == 0x5F
    }
    if skipping > 0, let before = context.first, continues(before) { return false }
    let end = skipping + length
    return end >= context.count || !continues(context[end])
  }

  private func place(_ offset: Int, _ length: Int) -> String {
    let range = "bytes \(offset)..<\(offset + length)"
    return map.dataOwner(at: offset).map { "\($0), \(range)" } ?? range
  }

  private func report(_ identifier: String, at place: String, _ findings: inout Findings) {
    findings.add(
      .identifierElsewhere, at: place, expected: "no forgotten id",
      found: "\(Quoted(identifier))")
  }

  // MARK: Unpacked datasets

  private mutating func searchUnpacked(
    _ dataset: HDF5Dataset, _ findings: inout Findings
  ) throws {
    guard search.longest > 0 else { return }
    var stream = PatternSearch.Stream()
    var count = 0
    try dataset.forEachBlock { _, bytes in
      try checkInterruption()
      count += bytes.count
      try search.search(bytes, of: &stream) { pattern, offset in
        guard pattern >= texts.count else {
          return report(texts[pattern], at: "\(dataset.path), byte \(offset)", &findings)
        }
        guard let records, records.pieces[pattern - texts.count].kind == .row else { return }
        let piece = records.pieces[pattern - texts.count]
        // Few datasets but inputs hold so long a piece of a record by accident.
        findings.add(
          .rowBytes, at: "\(dataset.path), byte \(offset)",
          expected: "no trace of the original's \(piece.dataset)[\(piece.row)]",
          found: "\(search.patterns[pattern].count) bytes of it")
      }
    }
    unpackedByteCount += count
  }

  private func searchIntegers(_ dataset: HDF5Dataset, _ findings: inout Findings) throws {
    guard !integers.isEmpty, !dataset.path.hasSuffix("/id"),
      let type = try ElementType(of: dataset)
    else { return }
    let width = try dataset.byteCount(rows: 1) / max(1, type.byteCount)
    try dataset.forEachBlock { rows, bytes in
      try checkInterruption()
      let tensor = try Tensor(
        elementType: type, shape: Shape(vector: rows.count * width), bytes: Array(bytes))
      for (index, value) in (tensor.integers ?? []).enumerated() {
        guard let identifier = integers[value] else { continue }
        report(
          identifier, at: "\(dataset.path)[\(rows.lowerBound + index / max(1, width))]", &findings)
      }
    }
  }
}
