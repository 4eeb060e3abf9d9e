import ModelCore

/// The oracle's optimizers, straight from the formulas.
struct NaiveOptimizer {
  /// Where Adam adds its epsilon.
  enum AdamForm {
    /// `w -= rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)`: Kingma and Ba, ICLR 2015,
    /// algorithm 1.
    case published
    /// `w -= rate sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + epsilon)`: Keras, and the end of the
    /// paper's section 2.
    case keras
  }

  let kind: TrainingRecipe.Optimizer
  var form = AdamForm.published
  private var first: [ParameterName: [Double]] = [:]
  private var second: [ParameterName: [Double]] = [:]
  private var steps = 0

  init(_ kind: TrainingRecipe.Optimizer, form: AdamForm = .published) {
    self.kind = kind
    self.form = form
  }

  mutating func step(
    _ network: inout NaiveNetwork, _ gradients: [ParameterName: [Double]], learningRate: Double
  ) {
    steps += 1
    for (name, gradient) in gradients {
      guard var weights = network.weights[name] else { continue }
      var m = first[name] ?? gradient.map { _ in 0 }
      var v = second[name] ?? m
      for i in gradient.indices {
        weights[i] -= learningRate * direction(gradient[i], &m[i], &v[i])
      }
      (first[name], second[name], network.weights[name]) = (m, v, weights)
    }
  }

  private func direction(_ gradient: Double, _ m: inout Double, _ v: inout Double) -> Double {
    switch kind {
    case .sgd(let momentum):
      m = Double(momentum) * m + gradient
      return m
    case .adam(let beta1, let beta2, let epsilon):
      let (b1, b2, epsilon) = (Double(beta1), Double(beta2), Double(epsilon))
      m = b1 * m + (1 - b1) * gradient
      v = b2 * v + (1 - b2) * gradient * gradient
      let (first, second) = (1 - power(b1, steps), 1 - power(b2, steps))
      return switch form {
      case .published: m / first / ((v / second).squareRoot() + epsilon)
      case .keras: second.squareRoot() / first * m / (v.squareRoot() + epsilon)
      }
    }
  }

  private func power(_ base: Double, _ exponent: Int) -> Double {
    (0..<exponent).reduce(1) { product, _ in product * base }
  }
}
