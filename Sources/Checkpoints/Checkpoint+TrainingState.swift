internal import HDF5

/// What a file keeps of the run that trained its model: an optimizer's state and metrics' sums.
extension Checkpoint {
  /// Leaves out the optimizer's state and the metrics' sums.
  ///
  /// - Parameter keepsMetrics: whether the metrics' variables stay, all zero as after
  ///   `reset_state()`. Without them tf-keras refuses to load weights into a model that was
  ///   trained; Keras 3 stores none.
  func forgettingTraining(keepsMetrics: Bool) -> [String: TreeCopy.Edit] {
    var edits: [String: TreeCopy.Edit] = [flavour.optimizerState: .drop]
    guard keepsMetrics else {
      if let metrics = flavour.metrics { edits[metrics] = .drop }
      return edits
    }
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

  private var metricVariables: [(path: String, isFixedSize: Bool)] {
    guard let metrics = flavour.metrics else { return [] }
    return file.paths.filter { $0.hasPrefix(metrics + "/") }.sorted().compactMap { path in
      guard case .dataset(let description) = file.node(at: path) else { return nil }
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
