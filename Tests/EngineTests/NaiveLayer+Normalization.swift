import ModelCore

extension NaiveLayer {
  /// Mean and variance of every channel: the batch's, or the running ones.
  private func statistics(_ x: NaiveTensor) -> (mean: [Double], variance: [Double]) {
    if usesBatchStatistics { return batchStatistics(x) }
    return (weights["moving_mean"] ?? [], weights["moving_variance"] ?? [])
  }

  private func batchStatistics(_ x: NaiveTensor) -> (mean: [Double], variance: [Double]) {
    let mean = sums(x) { _, value, _ in value }.map { $0 / Double(x.rows) }
    let variance = sums(x) { channel, value, _ in (value - mean[channel]) * (value - mean[channel])
    }
    .map { $0 / Double(x.rows) }
    return (mean, variance)
  }

  private func sums(
    _ x: NaiveTensor, _ term: (_ channel: Int, _ value: Double, _ index: Int) -> Double
  ) -> [Double] {
    var sums = [Double](repeating: 0, count: x.channels)
    for (index, value) in x.values.enumerated() {
      sums[index % x.channels] += term(index % x.channels, value, index)
    }
    return sums
  }

  private func standardized(
    _ x: NaiveTensor, _ normalization: BatchNormalization
  ) -> (values: NaiveTensor, deviation: [Double]) {
    let (mean, variance) = statistics(x)
    let deviation = variance.map { ($0 + Double(normalization.epsilon)).squareRoot() }
    var result = x
    for index in x.values.indices {
      let channel = index % x.channels
      result.values[index] = (x.values[index] - mean[channel]) / deviation[channel]
    }
    return (result, deviation)
  }

  func normalized(_ x: NaiveTensor, _ normalization: BatchNormalization) -> NaiveTensor {
    var y = standardized(x, normalization).values
    for index in y.values.indices {
      let channel = index % x.channels
      y.values[index] =
        y.values[index] * (weights["gamma"]?[channel] ?? 1) + (weights["beta"]?[channel] ?? 0)
    }
    return y
  }

  /// With `h` the standardized input: `dh = gamma dy`, and where mean and variance depend on the
  /// batch `dx = (dh - mean(dh) - h mean(dh h)) / deviation`.
  func normalizedAdjoint(
    _ x: NaiveTensor, _ gradient: NaiveTensor, _ normalization: BatchNormalization
  ) -> Adjoint {
    let (h, deviation) = standardized(x, normalization)
    let beta = sums(gradient) { _, slope, _ in slope }
    let gamma = sums(gradient) { _, slope, index in slope * h.values[index] }
    let share = usesBatchStatistics ? 1 / Double(x.rows) : 0
    var input = x
    for index in x.values.indices {
      let channel = index % x.channels
      let centred =
        gradient.values[index] - share * (beta[channel] + h.values[index] * gamma[channel])
      input.values[index] = (weights["gamma"]?[channel] ?? 1) * centred / deviation[channel]
    }
    var adjoint = Adjoint(inputs: [input])
    if normalization.usesScale { adjoint.weights["gamma"] = gamma }
    if normalization.usesCenter { adjoint.weights["beta"] = beta }
    return adjoint
  }

  /// The running statistics after a step, by role; empty for other layers.
  func runningStatistics(_ inputs: [NaiveTensor]) -> [String: [Double]] {
    guard case .batchNormalization(let normalization) = kind else { return [:] }
    var result: [String: [Double]] = [:]
    let batch = batchStatistics(inputs[0])
    for (role, values) in [("moving_mean", batch.mean), ("moving_variance", batch.variance)] {
      let old = weights[role] ?? []
      let momentum = usesBatchStatistics ? Double(normalization.momentum) : 1
      result[role] = zip(old, values).map { $0 * momentum + $1 * (1 - momentum) }
    }
    return result
  }
}
