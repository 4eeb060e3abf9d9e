internal import HDF5
internal import ModelCore

/// Checks and writes the samples of a new checkpoint.
struct DraftSplits {
  private let draft: CheckpointDraft
  private let path: String

  /// Chunks of about this size are large enough to pack well and small enough to read a few of.
  static let chunkBytes = 512 << 10

  init(_ draft: CheckpointDraft, _ path: String) {
    self.draft = draft
    self.path = path
  }

  /// - Throws: `CheckpointError` when the splits do not fit together.
  func check() throws {
    var seen: [SampleIdentifier: String] = [:]
    var names: Set<String> = []
    let kind = draft.splits.lazy.compactMap(\.identifiers.first?.kind).first
    for split in draft.splits {
      guard names.insert(split.name).inserted, Self.isPlain(split.name) else {
        throw malformed(split, "a name of its own, without slashes", "'\(split.name)'")
      }
      try checkLayout(of: split)
      for (row, identifier) in split.identifiers.enumerated() {
        guard identifier.kind == kind, Self.isPlain(identifier) else {
          throw malformed(
            split, "ids that are all integers, or all lines of text", "another one in row \(row)")
        }
        guard let other = seen.updateValue(split.name, forKey: identifier) else { continue }
        throw CheckpointError(
          path, .duplicateIdentifier(split: split.name, row: row, otherSplit: other))
      }
    }
  }

  private func checkLayout(of split: DraftSplit) throws {
    let layout = split.samples.layout
    guard split.identifiers.count == split.count else {
      throw malformed(split, "\(split.count) ids", "\(split.identifiers.count)")
    }
    guard split.rows?.allSatisfy({ $0 >= 0 && $0 < layout.count }) ?? true else {
      throw CheckpointError(path, .rows(split: split.name, count: layout.count))
    }
    guard !layout.sampleShape.dimensions.isEmpty else {
      throw malformed(split, "samples with at least one axis", "single numbers")
    }
    if let names = draft.classNames, names.count != layout.classCount {
      throw malformed(
        split, "\(names.count) classes, as many as have names", "\(layout.classCount)")
    }
    let channels = layout.sampleShape.dimensions.last ?? 1
    for values in [draft.inputScale, draft.inputOffset] {
      guard values.count == 1 || values.count == channels, values.allSatisfy(\.isFinite) else {
        throw malformed(
          split, "1 finite scale and offset, or one for each of \(channels) channels",
          "\(values.count)")
      }
    }
  }

  private static func isPlain(_ name: String) -> Bool {
    (1...255).contains(name.utf8.count) && name != "." && name != ".." && !name.contains("/")
      && isLine(name)
  }

  /// Lists of ids are text files with one id a line.
  private static func isPlain(_ identifier: SampleIdentifier) -> Bool {
    guard case .string(let text) = identifier else { return true }
    return (1...1024).contains(text.utf8.count) && isLine(text)
  }

  private static func isLine(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
  }

  private func malformed(
    _ split: DraftSplit, _ expected: String, _ found: String
  ) -> CheckpointError {
    CheckpointError(
      path,
      .malformed(
        object: HDF5File.path(FormatPaths.splits, split.name), expected: expected, found: found))
  }
}

// MARK: Writing

extension DraftSplits {
  func write(
    to file: HDF5File, _ checkInterruption: () throws -> Void
  ) throws -> [Manifest.Entry] {
    guard !draft.splits.isEmpty else { return [] }
    let group = try file.root.createGroup("modelctl").createGroup("splits")
    var entries = try writeSettings(to: group)
    for split in draft.splits {
      let target = try group.createGroup(split.name)
      try target.setAttribute("role", to: split.role.rawValue)
      entries.append(try writeInputs(split, to: target, checkInterruption))
      entries.append(try writeTargets(split, to: target, checkInterruption))
      entries.append(try writeIdentifiers(split, to: target))
    }
    return entries
  }

  private func writeSettings(to group: HDF5Group) throws -> [Manifest.Entry] {
    var entries: [Manifest.Entry] = []
    if let names = draft.classNames {
      try group.setAttribute("class-names", to: names)
      entries.append(Checkpoint.strings(group.path + "@class-names", names, shape: [names.count]))
    }
    for (name, values, neutral) in [
      ("input-scale", draft.inputScale, 1), ("input-offset", draft.inputOffset, Float(0)),
    ] where values != [neutral] {
      try group.setAttribute(name, to: values)
      entries.append(Checkpoint.floats("\(group.path)@\(name)", values))
    }
    return entries
  }

