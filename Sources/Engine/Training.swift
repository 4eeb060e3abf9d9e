public import ModelCore

/// How far a training run is.
public struct TrainingProgress: Sendable {
  /// Counted from zero.
  public var epoch: Int
  public var epochs: Int
  /// Steps done and in all.
  public var step: Int
  public var steps: Int
  /// The mean loss of this epoch so far, in nats a sample.
  public var loss: Double
  /// Whether this step was its epoch's last.
  public var endsEpoch: Bool
}

/// What a training run came to.
public struct TrainingSummary: Hashable, Sendable {
  public var steps: Int
  /// Samples that went forward and backward.
  public var samplePasses: Int
  /// The mean loss of the last epoch, in nats a sample.
  public var finalLoss: Double
}

extension Network {
  /// Trains on the rows of a source as a recipe says: mini-batches in a seeded order, the last
  /// short one kept.
  ///
  /// - Parameters:
  ///   - rows: ascending row numbers, or nil for all.
  ///   - progress: is called after each step; what it throws ends the run.
  /// - Throws: `EngineError.diverged` when a loss or a weight is no finite number any more,
  ///   `EngineError.invalidSetting`, and what the source throws.
  @discardableResult
  public func train(
    on source: any SampleSource, rows: [Int]? = nil, recipe: TrainingRecipe,
    progress: (TrainingProgress) throws -> Void = { _ in }
  ) throws -> TrainingSummary {
    try requireFit(source)
    let stream = try SampleStream(source, rows: rows, seed: recipe.seed, stream: "train/shuffle")
    let batchSize = max(1, min(recipe.batchSize, stream.count))
    let batch = Batch(
      capacity: batchSize, sampleElementCount: sampleShape.elementCount, classCount: classCount)
    let optimizer = try makeOptimizer(
      recipe.optimizer, weightDecay: recipe.weightDecay, clipping: recipe.clipping)
    var variation = try ImageVariation(recipe.augmentation, of: sampleShape, seed: recipe.seed)
    reseedDropout(recipe.seed)
    let steps = recipe.epochs * ((stream.count + batchSize - 1) / batchSize)
    var summary = TrainingSummary(steps: 0, samplePasses: 0, finalLoss: 0)
    for epoch in 0..<recipe.epochs {
      var (loss, seen) = (0.0, 0)
      while seen < stream.count {
        let size = min(batchSize, stream.remainingInEpoch)
        batch.removeAll()
        try profiled(.input) {
          try stream.append(size, to: batch, weight: 1 / Float(size))
          variation?.apply(to: batch)
        }
        let rate = recipe.learningRate(step: summary.steps, of: steps)
        let step = summary.steps + 1
        loss +=
          Double(try self.step(batch, optimizer, rate, number: step, of: steps)) * Double(size)
        seen += size
        summary.steps += 1
        summary.samplePasses += size
        try progress(
          TrainingProgress(
            epoch: epoch, epochs: recipe.epochs, step: summary.steps, steps: steps,
            loss: loss / Double(seen), endsEpoch: seen == stream.count))
      }
      summary.finalLoss = loss / Double(stream.count)
    }
    return summary
  }

  /// - Returns: the batch's loss.
  private func step(
    _ batch: Batch, _ optimizer: Optimizer, _ learningRate: Float, number: Int, of steps: Int
  ) throws -> Float {
    try EngineError.naming(step: number, of: steps) {
      let loss = try backpropagate(batch, mode: .training)
      try optimizer.step(learningRate: learningRate)
      return loss
    }
  }
}
