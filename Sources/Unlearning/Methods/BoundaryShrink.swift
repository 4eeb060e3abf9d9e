internal import Engine
internal import Evidence
internal import ModelCore

/// Gives each sample of a class to the class on the other side of the nearest boundary.
///
/// That class is what the original model answers a step of length `epsilon` up the sample's own loss,
/// sign by sign of its gradient. The paper takes steps on these samples alone (`retainBatch` 0); with
/// retained ones beside them less of the rest is lost.
///
/// With `expands` the class is one that is added for them and taken away again (`BoundaryExpansion`).
///
/// - SeeAlso: Chen et al., "Boundary Unlearning", CVPR 2023, boundary shrink and boundary expand.
public struct BoundaryShrink: UnlearningMethod, Hashable {
  /// The step's length in each element, as a share of the samples' standard deviation; 0 takes the
  /// nearest other class of the sample itself.
  public var epsilon: Float = 0.3
  public var forgetBatch = 64
  /// How many retained samples go into a step; 0 for none.
  public var retainBatch = 128
  /// Adam's rate as a share of training's.
  public var rateShare: Float = 0.15
  /// The passes over the samples to forget; nil for five, and then on until they are forgotten.
  public var passes: Double?
  /// Whether the samples go to a class of their own, which is then removed.
  public var expands = false

  public init() {}

  public var name: String { "boundary" }
  public static var knobs: [String: Knob<BoundaryShrink>] {
    [
      "epsilon": .rate(\.epsilon, in: 0...1000),
      "forgetBatch": .count(\.forgetBatch, in: 1...65_536),
      "retainBatch": .count(\.retainBatch, in: 0...65_536),
      "rateShare": .rate(\.rateShare, in: 0.0001...100),
      "expand": .flag(\.expands),
      "passes": .automatic(\.passes, in: 0.01...10_000),
    ]
  }

  public func unlearn(_ session: UnlearningSession) throws {
    guard case .classes = session.problem.scenario else {
      throw UnlearningError.scenario(method: name, expected: "whole classes")
    }
    guard !expands else {
      // Ten passes as published, at the same proportion of retained samples as the steps below have.
      return try BoundaryExpansion(
        retained: Double(retainBatch) / Double(max(1, forgetBatch)), passes: passes ?? 10,
        rateShare: rateShare
      ).apply(to: session)
    }
    let table = TargetTable.labels(
      try neighbours(session), classCount: session.problem.classCount)
    let (forget, retain) = session.batchSizes(forget: forgetBatch, retain: retainBatch)
    var terms = [Descent.Term(.forget, count: forget, .init(.table(table)))]
    if retainBatch > 0 { terms.append(.init(.retain, count: retain, .init(.labels))) }
    let checks = passes == nil ? session.affordableChecks : 0
    let affordable = session.affordableSteps(
      passesPerStep: Double(terms.reduce(0) { $0 + $1.count }), checks: checks)
    let pass = Double(session.problem.forgetRows.count) / Double(forget)
    let wanted = max(1, Int(min((passes ?? .infinity) * pass, 1e9)))
    var descent = Descent(
      [.init(terms)], steps: min(affordable, wanted),
      learningRate: session.adamLearningRate * rateShare)
    descent.schedule = .constant
    descent.averages = false
    descent.checks = checks
    descent.react = { check, _ in
      Double(check.step) >= 5 * pass && session.isReached(check) ? .stop : .go
    }
    try session.descend(descent)
  }

  /// The nearest other class of each sample to forget, in the order of their rows.
  private func neighbours(_ session: UnlearningSession) throws -> [Int32] {
    if epsilon > 0 {
      try session.requireInputGradient(instead: "; --set epsilon=0 takes none")
    }
    let (network, problem) = (session.network, session.problem)
    let gone = Set(problem.forgottenClasses)
    let width = network.classCount
    let batch = Batch(
      capacity: 256, sampleElementCount: network.sampleShape.elementCount, classCount: width)
    var result: [Int32] = []
    let rows = problem.forgetRows
    try session.require(
      Double(rows.count) * 4 / 3, purpose: "looking for the nearest class of each sample takes")
    for start in stride(from: 0, to: rows.count, by: batch.capacity) {
      let some = Array(rows[start..<min(rows.count, start + batch.capacity)])
      let stored = try StoredInputs(network, problem.data.train, some)
      batch.removeAll()
      _ = batch.inputs.update(fromContentsOf: stored.values)
      batch.setCount(some.count)
      if epsilon > 0 {
        try step(batch, stored, network)
        session.meter.addTrained(some.count)
      }
      let logits = try answers(batch, network)
      session.meter.addEvaluated(some.count)
      for row in some.indices {
        let others = (0..<width).filter { !gone.contains($0) }
        let nearest = others.max { logits[row * width + $0] < logits[row * width + $1] }
        result.append(Int32(nearest ?? 0))
      }
    }
    return result
  }

  /// Moves a batch a step up its loss, within the range of the samples.
  private func step(_ batch: Batch, _ stored: StoredInputs, _ network: Network) throws {
    let gradient = try InputLoss.gradients(network, batch, labels: stored.labels.map(Int.init))
    let values = stored.values
    let (lowest, highest) = (values.min() ?? 0, values.max() ?? 0)
    let mean = values.reduce(0.0) { $0 + Double($1) } / Double(max(1, values.count))
    let squares = values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
    let length = epsilon * Float((squares / Double(max(1, values.count))).squareRoot())
    for index in gradient.indices {
      let sign: Float = gradient[index] > 0 ? 1 : gradient[index] < 0 ? -1 : 0
      batch.inputs[index] = min(max(values[index] + length * sign, lowest), highest)
    }
  }

  /// `[N, C]`.
  private func answers(_ batch: Batch, _ network: Network) throws -> [Float] {
    var logits = [Float](repeating: 0, count: batch.count * batch.classCount)
    try logits.withUnsafeMutableBufferPointer {
      try network.logits(UnsafeBufferPointer(batch.inputs), count: batch.count, into: $0)
    }
    return logits
  }
}
