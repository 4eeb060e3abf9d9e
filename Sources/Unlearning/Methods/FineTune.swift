internal import Engine

/// Goes on training on the retained samples and hopes that the others fade.
///
/// They hardly do: an over-fit model keeps them. It is here because it is what people try first.
public struct FineTune: UnlearningMethod, Hashable {
  /// How many retained samples go into a step.
  public var retainBatch = 128
  /// Adam's rate as a share of training's; it falls linearly to zero.
  public var rateShare: Float = 1

  public init() {}

  public var name: String { "finetune" }
  public static var knobs: [String: Knob<FineTune>] {
    [
      "retainBatch": .count(\.retainBatch, in: 1...65_536),
      "rateShare": .rate(\.rateShare, in: 0.0001...100),
    ]
  }

  public func unlearn(_ session: UnlearningSession) throws {
    let count = session.batchSizes(forget: 0, retain: retainBatch).retain
    var descent = Descent(
      [.init([.init(.retain, count: count, .init(.labels))])],
      steps: session.affordableSteps(passesPerStep: Double(count), checks: 0),
      learningRate: session.adamLearningRate * rateShare)
    descent.schedule = .linearToZero
    descent.mode = .training
    descent.averages = false
    try session.descend(descent)
  }
}
