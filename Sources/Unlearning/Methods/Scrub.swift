/// Drives the model away from the original's answers on samples to forget, and back to them, and to
/// the labels, on the others, in turns; and rewinds to where the samples to forget are answered like
/// unseen ones.
///
/// Forget turns maximise `T^2 KL(original || model)`, retain turns minimise
/// `gamma CE + alpha T^2 KL(original || model)`.
///
/// - SeeAlso: Kurmanji et al., "Towards Unbounded Machine Unlearning", NeurIPS 2023.
public struct Scrub: UnlearningMethod, Hashable {
  public var forgetBatch = 64
  public var retainBatch = 128
  /// Steps away from the original, then steps back, in each round.
  public var forgetSteps = 5
  public var retainSteps = 10
  public var temperature: Float = 2
  public var alpha: Float = 0.1
  public var gamma: Float = 1
  /// The cross-entropy from which a sample is not driven further, as a share of that of a guess; not
  /// where classes are forgotten.
  public var ceiling: Float = 1
  /// Adam's rate as a share of training's.
  public var rateShare: Float = 0.15

  public init() {}

  public var name: String { "scrub" }
  public static var knobs: [String: Knob<Scrub>] {
    [
      "forgetBatch": .count(\.forgetBatch, in: 1...65_536),
      "retainBatch": .count(\.retainBatch, in: 1...65_536),
      "forgetSteps": .count(\.forgetSteps, in: 1...10_000),
      "retainSteps": .count(\.retainSteps, in: 1...10_000),
      "temperature": .rate(\.temperature, in: 0.1...100),
      "alpha": .rate(\.alpha, in: 0...100),
      "gamma": .rate(\.gamma, in: 0...100),
      "ceiling": .rate(\.ceiling, in: 0...1000),
      "rateShare": .rate(\.rateShare, in: 0.0001...100),
    ]
  }

  public func unlearn(_ session: UnlearningSession) throws {
    let (forget, retain) = session.batchSizes(forget: forgetBatch, retain: retainBatch)
    let answer = Descent.Loss(
      .original, weight: -1, temperature: temperature, ceiling: session.ascentCeiling(ceiling))
    let away = Descent.Stage(
      [.init(.forget, count: forget, answer)], steps: forgetSteps, gradientNorm: 1)
    let back = Descent.Stage(
      [
        .init(
          .retain, count: retain, .init(.labels, weight: gamma),
          .init(.original, weight: alpha, temperature: temperature))
      ], steps: retainSteps)
    // The original model answers every batch too, which costs a third on top.
    let round = Double(forgetSteps * forget + retainSteps * retain) * 4 / 3
    session.testOften()
    let checks = session.affordableChecks
    let steps = session.affordableSteps(
      passesPerStep: round / Double(forgetSteps + retainSteps), checks: checks)
    var descent = Descent(
      [away, back], steps: steps, learningRate: session.adamLearningRate * rateShare)
    descent.warmUp = 0.1
    descent.checks = checks
    descent.choice = .nearest
    // As many samples a step as on average, so that the budget holds for either.
    var repair = back
    repair.terms[0].count = max(1, Int(round / Double(forgetSteps + retainSteps) * 3 / 4))
    descent.alternate(with: [repair], rateShare: rateShare, in: session)
    try session.descend(descent)
  }
}
