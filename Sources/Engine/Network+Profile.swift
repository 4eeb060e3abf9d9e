extension Network {
  /// Where the time of a step goes: every part with its median seconds, in the order in which
  /// they run.
  ///
  /// - Parameter seconds: how long to measure.
  /// - Throws: `EngineError.emptyBatch`, `OneDNNError`.
  public func profile(
    _ batch: Batch, inference: Bool = false, seconds: Double
  ) throws -> [(name: String, seconds: Double)] {
    guard batch.count > 0, let input = batch.inputs.baseAddress else {
      throw EngineError.emptyBatch
    }
    if inference {
      let plan = try plan(batch.count, .inference)
      return try profile(plan, input, seconds)
    }
    try backpropagate(batch, mode: .training)
    return try profile(try plan(batch.count, .training(.training)), input, seconds)
  }

  private func profile(
    _ plan: Plan, _ input: UnsafePointer<Float>, _ seconds: Double
  ) throws -> [(name: String, seconds: Double)] {
    let clock = ContinuousClock()
    let start = clock.now
    func now() -> Double { start.duration(to: clock.now) / .seconds(1) }
    let names = plan.implementations
    var runs: [[Double]] = []
    while runs.count < 5 || now() < seconds {
      var times = [Double](repeating: 0, count: names.count)
      try plan.runTimed(input, seconds: &times, clock: now)
      runs.append(times)
    }
    return names.enumerated().map { index, name in
      (name, runs.map { $0[index] }.sorted()[runs.count / 2])
    }
  }
}
