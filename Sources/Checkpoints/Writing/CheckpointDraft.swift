public import ModelCore

/// A checkpoint that does not exist yet: a network, its weights and its samples from anywhere.
public struct CheckpointDraft {
  /// The network as Keras's JSON text; nil for a file of samples alone.
  public var modelConfig: String?
  /// Exactly the weights that the network needs.
  public var parameters: Parameters
  public var splits: [DraftSplit] = []
  /// One name for each class, in the order of the classes.
  public var classNames: [String]?
  /// Model input = stored value * scale + offset; one value, or one for each channel.
  public var inputScale: [Float] = [1]
  public var inputOffset: [Float] = [0]
  public var recipe: TrainingRecipe?
  /// How the checkpoint came to be.
  public var provenance: ProvenanceEntry?
  /// The Keras that the description of the network comes from.
  public var kerasVersion = "3.0.0"
  public var backend = "tensorflow"

  public init(modelConfig: String?, parameters: Parameters = Parameters()) {
    self.modelConfig = modelConfig
    self.parameters = parameters
  }

  /// Writes the checkpoint.
  ///
  /// The file is complete or not there, whatever happens; equal inputs give equal bytes.
  ///
  /// - Throws: `CheckpointError`, and what the sources and `options.checkInterruption` throw.
  @discardableResult
  public func write(
    to path: String, options: WriteOptions = WriteOptions()
  ) throws -> WriteReceipt {
    let model = try modelConfig.map { try DraftModel(self, $0, path) }
    try DraftSplits(self, path).check()
    return try CheckpointAssembly(path: path, options: options).write { file in
      var outcome = CheckpointAssembly.Outcome(recipe: recipe, entry: provenance)
      outcome.entries += try model?.write(to: file) ?? []
      outcome.entries += try DraftSplits(self, path).write(to: file, options.checkInterruption)
      return outcome
    }
  }
}

/// Samples on their way into a new checkpoint.
public struct DraftSplit {
  public var name: String
  public var role: SplitRole
  public var samples: any SampleSource
  /// Which samples are taken, in this order; nil for all.
  public var rows: [Int]?
  /// One for each sample that is taken, unique over all splits.
  public var identifiers: [SampleIdentifier]

  public init(
    name: String, role: SplitRole, samples: any SampleSource, rows: [Int]? = nil,
    identifiers: [SampleIdentifier]
  ) {
    self.name = name
    self.role = role
    self.samples = samples
    self.rows = rows
    self.identifiers = identifiers
  }

  /// How many samples are taken.
  public var count: Int { rows?.count ?? samples.layout.count }

  /// Rows of the source that follow one another, at most `limit` at a time.
  func runs(limit: Int) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    for row in rows ?? Array(0..<samples.layout.count) {
      if let last = runs.last, last.upperBound == row, last.count < limit {
        runs[runs.count - 1] = last.lowerBound..<row + 1
      } else {
        runs.append(row..<row + 1)
      }
    }
    return runs
  }
}