  private func writeInputs(
    _ split: DraftSplit, to group: HDF5Group, _ checkInterruption: () throws -> Void
  ) throws -> Manifest.Entry {
    let layout = split.samples.layout
    let dataset = try create(
      FormatPaths.inputs, in: group, layout.elementType,
      [split.count] + layout.sampleShape.dimensions)
    var digest = try ArrayDigest(of: dataset)
    var writer = try BlockWriter(to: dataset, rowBytes: layout.bytesPerSample)
    let limit = try dataset.blockRows()
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(1, min(limit, split.count) * layout.bytesPerSample), alignment: 64)
    defer { buffer.deallocate() }
    for run in split.runs(limit: limit) {
      try checkInterruption()
      let part = UnsafeMutableRawBufferPointer(
        rebasing: buffer.prefix(run.count * layout.bytesPerSample))
      try split.samples.readInputs(run, into: part)
      digest.update(UnsafeRawBufferPointer(part))
      try writer.append(UnsafeRawBufferPointer(part))
    }
    try writer.finish()
    return digest.entry(at: dataset.path)
  }

  private func writeTargets(
    _ split: DraftSplit, to group: HDF5Group, _ checkInterruption: () throws -> Void
  ) throws -> Manifest.Entry {
    var target: (dataset: HDF5Dataset, digest: ArrayDigest, writer: BlockWriter)?
    func append(_ bytes: UnsafeRawBufferPointer, type: ElementType, width: [Int]) throws {
      var next = try target ?? columnWriter(split, in: group, type, width)
      next.digest.update(bytes)
      try next.writer.append(bytes)
      target = next
    }
    var row = 0
    for run in split.runs(limit: 65_536) {
      try checkInterruption()
      switch try split.samples.readTargets(run) {
      case .classes(let classes):
        try check(classes, of: split, from: row)
        try classes.map(\.littleEndian).withUnsafeBytes { bytes in
          try append(bytes, type: .int32, width: [])
        }
      case .distributions(let values, let width):
        try values.map(\.bitPattern.littleEndian).withUnsafeBytes { bytes in
          try append(bytes, type: .float32, width: [width])
        }
      }
      row += run.count
    }
    var finished = try target ?? columnWriter(split, in: group, .int32, [])
    try finished.writer.finish()
    return finished.digest.entry(at: finished.dataset.path)
  }

  private func check(_ classes: [Int32], of split: DraftSplit, from row: Int) throws {
    let count = split.samples.layout.classCount
    guard let wrong = classes.firstIndex(where: { $0 < 0 || $0 >= count }) else { return }
    throw CheckpointError(
      path, .classOutOfRange(split: split.name, row: row + wrong, classCount: count))
  }

  private func columnWriter(
    _ split: DraftSplit, in group: HDF5Group, _ type: ElementType, _ width: [Int]
  ) throws -> (dataset: HDF5Dataset, digest: ArrayDigest, writer: BlockWriter) {
    let dataset = try create(FormatPaths.targets, in: group, type, [split.count] + width)
    return (
      dataset, try ArrayDigest(of: dataset),
      try BlockWriter(to: dataset, rowBytes: dataset.byteCount(rows: 1))
    )
  }

  private func writeIdentifiers(
    _ split: DraftSplit, to group: HDF5Group
  ) throws -> Manifest.Entry {
    let strings = split.identifiers.compactMap { identifier -> String? in
      guard case .string(let text) = identifier else { return nil }
      return text
    }
    guard strings.isEmpty else {
      let dataset = try group.createDataset(
        FormatPaths.identifiers, type: .variableString, shape: [strings.count])
      try dataset.write(strings: strings)
      var digest = try ArrayDigest(of: dataset)
      digest.update(strings)
      return digest.entry(at: dataset.path)
    }
    let dataset = try create(FormatPaths.identifiers, in: group, .int64, [split.count])
    let integers = split.identifiers.map { identifier -> Int64 in
      guard case .integer(let value) = identifier else { return 0 }
      return value
    }
    var digest = try ArrayDigest(of: dataset)
    try integers.map(\.littleEndian).withUnsafeBytes { bytes in
      digest.update(bytes)
      try dataset.write(from: bytes)
    }
    return digest.entry(at: dataset.path)
  }

  /// A column that is packed in chunks along its rows.
  private func create(
    _ name: String, in group: HDF5Group, _ type: ElementType, _ shape: [Int]
  ) throws -> HDF5Dataset {
    let rowBytes = try Shape(Array(shape.dropFirst())).byteCount(of: type)
    let rows = min(max(1, Self.chunkBytes / max(1, rowBytes)), shape[0])
    // Shuffling sorts the bytes of wide numbers by their weight, which packs better.
    let filters: [HDF5DatasetDescription.Filter] =
      (type.byteCount > 1 ? [.shuffle] : []) + [.deflate(level: 4)]
    let isEmpty = shape.contains(0)
    return try group.createDataset(
      name, type: type.storedType, shape: shape,
      storage: isEmpty
        ? .contiguous : .chunked(extents: [rows] + shape.dropFirst(), filters: filters))
  }
}
