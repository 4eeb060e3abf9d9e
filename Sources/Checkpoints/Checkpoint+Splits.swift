internal import HDF5
public import ModelCore

extension Checkpoint {
  /// - Throws: `CheckpointError.Problem.unknownSplit`.
  public func split(named name: String) throws -> StoredSplit {
    guard let split = splits.first(where: { $0.name == name }) else {
      throw CheckpointError(path, .unknownSplit(name))
    }
    return split
  }

  /// The splits of a role, in the file's order.
  public func splits(_ role: SplitRole) -> [StoredSplit] { splits.filter { $0.role == role } }

  /// A stream of a split's samples; classes are checked as they are read.
  public func samples(of split: StoredSplit) throws -> any SampleSource {
    try CheckpointError.naming(path) { try StoredSamples(split, of: file) }
  }

  /// Reads the identifiers of neighbouring rows, or of all.
  public func identifiers(
    of split: StoredSplit, rows: Range<Int>? = nil
  ) throws -> [SampleIdentifier] {
    let rows = rows ?? 0..<split.layout.count
    guard rows.lowerBound >= 0, rows.upperBound <= split.layout.count else {
      throw CheckpointError(path, .rows(split: split.name, count: split.layout.count))
    }
    return try CheckpointError.naming(path) {
      let dataset = try file.dataset(at: HDF5File.path(split.path, FormatPaths.identifiers))
      if split.idKind == .strings { return try dataset.strings(rows).map { .string($0) } }
      let tensor = try Tensor(
        elementType: ElementType(of: dataset) ?? .int64, shape: Shape(vector: rows.count),
        bytes: dataset.bytes(rows))
      guard let values = tensor.integers else {
        throw CheckpointError(
          path,
          .malformed(
            object: dataset.path, expected: "ids that fit 64 bits with a sign",
            found: "a larger one in rows \(rows)"))
      }
      return values.map { .integer($0) }
    }
  }

  /// How many samples each class has; a sample with probabilities counts for its likeliest one.
  public func classCounts(of split: StoredSplit) throws -> [Int] {
    var counts = [Int](repeating: 0, count: split.layout.classCount)
    let source = try samples(of: split)
    for start in stride(from: 0, to: split.layout.count, by: 65_536) {
      switch try source.readTargets(start..<min(start + 65_536, split.layout.count)) {
      case .classes(let classes): for index in classes { counts[Int(index)] += 1 }
      case .distributions(let values, let width):
        for row in stride(from: 0, to: values.count, by: max(1, width)) {
          let scores = values[row..<row + width]
          if let best = scores.indices.max(by: { scores[$0] < scores[$1] }) {
            counts[best - row] += 1
          }
        }
      }
    }
    return counts
  }

  /// Reads all targets and identifiers and checks what opening does not: every class is one
  /// of the known ones, and no identifier occurs twice.
  ///
  /// - Parameter checkInterruption: called between blocks; what it throws ends the work.
  public func validateSplits(checkInterruption: () throws -> Void = {}) throws {
    var seen: [SampleIdentifier: String] = [:]
    for split in splits {
      _ = try classCounts(of: split)
      for start in stride(from: 0, to: split.layout.count, by: 16_384) {
        try checkInterruption()
        let rows = start..<min(start + 16_384, split.layout.count)
        for (row, identifier) in zip(rows, try identifiers(of: split, rows: rows)) {
          guard let other = seen.updateValue(split.name, forKey: identifier) else { continue }
          throw CheckpointError(
            path, .duplicateIdentifier(split: split.name, row: row, otherSplit: other))
        }
      }
    }
  }
}
