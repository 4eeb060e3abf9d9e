internal import Engine
internal import Evidence
internal import ModelCore

/// One Newton step towards the minimum of the retained samples' loss: `w - (H + damping)^-1 g`.
///
/// `g` and `H` are gradient and Hessian of that loss at the original weights; the inverse is
/// summed term by term (LiSSA): `x <- x + (g - (H + damping) x) / scale`, one batch at a time, with
/// `H x` from the difference of two gradients. It is a heuristic: no bound is computed, and the gradient
/// of an over-fit model is nearly zero already, so that the step hardly moves it.
///
/// - SeeAlso: Zhang, Dong, Wang and Li, "Towards Certified Unlearning for Deep Neural Networks", ICML
///   2024, without its noise; Agarwal, Bullins and Hazan, JMLR 18, 2017, for the series.
public struct Newton: UnlearningMethod, Hashable {
  /// Samples of a Hessian's estimate.
  public var batch = 64
  /// The most terms of the series.
  public var depth = 300
  /// Above the largest curvature; nil finds it.
  public var scale: Double?
  /// Added to the Hessian's diagonal.
  public var damping = 0.01

  public init() {}

  public var name: String { "newton" }
  public static var knobs: [String: Knob<Newton>] {
    [
      "batch": .count(\.batch, in: 1...65_536), "depth": .count(\.depth, in: 1...100_000),
      "scale": .automatic(\.scale, in: 1e-6...1e9), "damping": .number(\.damping, in: 0...1e6),
    ]
  }

  public func unlearn(_ session: UnlearningSession) throws {
    let network = session.network
    let batch = session.batchSizes(
      forget: 0, retain: batch, steps: UnlearningSession.fewestSteps
    ).retain
    let whole = try GradientStream(session, .retain, count: batch, name: "newton/gradient")
    let affordable = Int(min(session.remaining / 2, Double(whole.sampleCount)))
    guard let gradient = try whole.meanGradient(over: max(1, affordable - batch)) else { return }
    let stream = try GradientStream(session, .retain, count: batch, name: "newton/hessian")
    let terms = min(depth, max(1, Int(min(session.remaining / Double(2 * batch), 1e6))))
    var solution = try solve(gradient, stream, terms: terms, session)
    session.note("kind", .text("heuristic: no bound was computed"))
    session.note("gradientNorm", .number(gradient.norm))
    session.note("stepNorm", .number(solution.norm))
    solution.scale(-1)
    var weights = try session.originalWeights
    weights.add(solution, times: 1)
    try network.setParameters(weights.written(into: session.original))
  }

  private func solve(
    _ gradient: WeightVector, _ stream: GradientStream, terms: Int, _ session: UnlearningSession
  ) throws -> WeightVector {
    let weights = try session.originalWeights
    var scale = self.scale ?? 1
    var x = gradient
    x.scale(Float(1 / scale))
    for term in 0..<terms {
      try stream.advance()
      let product = try Self.hessian(times: x, at: weights, stream, session)
      let curvature = x.norm > 0 ? product.norm / x.norm : 0
      if self.scale == nil, curvature + damping > scale {
        // The series would run away: begin it again with smaller steps.
        scale = 2 * (curvature + damping)
        x = gradient
        x.scale(Float(1 / scale))
        continue
      }
      x.add(product, times: Float(-1 / scale))
      x.scale(Float(1 - damping / scale))
      x.add(gradient, times: Float(1 / scale))
      try session.progress(step: term + 1, of: terms)
    }
    session.note("scale", .number(scale))
    return x
  }

  /// `(g(w + d) - g(w - d)) / 2`, scaled back, with `d` along `x` and a thousandth of `w` long.
  static func hessian(
    times x: WeightVector, at weights: WeightVector, _ stream: GradientStream,
    _ session: UnlearningSession
  ) throws -> WeightVector {
    let length = x.norm
    guard length > 0 else { return x }
    let reach = 1e-3 * max(weights.norm, 1e-3)
    func gradient(_ factor: Double) throws -> WeightVector {
      var moved = weights
      moved.add(x, times: Float(factor / length))
      try session.network.setParameters(moved.written(into: session.original))
      return try stream.gradient()
    }
    var difference = try gradient(reach)
    difference.add(try gradient(-reach), times: -1)
    difference.scale(Float(length / (2 * reach)))
    return difference
  }
}
