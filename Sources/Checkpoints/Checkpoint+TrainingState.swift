internal import HDF5

/// What a file keeps of the run that trained its model: an optimizer's state and metrics' sums.
extension Checkpoint {
  /// Whether an optimizer's state is kept, which holds traces of the samples that it has seen.
  public var hasOptimizerState: Bool { !optimizerStates.isEmpty }

  /// The groups with optimizers' states: the model's, and those of models inside it.
  public var optimizerStates: [String] {
    flavour.storesObjects
      ? trainingGroups("optimizer")
      : ["/optimizer_weights"].filter { file.node(at: $0) != nil }
  }

  /// The groups of one name that models have for a training run.
  private func trainingGroups(_ name: String) -> [String] {
    file.paths.filter { path in
      path.hasSuffix("/" + name)
        && KerasObjectStore.isModel(String(path.dropLast(name.count + 1)), in: file)
    }.sorted()
  }

  /// Leaves out the optimizer's state and the metrics' sums.
  ///
  /// - Parameter keepsMetrics: whether the metrics' variables stay, all zero as after
  ///   `reset_state()`. Without them tf-keras refuses to load weights into a model that was
  ///   trained; Keras 3 stores none.
  func forgettingTraining(keepsMetrics: Bool) -> [String: TreeCopy.Edit] {
    var edits: [String: TreeCopy.Edit] = [:]
    for path in optimizerStates + (keepsMetrics ? [] : metrics) { edits[path] = .drop }
    guard keepsMetrics else { return edits }
    for (path, isFixedSize) in metricVariables {
      guard isFixedSize else {
        edits[path] = .drop
        continue
      }
      edits[path] = .replace { [file] group, name in
        try file.dataset(at: path).copyZeros(into: group, as: name)
      }
    }
    return edits
  }

  /// The metrics' datasets that hold more than zeros, and so traces of samples.
  public func metricsWithTraces(_ checkInterruption: () throws -> Void = {}) throws -> [String] {
    try metricVariables.filter { path, isFixedSize in
      guard isFixedSize else { return true }
      var isZero = true
      try file.dataset(at: path).forEachBlock { _, bytes in
        try checkInterruption()
        isZero = isZero && bytes.allSatisfy { $0 == 0 }
      }
      return !isZero
    }.map(\.path)
  }

  private var metrics: [String] { flavour.storesObjects ? trainingGroups("metrics") : [] }

  private var metricVariables: [(path: String, isFixedSize: Bool)] {
    let groups = metrics.map { $0 + "/" }
    return file.paths.sorted().compactMap { path in
      guard groups.contains(where: { path.hasPrefix($0) }),
        case .dataset(let description) = file.node(at: path)
      else { return nil }
      return (path, description.type.byteCount != nil)
    }
  }
}

extension HDF5Dataset {
  fileprivate func copyZeros(into group: HDF5Group, as name: String) throws {
    let copy = try group.createDataset(name, like: self)
    try copy.copyAttributes(from: self)
    try forEachBlock { rows, bytes in
      let zeros = [UInt8](repeating: 0, count: bytes.count)
      try zeros.withUnsafeBytes { try copy.write(rows, from: $0) }
    }
  }
}
