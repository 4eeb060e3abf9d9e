internal import CKernels
public import ModelCore
internal import OneDNN

/// Moves a network's weights along their gradients.
///
/// All weights lie in one run, so a step is one loop. Running statistics are never touched, nor
/// are the weights of layers that the file marks as not trainable.
public final class Optimizer {
  public let kind: TrainingRecipe.Optimizer
  private let network: Network
  /// Velocity, or the first moment.
  private let first: FloatArena?
  private let second: FloatArena?
  private var steps = 0

  init(network: Network, kind: TrainingRecipe.Optimizer) throws {
    let count = network.store.movingCount
    switch kind {
    case .sgd(let momentum):
      try Self.require(momentum, "momentum", in: 0...1)
      first = momentum == 0 ? nil : FloatArena(count: count)
      second = nil
    case .adam(let beta1, let beta2, let epsilon):
      try Self.require(beta1, "beta1", in: 0...0.999_999)
      try Self.require(beta2, "beta2", in: 0...0.999_999)
      try Self.require(epsilon, "epsilon", in: 0...Float.greatestFiniteMagnitude)
      first = FloatArena(count: count)
      second = FloatArena(count: count)
    }
    self.network = network
    self.kind = kind
  }

  /// One step along the gradients of the last `backpropagate`.
  ///
  /// SGD: `v = momentum * v + g`, `w = w - rate * v`. Adam: Kingma and Ba, algorithm 1, with
  /// epsilon added after the bias-corrected root.
  ///
  /// - Throws: `EngineError.noStepYet` before the first `backpropagate`,
  ///   `EngineError.invalidSetting` for a rate that is not finite.
  public func step(learningRate: Float) throws {
    try network.requireStep()
    guard learningRate.isFinite else {
      throw EngineError.invalidSetting(
        name: "the learning rate", value: "\(learningRate)", expected: "a finite number")
    }
    let store = network.store
    guard store.movingCount > 0 else { return }
    Processor.setThreads(network.threads)
    steps += 1
    let (weights, gradients) = (store.weights.pointer(), store.gradients.pointer())
    switch kind {
    case .sgd(let momentum):
      ck_sgd(
        weights, gradients, first?.pointer(), learningRate, momentum, store.movingCount)
    case .adam(let beta1, let beta2, let epsilon):
      ck_adam(
        weights, gradients, first?.pointer(), second?.pointer(), learningRate, beta1, beta2,
        epsilon, steps, store.movingCount)
    }
  }

  private static func require(
    _ value: Float, _ name: String, in range: ClosedRange<Float>
  ) throws {
    guard range.contains(value) else {
      throw EngineError.invalidSetting(
        name: name, value: "\(value)",
        expected: "\(range.lowerBound) to \(range.upperBound)")
    }
  }
}
