internal import HDF5
internal import ModelCore

extension Checkpoint {
  /// Reads everything and says what it is.
  ///
  /// - Parameter checkInterruption: called between blocks; what it throws ends the work.
  public func computeManifest(checkInterruption: () throws -> Void = {}) throws -> Manifest {
    try computeManifest(checkInterruption: checkInterruption) { _ in nil }
  }

  /// - Parameter known: what is known about a dataset without reading it.
  func computeManifest(
    checkInterruption: () throws -> Void, known: (HDF5Dataset) throws -> Manifest.Entry?
  ) throws -> Manifest {
    try CheckpointError.naming(path) {
      var entries = settingEntries()
      for weight in storedWeights {
        let dataset = try file.dataset(at: weight.path)
        entries.append(
          try known(dataset)
            ?? Self.entry(dataset, checkInterruption, type: weight.elementType))
      }
      for split in splits {
        for name in try columns(of: split) {
          let dataset = try file.dataset(at: HDF5File.path(split.path, name))
          entries.append(try known(dataset) ?? Self.entry(dataset, checkInterruption))
        }
      }
      return Manifest(entries)
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
    var digest = try ArrayDigest(of: dataset, type: type)
    if dataset.holdsStrings {
      try dataset.forEachStringBlock { _, strings in
        try checkInterruption()
        digest.update(strings)
      }
    } else {
      try RowStream(dataset).forEachBlock(checkInterruption) { block in
        digest.update(UnsafeRawBufferPointer(block.bytes))
      }
    }
    return digest.entry(at: dataset.path)
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
