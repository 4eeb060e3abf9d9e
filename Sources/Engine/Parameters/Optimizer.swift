internal import CKernels
public import ModelCore
internal import OneDNN

/// Moves a network's weights along their gradients.
///
/// All weights lie in one run, so a step is one loop. Running statistics are never touched, nor
/// are the weights of layers that the file marks as not trainable.
public final class Optimizer {
  public let kind: TrainingRecipe.Optimizer
  public let weightDecay: Float
  public let clipping: TrainingRecipe.Clipping
  private let network: Network
  /// Velocity, or the first moment.
  private let first: FloatArena?
  private let second: FloatArena?
  /// The largest second moment, or the mean gradient.
  private let third: FloatArena?
  private var steps = 0

  init(
    network: Network, kind: TrainingRecipe.Optimizer, weightDecay: Float,
    clipping: TrainingRecipe.Clipping
  ) throws {
    let count = network.store.movingCount
    func room(_ isNeeded: Bool) -> FloatArena? { isNeeded ? FloatArena(count: count) : nil }
    let any = 0...Float.greatestFiniteMagnitude
    switch kind {
    case .sgd(let momentum, _):
      try Self.require(momentum, "momentum", in: 0...1)
      (first, second, third) = (room(momentum != 0), nil, nil)
    case .adam(let beta1, let beta2, let epsilon, let isAMSGrad):
      try Self.require(beta1, "beta1", in: 0...0.999_999)
      try Self.require(beta2, "beta2", in: 0...0.999_999)
      try Self.require(epsilon, "epsilon", in: any)
      (first, second, third) = (room(true), room(true), room(isAMSGrad))
    case .rmsprop(let decay, let momentum, let epsilon, let isCentered):
      try Self.require(decay, "the decay of squares", in: 0...1)
      try Self.require(momentum, "momentum", in: 0...1)
      try Self.require(epsilon, "epsilon", in: any)
      (first, second, third) = (room(momentum != 0), room(true), room(isCentered))
    }
    try Self.require(weightDecay, "weight decay", in: any)
    switch clipping {
    case .none: break
    case .norm(let limit), .globalNorm(let limit), .value(let limit):
      try Self.require(
        limit, "the limit of gradients", in: Float.leastNonzeroMagnitude...any.upperBound)
    }
    self.network = network
    self.kind = kind
    self.weightDecay = weightDecay
    self.clipping = clipping
  }

  /// One step along the gradients of the last `backpropagate`: clips them, decays the weights, and
  /// moves these, by the formulas and in the order of Keras 3 (`keras/src/optimizers`).
  ///
  /// SGD: `m = momentum m + rate g`, `w = w - m`, or with Nesterov's `w - momentum m - rate g`.
  /// Adam: `w = w - rate sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + epsilon)`. RMSprop:
  /// `w = w - rate g / sqrt(v + epsilon)`.
  ///
  /// - Throws: `EngineError.noStepYet` before the first `backpropagate`,
  ///   `EngineError.invalidSetting` for a rate that is not finite, `EngineError.nonFiniteWeights`
  ///   when the step leaves a NaN or an infinity.
  public func step(learningRate: Float) throws {
    try network.requireStep()
    guard learningRate.isFinite else {
      throw EngineError.invalidSetting(
        name: "the learning rate", value: "\(learningRate)", expected: "a finite number")
    }
    guard network.store.movingCount > 0 else { return }
    try network.profiled(.optimizer) { try moveWeights(learningRate) }
  }

  private func moveWeights(_ rate: Float) throws {
    let store = network.store
    Processor.setThreads(network.threads)
    steps += 1
    store.markChanged()
    store.clipGradients(clipping)
    if weightDecay != 0 {
      ck_scale(store.weights.pointer(), 1 - rate * weightDecay, store.movingCount)
    }
    guard move(rate) != 0 else {
      throw EngineError.nonFiniteWeights(step: steps, weight: store.firstNonFiniteWeight)
    }
  }

  private func move(_ rate: Float) -> Int32 {
    let store = network.store
    let (weights, gradients) = (store.weights.pointer(), store.gradients.pointer())
    let (m, v, extra) = (first?.pointer(), second?.pointer(), third?.pointer())
    switch kind {
    case .sgd(let momentum, let isNesterov):
      return ck_sgd(
        weights, gradients, m, rate, momentum, isNesterov ? 1 : 0, store.movingCount)
    case .adam(let beta1, let beta2, let epsilon, _):
      return ck_adam(
        weights, gradients, m, v, extra, rate, beta1, beta2, epsilon, steps, store.movingCount)
    case .rmsprop(let decay, let momentum, let epsilon, _):
      return ck_rmsprop(
        weights, gradients, m, v, extra, rate, decay, momentum, epsilon, store.movingCount)
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

extension ParameterStore {
  /// Keeps the gradients of what training moves small.
  fileprivate func clipGradients(_ clipping: TrainingRecipe.Clipping) {
    switch clipping {
    case .none: break
    case .value(let limit): ck_clip(gradients.pointer(), limit, movingCount)
    case .globalNorm(let limit): Self.shrink(gradients.pointer(), movingCount, to: limit)
    case .norm(let limit):
      for slot in slots where slot.specification.isTrainable && slot.offset < movingCount {
        Self.shrink(gradients.pointer(slot.offset), slot.count, to: limit)
      }
    }
  }

  private static func shrink(_ values: UnsafeMutablePointer<Float>, _ count: Int, to limit: Float) {
    let norm = Float(ck_sum_of_squares(values, count).squareRoot())
    if norm > limit { ck_scale(values, limit / norm, count) }
  }
}
