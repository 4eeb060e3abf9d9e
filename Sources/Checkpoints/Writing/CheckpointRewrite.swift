internal import HDF5
internal import ModelCore

/// Carries a checkpoint over into a new file, with changes.
final class CheckpointRewrite {
  private let source: Checkpoint
  private let changes: CheckpointChanges
  private let options: WriteOptions
  /// Where the weights go, when they change their places.
  private let layout: KerasLayout?
  private var edits: [String: TreeCopy.Edit] = [:]
  private var before: [Manifest.Entry]
  private var after: [Manifest.Entry]
  /// By the path of the new dataset.
  private var written: [String: WrittenColumn] = [:]

  /// Finds out what changes; nothing is written yet.
  ///
  /// - Parameter flavour: the new file's, when it is another one.
  init(
    _ changes: CheckpointChanges, of source: Checkpoint, options: WriteOptions,
    as flavour: CheckpointFlavour? = nil
  ) throws {
    self.source = source
    self.changes = changes
    self.options = options
    let keepsPlaces = source.flavour.storesObjects && flavour?.storesObjects ?? true
    layout = try keepsPlaces ? nil : flavour.map { try KerasLayout($0, of: source) }
    before = source.settingEntries()
    after = try flavour.map { source.settingEntries(config: try source.config(as: $0)) } ?? before
    if !changes.keepsSplits { after.removeAll { $0.path.hasPrefix("modelctl/splits") } }
    try editWeights()
    try checkRows()
  }

  func fill(_ target: HDF5File) throws -> CheckpointAssembly.Outcome {
    // They refer to this; and they keep the source open.
    defer { edits = [:] }
    if changes.keepsSplits { try editSplits() } else { edits[FormatPaths.splits] = .drop }
    if changes.dropsOptimizerState || layout != nil {
      edits.merge(source.forgettingTraining(keepsMetrics: layout == nil)) { _, edit in edit }
    }
    edits[FormatPaths.manifest] = .drop
    edits[FormatPaths.provenance] = .drop
    if changes.recipe != nil { edits[FormatPaths.training] = .drop }
    let own: Set = ["encoding-type", "encoding-version", "producer", "content-digest"]
    var dropped = [FormatPaths.root: own]
    if layout != nil { dropped["/"] = try dropKeras() }
    try TreeCopy(
      source: source.file, target: target, edits: edits, droppedAttributes: dropped,
      checkInterruption: options.checkInterruption
    ).run()
    after += try layout?.write(to: target, options.checkInterruption) ?? []
    return CheckpointAssembly.Outcome(
      entries: after, source: Manifest(before), recipe: changes.recipe,
      records: source.provenance, entry: changes.provenance,
      version: source.formatVersion ?? .current, written: written)
  }

  /// Leaves out what is Keras's own, which the new layout writes in its own way.
  ///
  /// - Returns: the root's attributes that are left out.
  private func dropKeras() throws -> Set<String> {
    for weight in source.storedWeights {
      // The outermost group, or in a file of weights alone the layer's.
      let top = weight.path.split(separator: "/").first.map { "/" + $0 } ?? weight.path
      edits[top] = .drop
    }
    for path in ["/model_weights", "/top_level_model_weights", "/vars"] { edits[path] = .drop }
    let lists = try source.file.root.attributeNames().filter { name in
      name.hasPrefix("layer_names") || name.hasPrefix("weight_names")
    }
    for layer in try source.listedLayers() { edits[HDF5File.path("/", layer)] = .drop }
    return Set(lists + ["model_config", "training_config", "keras_version", "backend"])
  }

  // MARK: Weights

  private func editWeights() throws {
    let replaced = try changes.parameters.map { try replacements($0) } ?? [:]
    for weight in source.storedWeights {
      try options.checkInterruption()
      let dataset = try source.file.dataset(at: weight.path)
      guard layout == nil else {
        before.append(
          try Checkpoint.entry(dataset, options.checkInterruption, type: weight.elementType))
        continue
      }
      guard let parameter = replaced[weight.path],
        let bytes = try NewWeight(parameter, weight, of: source).changedBytes()
      else {
        edits[weight.path] = copying(dataset, type: weight.elementType)
        continue
      }
      before.append(
        try Checkpoint.entry(dataset, options.checkInterruption, type: weight.elementType))
      var digest = try ArrayDigest(of: dataset, type: weight.elementType)
      bytes.withUnsafeBytes { digest.update($0) }
      after.append(digest.entry(at: weight.path))
      edits[weight.path] = .replace { group, name in
        let copy = try group.createDataset(name, like: dataset)
        try copy.copyAttributes(from: dataset)
        try bytes.withUnsafeBytes { try copy.write(from: $0) }
      }
    }
  }

  /// Copies a dataset that the manifest lists.
  private func copying(
    _ dataset: HDF5Dataset, type: ElementType? = nil, removing rows: Set<Int> = []
  ) -> TreeCopy.Edit {
    let copy = ColumnCopy(
      dataset, type: type, removing: rows, checkInterruption: options.checkInterruption)
    return .replace { [self] group, name in
      let result = try copy.run(into: group, as: name)
      before.append(result.before)
      after.append(result.after)
      written[HDF5File.path(group.path, name)] = result.written
    }
  }

  /// The new values by the path of the dataset that they go to.
  private func replacements(_ parameters: Parameters) throws -> [String: Parameter] {
    let weights = try source.weightsByName()
    var result: [String: Parameter] = [:]
    for parameter in parameters.all {
      guard let weight = weights[parameter.name] else {
        throw CheckpointError(source.path, .unexpectedWeight(parameter.name.description))
      }
      result[weight.path] = parameter
    }
    return result
  }

  // MARK: Splits

  private func checkRows() throws {
    for (name, rows) in changes.removedRows {
      let count = try source.split(named: name).layout.count
      guard rows.allSatisfy({ $0 >= 0 && $0 < count }) else {
        throw CheckpointError(source.path, .rows(split: name, count: count))
      }
    }
  }

  private func editSplits() throws {
    for split in source.splits {
      for name in try source.columns(of: split) {
        let path = HDF5File.path(split.path, name)
        edits[path] = copying(
          try source.file.dataset(at: path), removing: changes.removedRows[split.name] ?? [])
      }
    }
  }
}
