public import ModelCore

/// Moves a network's weights along their gradients.
public final class Optimizer {
  public let kind: TrainingRecipe.Optimizer
  private let network: Network

  init(network: Network, kind: TrainingRecipe.Optimizer) {
    self.network = network
    self.kind = kind
  }

  /// One step along the gradients of the last `backpropagate`. Running statistics stay.
  ///
  /// - Throws: `EngineError.noStepYet` before the first `backpropagate`.
  public func step(learningRate: Float) throws { throw EngineError.noStepYet }
}
