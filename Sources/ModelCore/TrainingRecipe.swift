/// How a model was trained: what retraining repeats, and what costs are measured against.
///
/// - SeeAlso: `Schemas/json/training.schema.json`.
public struct TrainingRecipe: Hashable, Codable, Sendable {
  /// A first-order optimizer as Keras 3 computes it; the learning rate is the schedule's.
  public enum Optimizer: Hashable, Codable, Sendable {
    case sgd(momentum: Float, isNesterov: Bool = false)
    case adam(beta1: Float, beta2: Float, epsilon: Float, isAMSGrad: Bool = false)
    /// Without momentum where that is 0.
    case rmsprop(decay: Float, momentum: Float, epsilon: Float, isCentered: Bool = false)

    /// Kingma and Ba's published constants.
    public static let adam = Optimizer.adam(beta1: 0.9, beta2: 0.999, epsilon: 1e-8)
    /// Keras's constants.
    public static let rmsprop = Optimizer.rmsprop(decay: 0.9, momentum: 0, epsilon: 1e-7)
  }

  /// How gradients are kept small.
  public enum Clipping: Hashable, Sendable {
    case none
    /// Each weight's gradient to a Euclidean norm.
    case norm(Float)
    /// All gradients together to a Euclidean norm.
    case globalNorm(Float)
    /// Each number to a magnitude.
    case value(Float)
  }

  /// How training varies images; every sample anew each time it comes.
  public struct Augmentation: Hashable, Codable, Sendable {
    /// The most pixels that an image is moved, in each direction of each axis.
    public var shift: Int
    public var flipsHorizontally: Bool
    public var flipsVertically: Bool

    public init(shift: Int = 0, flipsHorizontally: Bool = false, flipsVertically: Bool = false) {
      self.shift = shift
      self.flipsHorizontally = flipsHorizontally
      self.flipsVertically = flipsVertically
    }

    public static let none = Augmentation()
  }

  public var epochs: Int
  public var batchSize: Int
  public var optimizer: Optimizer
  public var learningRate: Float
  public var schedule: Schedule
  /// What every weight loses before a step, as a share of itself times the learning rate.
  public var weightDecay: Float
  public var clipping: Clipping
  public var augmentation: Augmentation
  public var seed: UInt64

  public init(
    epochs: Int, batchSize: Int = 128, optimizer: Optimizer = .adam, learningRate: Float = 1e-3,
    schedule: Schedule = .linearToZero, weightDecay: Float = 0, clipping: Clipping = .none,
    augmentation: Augmentation = .none, seed: UInt64 = 0
  ) {
    self.epochs = epochs
    self.batchSize = batchSize
    self.optimizer = optimizer
    self.learningRate = learningRate
    self.schedule = schedule
    self.weightDecay = weightDecay
    self.clipping = clipping
    self.augmentation = augmentation
    self.seed = seed
  }

  /// The learning rate of one step out of `steps`, counted from zero.
  public func learningRate(step: Int, of steps: Int) -> Float {
    Float(Double(learningRate) * schedule.factor(step: step, of: steps))
  }
}
