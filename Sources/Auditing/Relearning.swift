internal import Engine
internal import ModelCore

/// How fast a model learns forgotten samples again: what is left in its weights speeds it up.
///
/// The anamnesis index is the unlearned model's steps over the retrained one's, to reach 95 % of the
/// original's accuracy on the forgotten samples by training on these alone, by the recipe at its
/// first rate: 1 is good, less is a residue, more is over-forgetting.
///
/// - SeeAlso: Chundawat et al., "Zero-Shot Machine Unlearning", IEEE TIFS 2023.
public struct Relearning: Hashable, Codable, Sendable {
  /// The accuracy to reach, within 0...1.
  public let target: Double
  /// Steps that the models took; absent where `limit` steps were not enough.
  public let unlearnedSteps: Int?
  public let retrainedSteps: Int?
  /// The most steps that were tried.
  public let limit: Int
  /// One over the other; absent where one of them is, or the retrained model needs no step at all.
  public let anamnesisIndex: Double?

  static let share = 0.95
  static let largestStepCount = 500

  init(target: Double, unlearned: Int?, retrained: Int?, limit: Int) {
    self.target = target
    self.limit = limit
    unlearnedSteps = unlearned
    retrainedSteps = retrained
    anamnesisIndex = unlearned.flatMap { unlearned in
      retrained.flatMap { $0 > 0 ? Double(unlearned) / Double($0) : nil }
    }
  }

  /// Trains the network's present weights on some rows until it answers enough of them rightly.
  ///
  /// - Returns: the steps it took, or nil after `limit`.
  static func steps(
    _ network: Network, source: any SampleSource, rows: [Int], recipe: TrainingRecipe,
    target: Double, seed: UInt64, check: () throws -> Void
  ) throws -> Int? {
    let stream = try SampleStream(source, rows: rows, seed: seed, stream: "audit/relearn")
    let size = max(1, min(recipe.batchSize, rows.count))
    let batch = Batch(
      capacity: size, sampleElementCount: network.sampleShape.elementCount,
      classCount: network.classCount)
    let optimizer = try network.makeOptimizer(recipe.optimizer)
    for step in 0...largestStepCount {
      try check()
      if try network.evaluate(source, rows: rows).accuracy >= target { return step }
      guard step < largestStepCount else { break }
      batch.removeAll()
      try stream.append(size, to: batch, weight: 1 / Float(size))
      try network.backpropagate(batch, mode: .frozen)
      try optimizer.step(learningRate: recipe.learningRate)
    }
    return nil
  }
}
