internal import Engine
internal import Evidence
internal import Foundation
internal import ModelCore

/// Weakens the weights that matter much more to the samples to forget than to all samples.
///
/// A weight's importance is the mean square of its gradient, sample by sample: a batch's mean gradient,
/// squared, which the published code takes, loses all that cancels within the batch. Weights with
/// `I_F > alpha I_D` are multiplied by `min(1, lambda I_D / I_F)`. No step is taken. `alpha` is
/// specific to a model, so it is searched for, by tests.
///
/// - SeeAlso: Foster, Schoepf and Brintrup, "Fast Machine Unlearning without Retraining through
///   Selective Synaptic Dampening", AAAI 2024.
public struct SynapticDampening: UnlearningMethod, Hashable {
  /// nil searches for it.
  public var alpha: Double?
  public var lambda = 1.0
  /// The most samples of either kind that importance is taken from.
  public var samples = 1000

  public init() {}

  public var name: String { "ssd" }
  public static var knobs: [String: Knob<SynapticDampening>] {
    [
      "alpha": .automatic(\.alpha, in: 1e-6...1e9), "lambda": .number(\.lambda, in: 0...1e6),
      "samples": .count(\.samples, in: 1...1_000_000),
    ]
  }

  public func unlearn(_ session: UnlearningSession) throws {
    let checks = alpha == nil ? 10 : 0
    let room = max(2, Int(min(session.remaining * 0.6, 1e9)))
    let forget = try importance(
      session, "forget", rows: session.rows(of: .forget), atMost: min(samples, room / 2))
    let everyone = try (session.rows(of: .forget) + session.rows(of: .retain)).sorted()
    let all = try importance(session, "all", rows: everyone, atMost: min(samples, room / 2))
    if let alpha {
      try dampen(session, forget, all, alpha: alpha)
      try session.progress(step: 1, of: 1)
    } else {
      try search(session, forget, all, checks: checks)
    }
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
    _ session: UnlearningSession, _ forget: [Float], _ all: [Float], alpha: Double
  ) throws {
    var weights = try session.originalWeights
    var touched = 0
    for index in weights.values.indices where forget[index] > Float(alpha) * all[index] {
      weights.values[index] *= min(1, Float(lambda) * all[index] / max(forget[index], 1e-38))
      touched += 1
    }
    session.note("alpha", .number(alpha))
    session.note("dampened", .number(Double(touched) / Double(max(1, weights.count))))
    try session.network.setParameters(weights.written(into: session.original))
  }

  /// The largest `alpha`, which leaves most as it is, at which a test finds the request fulfilled; by
  /// bisection of its logarithm, for the smaller it is the more is weakened.
  private func search(
    _ session: UnlearningSession, _ forget: [Float], _ all: [Float], checks: Int
  ) throws {
    var (low, high) = (log(0.05), log(1000.0))
    for check in 1...checks {
      let middle = (low + high) / 2
      try dampen(session, forget, all, alpha: exp(middle))
      try session.progress(step: check, of: checks)
      guard let found = try session.check(step: check) else { break }
      if session.isReached(found) { low = middle } else { high = middle }
    }
    try dampen(session, forget, all, alpha: exp(low))
  }
}
