/// Descends on the retained samples and ascends on those to forget: `CE(R) - weight * CE(F)`.
///
/// Ascent has no end of its own: it pauses while the samples to forget are answered no better than unseen
/// ones, and the descent on the others repairs meanwhile.
///
/// - SeeAlso: "NegGrad+" of Kurmanji et al., "Towards Unbounded Machine Unlearning", NeurIPS 2023.
public struct GradientDifference: UnlearningMethod, Hashable {
  public var forgetBatch = 64
  public var retainBatch = 128
  /// Of the ascent, against the descent.
  public var weight: Float = 0.3
  /// The cross-entropy from which a sample is not driven further, as a share of that of a guess; not
  /// where classes are forgotten.
  public var ceiling: Float = 3
  /// Adam's rate as a share of training's.
  public var rateShare: Float = 0.15
  /// The largest norm of a step's gradient: ascent blows it up.
  public var gradientNorm: Float = 1

  public init() {}

  public var name: String { "neggrad" }
  public static var knobs: [String: Knob<GradientDifference>] {
    [
      "forgetBatch": .count(\.forgetBatch, in: 1...65_536),
      "retainBatch": .count(\.retainBatch, in: 1...65_536),
      "weight": .rate(\.weight, in: 0...100),
      "ceiling": .rate(\.ceiling, in: 0...1000),
      "rateShare": .rate(\.rateShare, in: 0.0001...100),
      "gradientNorm": .rate(\.gradientNorm, in: 0.0001...10_000),
    ]
  }

  public func unlearn(_ session: UnlearningSession) throws {
    let (forget, retain) = session.batchSizes(forget: forgetBatch, retain: retainBatch)
    let stage = Descent.Stage(
      [
        .init(.retain, count: retain, .init(.labels)),
        .init(
          .forget, count: forget,
          .init(.labels, weight: -weight, ceiling: session.ascentCeiling(ceiling))),
      ], gradientNorm: gradientNorm)
    session.testOften(evenSamples: true)
    let checks = session.affordableChecks
    var descent = Descent(
      [stage],
      steps: session.affordableSteps(passesPerStep: Double(forget + retain), checks: checks),
      learningRate: session.adamLearningRate * rateShare)
    descent.warmUp = 0.1
    descent.checks = checks
    descent.choice = .nearest
    descent.alternate(
      with: [.init([.init(.retain, count: retain, .init(.labels))])], rateShare: rateShare,
      hurriesSamples: true, in: session)
    try session.descend(descent)
  }
}
