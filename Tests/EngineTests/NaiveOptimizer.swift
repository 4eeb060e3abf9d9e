import ModelCore

/// The oracle's optimizers, straight from Keras 3's formulas (`keras/src/optimizers`).
struct NaiveOptimizer {
  let kind: TrainingRecipe.Optimizer
  var weightDecay = 0.0
  var clipping = TrainingRecipe.Clipping.none
  private var moments: [ParameterName: [[Double]]] = [:]
  private var steps = 0

  init(
    _ kind: TrainingRecipe.Optimizer, weightDecay: Double = 0,
    clipping: TrainingRecipe.Clipping = .none
  ) {
    self.kind = kind
    self.weightDecay = weightDecay
    self.clipping = clipping
  }

  mutating func step(
    _ network: inout NaiveNetwork, _ gradients: [ParameterName: [Double]], learningRate: Double
  ) {
    steps += 1
    for (name, gradient) in clipped(gradients) {
      guard var weights = network.weights[name] else { continue }
      var state = moments[name] ?? .init(repeating: gradient.map { _ in 0 }, count: 3)
      for i in gradient.indices {
        weights[i] -= weights[i] * weightDecay * learningRate
        var own = state.map { $0[i] }
        weights[i] -= move(gradient[i], &own, learningRate)
        for slot in own.indices { state[slot][i] = own[slot] }
      }
      (moments[name], network.weights[name]) = (state, weights)
    }
  }

  private func move(_ g: Double, _ state: inout [Double], _ rate: Double) -> Double {
    switch kind {
    case .sgd(let momentum, let isNesterov):
      let momentum = Double(momentum)
      state[0] = momentum * state[0] + rate * g
      return isNesterov ? momentum * state[0] + rate * g : state[0]
    case .adam(let beta1, let beta2, let epsilon, let isAMSGrad):
      let (b1, b2) = (Double(beta1), Double(beta2))
      state[0] = b1 * state[0] + (1 - b1) * g
      state[1] = b2 * state[1] + (1 - b2) * g * g
      state[2] = max(state[2], state[1])
      let size = rate * (1 - power(b2, steps)).squareRoot() / (1 - power(b1, steps))
      let second = isAMSGrad ? state[2] : state[1]
      return size * state[0] / (second.squareRoot() + Double(epsilon))
    case .rmsprop(let decay, let momentum, let epsilon, let isCentered):
      let decay = Double(decay)
      state[1] = decay * state[1] + (1 - decay) * g * g
      state[2] = decay * state[2] + (1 - decay) * g
      let under = state[1] + Double(epsilon) - (isCentered ? state[2] * state[2] : 0)
      state[0] = Double(momentum) * state[0] + rate * g / under.squareRoot()
      return state[0]
    }
  }

  private func clipped(_ gradients: [ParameterName: [Double]]) -> [ParameterName: [Double]] {
    func norm(_ values: some Sequence<Double>) -> Double {
      values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }
    switch clipping {
    case .none: return gradients
    case .value(let limit):
      return gradients.mapValues { $0.map { min(max($0, -Double(limit)), Double(limit)) } }
    case .norm(let limit):
      return gradients.mapValues { values in
        let factor = min(1, Double(limit) / norm(values))
        return values.map { $0 * factor }
      }
    case .globalNorm(let limit):
      let factor = min(1, Double(limit) / norm(gradients.values.joined()))
      return gradients.mapValues { $0.map { $0 * factor } }
    }
  }

  private func power(_ base: Double, _ exponent: Int) -> Double {
    (0..<exponent).reduce(1) { product, _ in product * base }
  }
}
