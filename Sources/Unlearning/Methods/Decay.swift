internal import Engine
internal import Evidence
internal import Foundation
internal import ModelCore

/// Lets neurons fade, the sooner the more the samples to forget excite them, and trains the rest to make
/// up for it.
///
/// In round `t` neuron `j` passes on `e^(-t / tau_j)` of its output; `tau` goes from the smallest for
/// the most excited neuron of a layer to the largest for the least. The factors end up in the weights
/// (`HiddenUnits`), so the file keeps its layout.
///
/// - SeeAlso: Hatua et al., "Machine Unlearning using Forgetting Neural Networks", 2024;
///   `Unlearning.docc/Methods.md` for what was measured: the ranking carries little.
public struct Decay: UnlearningMethod, Hashable {
  /// In rounds.
  public var smallestTau = 1.0
  public var largestTau = 10.0
  public var rounds = 3
  public var retainBatch = 128
  /// Adam's rate as a share of training's.
  public var rateShare: Float = 1

  public init() {}

  public var name: String { "decay" }
  public static var knobs: [String: Knob<Decay>] {
    [
      "smallestTau": .number(\.smallestTau, in: 0.01...1e6),
      "largestTau": .number(\.largestTau, in: 0.01...1e6),
      "rounds": .count(\.rounds, in: 1...1000),
      "retainBatch": .count(\.retainBatch, in: 1...65_536),
      "rateShare": .rate(\.rateShare, in: 0.0001...100),
    ]
  }

  /// More samples say no more about the mean of a neuron.
  private static let largestSample = 500

  public func unlearn(_ session: UnlearningSession) throws {
    let network = session.network
    let units = HiddenUnits.all(in: network.architecture)
    guard !units.isEmpty else {
      throw UnlearningError.architecture(
        method: name, reason: "no hidden layer passes a factor on its outputs on")
    }
    let factors = try factors(units, session)
    let size = session.batchSizes(forget: 0, retain: retainBatch).retain
    let rounds = max(1, min(rounds, session.affordableChecks))
    let all = session.affordableSteps(passesPerStep: Double(size), checks: rounds)
    var spent = 0
    for round in 1...rounds {
      var parameters = try network.parameters
      for (unit, factors) in zip(units, factors) { unit.scale(&parameters, by: factors) }
      try network.setParameters(parameters)
      session.note("rounds", .number(Double(round)))
      // Half of the steps go between the rounds, and the other half after the last.
      let between = max(1, all / (2 * rounds))
      if round < rounds {
        try train(session, size, steps: between, .constant)
        spent += between
        if let check = try session.check(step: session.steps), session.isReached(check) { break }
      }
    }
    try train(session, size, steps: max(1, all - spent), .linearToZero)
  }

  private func train(
    _ session: UnlearningSession, _ size: Int, steps: Int, _ schedule: Descent.Schedule
  ) throws {
    var descent = Descent(
      [.init([.init(.retain, count: size, .init(.labels))])], steps: steps,
      learningRate: session.adamLearningRate * rateShare)
    descent.schedule = schedule
    descent.mode = .training
    descent.averages = false
    try session.descend(descent)
  }

  /// The factor of one round, `e^(-1 / tau)`, for each neuron of each layer.
  private func factors(_ units: [HiddenUnits], _ session: UnlearningSession) throws -> [[Float]] {
    let rows = Array(try session.rows(of: .forget).prefix(Self.largestSample))
    let inputs = try StoredInputs(session.network, session.problem.data.train, rows)
    session.meter.addEvaluated(rows.count * units.count)
    return try units.map { unit in
      let activity = try unit.activity(session.network, inputs)
      let order = activity.indices.sorted { (-activity[$0], $0) < (-activity[$1], $1) }
      var factors = [Float](repeating: 1, count: activity.count)
      for (rank, neuron) in order.enumerated() {
        let share = Double(rank) / Double(max(1, order.count - 1))
        factors[neuron] = Float(exp(-1 / (smallestTau + (largestTau - smallestTau) * share)))
      }
      return factors
    }
  }
}
