internal import Engine
public import ModelCore

/// Where shadow models are kept between audits.
public protocol ShadowStore {
  /// - Returns: nil when there is none, or one that cannot be trusted.
  func load(_ index: Int) throws -> Parameters?
  func save(_ parameters: Parameters, index: Int) throws
}

/// Models trained as the original was, on the retained samples alone: what a model that never saw
/// the forgotten ones is like. Each differs in its first weights and its order of samples.
struct ShadowModels {
  let count: Int
  let recipe: TrainingRecipe
  let seed: UInt64
  let store: (any ShadowStore)?

  /// What a shadow model's training draws from.
  private func seeds(_ index: Int) -> (start: UInt64, order: UInt64) {
    var random = SeededGenerator(seed: seed, stream: "audit/shadow/\(index)")
    return (random.next(), random.next())
  }

  /// Calls `body` with the network holding each shadow model's weights.
  ///
  /// - Parameter progress: called at every step of training with the share of all that is done.
  /// - Returns: how many had to be trained.
  func forEach(
    _ network: Network, samples: AuditSamples, progress: (Double) throws -> Void,
    _ body: (Int) throws -> Void
  ) throws -> Int {
    var trained = 0
    for index in 0..<count {
      if let kept = try store?.load(index) {
        try network.setParameters(kept)
      } else {
        let seeds = seeds(index)
        try network.setParameters(
          Parameters(
            initializing: network.architecture.parameterSpecifications(), seed: seeds.start))
        var recipe = recipe
        recipe.seed = seeds.order
        try network.train(on: samples.train, rows: samples.retainRows, recipe: recipe) {
          try progress((Double(index) + Double($0.step) / Double($0.steps)) / Double(count))
        }
        trained += 1
        try store?.save(network.parameters, index: index)
      }
      try body(index)
    }
    return trained
  }
}
