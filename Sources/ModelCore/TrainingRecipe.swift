/// How a model was trained: what retraining repeats, and what costs are measured against.
///
/// - SeeAlso: `Schemas/json/training.schema.json`.
public struct TrainingRecipe: Hashable, Codable, Sendable {
  /// A first-order optimizer; the learning rate is the schedule's.
  public enum Optimizer: Hashable, Codable, Sendable {
    case sgd(momentum: Float)
    case adam(beta1: Float, beta2: Float, epsilon: Float)

    /// Kingma and Ba's published constants.
    public static let adam = Optimizer.adam(beta1: 0.9, beta2: 0.999, epsilon: 1e-8)
  }

  /// How the learning rate moves over a run.
  public enum Schedule: String, Codable, Sendable {
    case constant
    /// From the full rate at the first step, evenly down to zero after the last.
    case linearToZero = "linear-to-zero"
  }

  public var epochs: Int
  public var batchSize: Int
  public var optimizer: Optimizer
  public var learningRate: Float
  public var schedule: Schedule
  public var seed: UInt64

  public init(
    epochs: Int, batchSize: Int = 128, optimizer: Optimizer = .adam, learningRate: Float = 1e-3,
    schedule: Schedule = .linearToZero, seed: UInt64 = 0
  ) {
    self.epochs = epochs
    self.batchSize = batchSize
    self.optimizer = optimizer
    self.learningRate = learningRate
    self.schedule = schedule
    self.seed = seed
  }

  /// The learning rate of one step out of `steps`, counted from zero.
  public func learningRate(step: Int, of steps: Int) -> Float {
    switch schedule {
    case .constant: learningRate
    case .linearToZero: learningRate * Float(1 - Double(step) / Double(max(1, steps)))
    }
  }
}
