internal import Engine
internal import Evidence
internal import Foundation
internal import ModelCore

/// Weakens the weights that matter much more to the samples to forget than to all samples.
///
/// A weight's importance is the mean square of its gradient, sample by sample: a batch's mean gradient,
/// squared, which the published code takes, loses all that cancels within the batch. Weights with
/// `I_F > alpha I_D` are multiplied by `min(1, lambda I_D / I_F)`. Both are specific to a model, so they
/// are searched for, by tests, and what the rest loses is repaired on retained samples. The paper takes
/// no step (`repairs` false).
///
/// - SeeAlso: Foster, Schoepf and Brintrup, "Fast Machine Unlearning without Retraining through
///   Selective Synaptic Dampening", AAAI 2024.
public struct SynapticDampening: UnlearningMethod, Hashable {
  /// nil searches for it.
  public var alpha: Double?
  /// nil tries 1, as published, and a tenth and a hundredth of it.
  public var lambda: Double?
  /// The most samples of either kind that importance is taken from.
  public var samples = 1000
  /// Whether retained samples repair the rest with what the budget leaves.
  public var repairs = true
  public var retainBatch = 128
  /// Adam's rate of that as a share of training's.
  public var rateShare: Float = 0.25

  public init() {}

  public var name: String { "ssd" }
  public static var knobs: [String: Knob<SynapticDampening>] {
    [
      "alpha": .automatic(\.alpha, in: 1e-6...1e9), "lambda": .automatic(\.lambda, in: 0...1e6),
      "samples": .count(\.samples, in: 1...1_000_000), "repairs": .flag(\.repairs),
      "retainBatch": .count(\.retainBatch, in: 1...65_536),
      "rateShare": .rate(\.rateShare, in: 0.0001...100),
    ]
  }

  public func unlearn(_ session: UnlearningSession) throws {
    let room = max(2, Int(min(session.remaining * 0.2, 1e9)))
    let forget = try importance(
      session, "forget", rows: session.rows(of: .forget), atMost: min(samples, room / 2))
    let everyone = try (session.rows(of: .forget) + session.rows(of: .retain)).sorted()
    let all = try importance(session, "all", rows: everyone, atMost: min(samples, room / 2))
    try search(session, forget, all)
    let isTouched = try session.network.parameters != session.original
    if repairs, isTouched { try repair(session) }
  }

  /// The mean square of each weight's gradient.
  private func importance(
    _ session: UnlearningSession, _ name: String, rows: [Int], atMost count: Int
  ) throws -> [Float] {
    let samples = GivenSamples(name, session.problem.data.train, rows: rows)
    let stream = try GradientStream(session, .given(samples), count: 1, name: "ssd/\(name)")
    let asked = max(1, min(count, stream.sampleCount))
    var sum: [Float] = []
    for index in 0..<asked {
      try stream.advance()
      let gradient = try stream.gradient().values
      if sum.isEmpty { sum = [Float](repeating: 0, count: gradient.count) }
      for weight in sum.indices { sum[weight] += gradient[weight] * gradient[weight] }
      if index % 16 == 0 { try session.progress(step: 0, of: asked) }
    }
    session.note("\(name)Samples", .number(Double(asked)))
    return sum.map { $0 / Float(asked) }
  }

  private func dampen(
    _ session: UnlearningSession, _ forget: [Float], _ all: [Float], alpha: Double, lambda: Double
  ) throws {
    var weights = try session.originalWeights
    var touched = 0
    for index in weights.values.indices where forget[index] > Float(alpha) * all[index] {
      weights.values[index] *= min(1, Float(lambda) * all[index] / max(forget[index], 1e-38))
      touched += 1
    }
    session.note("alpha", alpha.isFinite ? .number(alpha) : .text("none"))
    session.note("lambda", .number(lambda))
    session.note("dampened", .number(Double(touched) / Double(max(1, weights.count))))
    try session.network.setParameters(weights.written(into: session.original))
  }

  /// For each `lambda` the largest `alpha`, which leaves most as it is, at which a test finds the request
  /// fulfilled: by bisection of its logarithm, for the smaller it is the more is weakened. What fulfils it
  /// at a loss that can be repaired comes first, then what a test finds least wrong with; if that is the
  /// untouched model, it stays.
  private func search(
    _ session: UnlearningSession, _ forget: [Float], _ all: [Float]
  ) throws {
    let lambdas: [Double] = self.lambda.map { [$0] } ?? [1, 0.1, 0.01]
    if let alpha, lambdas.count == 1 {
      try dampen(session, forget, all, alpha: alpha, lambda: lambdas[0])
      return try session.progress(step: 1, of: 1)
    }
    guard let untouched = try session.check(step: 0) else { return }
    var best = Candidate(session, untouched, alpha: .infinity, lambda: 1)
    // A search is all tests: up to half of what is left goes into them.
    let tests = min(12, Int(min(max(0, session.remaining) / 2 / session.checkCost, 100)))
    let each = alpha == nil ? max(1, tests / lambdas.count) : 1
    for (number, lambda) in lambdas.enumerated() {
      var (low, high) = (0.0, log(1000.0))
      for step in 0..<each {
        let tried = alpha ?? exp((low + high) / 2)
        try dampen(session, forget, all, alpha: tried, lambda: lambda)
        let done = number * each + step + 1
        try session.progress(step: done, of: lambdas.count * each)
        guard let found = try session.check(step: done) else { return }
        let candidate = Candidate(session, found, alpha: tried, lambda: lambda)
        if candidate.isBetter(than: best) { best = candidate }
        if session.isReached(found) { low = log(tried) } else { high = log(tried) }
      }
    }
    try dampen(session, forget, all, alpha: best.alpha, lambda: best.lambda)
  }

  /// What a test found at one strength.
  private struct Candidate {
    let alpha: Double
    let lambda: Double
    private let isUsable: Bool
    private let distance: Double

    /// Share of unseen samples: what a few steps on retained samples were seen to bring back.
    private static let repairableLoss = 0.1

    init(_ session: UnlearningSession, _ check: Check, alpha: Double, lambda: Double) {
      (self.alpha, self.lambda) = (alpha, lambda)
      isUsable = session.isReached(check) && check.accuracyLost <= Self.repairableLoss
      distance = session.distance(of: check)
    }

    func isBetter(than other: Candidate) -> Bool {
      isUsable == other.isUsable ? distance < other.distance : isUsable
    }
  }

  private func repair(_ session: UnlearningSession) throws {
    let size = session.batchSizes(forget: 0, retain: retainBatch).retain
    let checks = session.affordableChecks / 2
    var descent = Descent(
      [.init([.init(.retain, count: size, .init(.labels))])],
      steps: session.affordableSteps(passesPerStep: Double(size), checks: checks),
      learningRate: session.adamLearningRate * rateShare)
    descent.warmUp = 0.1
    descent.schedule = .linearToZero
    descent.checks = checks
    descent.choice = .nearest
    try session.descend(descent)
  }
}
