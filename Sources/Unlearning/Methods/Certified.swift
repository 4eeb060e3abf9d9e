internal import Engine
internal import Evidence
internal import Foundation
public import ModelCore

/// Forgets with a certificate: clips, takes noisy clipped steps, and trains on the retained samples.
///
/// The start is drawn to within `radius` of fresh weights that no data decided, running statistics
/// included. How much noise that takes is computed (`CertifiedBound`), never chosen. At an epsilon that
/// means anything so little of the original is left that a fresh start is as good and forgets for
/// certain: one is trained for as long beside it, and both accuracies are reported.
public struct Certified: UnlearningMethod, Hashable {
  public var epsilon = 1.0
  public var delta = 1e-5
  /// How far from fresh weights the original may stay; nil for where the noise is half as large as
  /// fresh weights are.
  public var radius: Double?
  /// The largest norm of a step's gradient.
  public var clip = 1.0
  public var steps = 10
  public var batch = 512
  /// Whether the noise is the system's own. Noise that follows from a seed can be taken out again, and
  /// certifies nothing.
  public var usesSecretNoise = true
  /// Whether a fresh start is trained for comparison.
  public var compares = true

  public init() {}

  public var name: String { "certified" }
  public static var knobs: [String: Knob<Certified>] {
    [
      "epsilon": .number(\.epsilon, in: 1e-6...1e6), "delta": .number(\.delta, in: 1e-300...0.5),
      "radius": .automatic(\.radius, in: 1e-12...1e12), "clip": .number(\.clip, in: 1e-12...1e12),
      "steps": .count(\.steps, in: 1...100_000), "batch": .count(\.batch, in: 1...65_536),
      "secretNoise": .flag(\.usesSecretNoise), "compares": .flag(\.compares),
    ]
  }

  public func defaultCost(for scenario: UnlearningProblem.Scenario) -> Double? { 0.2 }

  public func unlearn(_ session: UnlearningSession) throws {
    let network = session.network
    let specifications = try network.architecture.parameterSpecifications()
    var random = SeededGenerator(seed: session.seed, stream: "unlearn/certified")
    let fresh = Parameters(initializing: specifications, seed: random.next())
    let anchor = WeightVector(fresh, of: specifications)
    let bound = bound(anchor)
    try bound.requireMeaning(
      count: session.problem.forgetRows.count + session.problem.retainRows.count)
    note(bound, session)
    try requireSteps(session)

    var weights = try session.originalWeights
    weights.add(anchor, times: -1)
    let apart = weights.norm
    weights.scale(Float(min(1, bound.radius / max(apart, 1e-30))))
    session.note("originalShare", .number(min(1, bound.radius / max(apart, 1e-30))))
    weights.add(anchor, times: 1)
    try descend(&weights, bound, over: fresh, session, noise: random.next())
    let spent = session.meter.trained
    try train(session)
    guard compares else { return }
    try compare(session, fresh, passes: session.meter.trained, seed: random.next(), noisy: spent)
  }

  /// A fresh start of a few epochs gets further in small steps.
  private static let trainingBatch = 32

  private func requireSteps(_ session: UnlearningSession) throws {
    try session.require(noisyPasses(session.problem), purpose: "\(steps) noisy steps take")
  }

  private func noisyPasses(_ problem: UnlearningProblem) -> Double {
    Double(steps * min(batch, problem.retainRows.count))
  }

  /// The noisy steps, and as much again to train what they leave.
  public func leastPasses(_ problem: UnlearningProblem, _ architecture: Architecture) -> Double {
    2 * noisyPasses(problem)
  }

  /// The descent may travel as far as the radius, so the noise of all steps together is
  /// `4 radius / sqrt(2 slope)`, however many there are.
  private func bound(_ anchor: WeightVector) -> CertifiedBound {
    func bound(_ radius: Double) -> CertifiedBound {
      CertifiedBound(
        epsilon: epsilon, delta: delta, radius: radius, clip: clip,
        rate: radius / (clip * Double(steps)), steps: steps)
    }
    if let radius { return bound(radius) }
    let size = anchor.norm / Double(max(1, anchor.count)).squareRoot()
    let one = bound(1)
    return bound(0.5 * size / (one.sigma * Double(steps).squareRoot()))
  }

  private func note(_ bound: CertifiedBound, _ session: UnlearningSession) {
    session.note("epsilon", .number(bound.epsilon))
    session.note("delta", .number(bound.delta))
    session.note("sigma", .number(bound.sigma))
    session.note("radius", .number(bound.radius))
    session.note("clip", .number(bound.clip))
    session.note("rate", .number(bound.rate))
    session.note("noisySteps", .number(Double(bound.steps)))
    session.note("distance", .number(bound.distance))
    session.note("slope", .number(bound.slope))
    session.note("largestAdvantage", .number(bound.advantage))
    session.note(
      "certificate",
      .text(
        usesSecretNoise
          ? "holds against the same procedure from any other start"
          : "void: the noise follows from the seed"))
  }

  private func descend(
    _ weights: inout WeightVector, _ bound: CertifiedBound, over fresh: Parameters,
    _ session: UnlearningSession, noise seed: UInt64
  ) throws {
    let stream = try GradientStream(session, .retain, count: batch, name: "certified")
    var seeded = SeededGenerator(seed: seed, stream: "unlearn/certified/noise")
    var system = SystemRandomNumberGenerator()
    for step in 0..<bound.steps {
      try session.network.setParameters(weights.written(into: fresh))
      try stream.advance()
      var gradient = try stream.gradient(mode: .training)
      gradient.scale(Float(min(1, bound.clip / max(gradient.norm, 1e-30))))
      weights.add(gradient, times: Float(-bound.rate))
      if usesSecretNoise {
        weights.addNoise(bound.sigma, &system)
      } else {
        weights.addNoise(bound.sigma, &seeded)
      }
      try session.progress(step: step + 1, of: bound.steps)
    }
    try session.network.setParameters(weights.written(into: fresh))
  }

  private func train(_ session: UnlearningSession, passes: Double? = nil) throws {
    let size = session.batchSizes(forget: 0, retain: Self.trainingBatch).retain
    let all = Double(session.recipe.epochs) * Double(session.problem.retrainingCount)
    let room = passes ?? min(session.remaining, all)
    var descent = Descent(
      [.init([.init(.retain, count: size, .init(.labels))])],
      steps: max(1, Int(room / Double(size))), learningRate: session.adamLearningRate)
    descent.schedule = .linearToZero
    descent.mode = .training
    descent.averages = false
    try session.descend(descent)
  }

  /// Trains other fresh weights for as many passes, and notes both accuracies on unseen samples.
  private func compare(
    _ session: UnlearningSession, _ fresh: Parameters, passes: Int, seed: UInt64, noisy: Int
  ) throws {
    let network = session.network
    let result = try network.parameters
    let meter = session.meter
    func accuracy() throws -> Double {
      try Baseline.answers(
        network, session.problem.data.unseen, session.problem.validationRows, &session.meter
      ).responses.accuracy
    }
    session.note("unseenAccuracy", .number(try accuracy()))
    try network.setParameters(fresh)
    try train(session, passes: Double(passes))
    session.note("freshStartAccuracy", .number(try accuracy()))
    session.reportMeter.addTrained(session.meter.trained - meter.trained)
    session.reportMeter.addEvaluated(session.meter.evaluated - meter.evaluated)
    session.meter = meter
    try network.setParameters(result)
  }
}
