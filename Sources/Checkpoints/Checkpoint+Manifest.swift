internal import HDF5
internal import ModelCore

extension Checkpoint {
  /// Reads everything and says what it is.
  ///
  /// - Parameter checkInterruption: called between blocks; what it throws ends the work.
  public func computeManifest(checkInterruption: () throws -> Void = {}) throws -> Manifest {
    try survey(checkInterruption: checkInterruption).manifest
  }

  /// What reading all arrays once told.
  package struct Survey {
    package let manifest: Manifest
    /// The paths of the datasets in whose chunks every byte was seen to serve an element.
    package let exactDatasets: Set<String>
  }

  /// Reads everything, and says what it is and how it is stored.
  ///
  /// - Parameter checkInterruption: called between blocks; what it throws ends the work.
  package func survey(checkInterruption: () throws -> Void) throws -> Survey {
    try survey(checkInterruption: checkInterruption) { _ in nil }
  }

  /// - Parameter known: what is known about a dataset without reading it.
  func survey(
    checkInterruption: () throws -> Void, known: (HDF5Dataset) throws -> Manifest.Entry?
  ) throws -> Survey {
    try CheckpointError.naming(path) {
      var entries = settingEntries()
      var exact: Set<String> = []
      func read(_ path: String, type: ElementType? = nil) throws {
        let dataset = try file.dataset(at: path)
        if let entry = try known(dataset) { return entries.append(entry) }
        let found = try Self.read(dataset, checkInterruption, type: type)
        entries.append(found.entry)
        if found.isExact { exact.insert(path) }
      }
      for weight in storedWeights { try read(weight.path, type: weight.elementType) }
      for split in splits {
        for name in try columns(of: split) { try read(HDF5File.path(split.path, name)) }
      }
      return Survey(manifest: Manifest(entries), exactDatasets: exact)
    }
  }

  /// The datasets of a split that have a row for each sample: `x`, `y`, `id`, and whatever
  /// somebody else added to them.
  func columns(of split: StoredSplit) throws -> [String] {
    file.names(in: split.path).filter { name in
      guard case .dataset(let column) = file.node(at: HDF5File.path(split.path, name)) else {
        return false
      }
      return column.shape.first == split.layout.count
    }
  }

  /// The settings without which arrays mean something else.
  func settingEntries() -> [Manifest.Entry] {
    settingEntries(config: configPath.flatMap { path in modelConfig.map { (path, $0) } })
  }

  /// - Parameter config: what the manifest calls the architecture, and its text.
  func settingEntries(config: (path: String, text: String)?) -> [Manifest.Entry] {
    var entries: [Manifest.Entry] = []
    if let config { entries.append(Self.strings(config.path, [config.text], shape: [])) }
    if let classNames {
      let path = FormatPaths.splits + "@class-names"
      entries.append(Self.strings(path, classNames, shape: [classNames.count]))
    }
    if inputScale != [1] {
      entries.append(Self.floats(FormatPaths.splits + "@input-scale", inputScale))
    }
    if inputOffset != [0] {
      entries.append(Self.floats(FormatPaths.splits + "@input-offset", inputOffset))
    }
    return entries
  }

  static func strings(
    _ path: String, _ values: [String], shape: [Int]
  ) -> Manifest.Entry {
    var digest = ArrayDigest(type: "string", shape: shape)
    digest.update(values)
    return digest.entry(at: path)
  }

  static func floats(_ path: String, _ values: [Float]) -> Manifest.Entry {
    var digest = ArrayDigest(type: "float32", shape: [values.count])
    values.map(\.bitPattern.littleEndian).withUnsafeBytes { digest.update($0) }
    return digest.entry(at: path)
  }

  static func entry(
    _ dataset: HDF5Dataset, _ checkInterruption: () throws -> Void, type: ElementType? = nil
  ) throws -> Manifest.Entry {
    try read(dataset, checkInterruption, type: type).entry
  }

  /// - Returns: what a dataset is, and whether all of it was seen to lie in chunks in which every
  ///   byte serves an element.
  private static func read(
    _ dataset: HDF5Dataset, _ checkInterruption: () throws -> Void, type: ElementType?
  ) throws -> (entry: Manifest.Entry, isExact: Bool) {
    var digest = try ArrayDigest(of: dataset, type: type)
    var isExact = !dataset.holdsStrings && dataset.description.elementCount > 0
    if dataset.holdsStrings {
      try dataset.forEachStringBlock { _, strings in
        try checkInterruption()
        digest.update(strings)
      }
    } else {
      try RowStream(dataset).forEachBlock(checkInterruption) { block in
        digest.update(UnsafeRawBufferPointer(block.bytes))
        if block.chunks.isEmpty || !block.impureChunks.isEmpty { isExact = false }
      }
    }
    return (digest.entry(at: dataset.path), isExact)
  }
}

extension ArrayDigest {
  /// A digest that waits for a dataset's elements.
  ///
  /// - Parameter rowCount: how many rows will come; nil for all.
  init(of dataset: HDF5Dataset, type: ElementType? = nil, rowCount: Int? = nil) throws {
    var shape = dataset.shape
    if let rowCount, !shape.isEmpty { shape[0] = rowCount }
    let name = try (type ?? ElementType(of: dataset))?.rawValue ?? dataset.type.description
    self.init(type: dataset.holdsStrings ? "string" : name, shape: shape)
  }
}
