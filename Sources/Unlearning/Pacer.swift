/// How fast to impair, by what tests on the way see.
///
/// How firmly a model holds to samples, a class or a label is not known beforehand: impairing gets
/// faster while less has gone than half of the tests would want.
struct Pacer {
  let checks: Int
  /// A factor on the rate of the descent; the pace goes from 1 to this one.
  let fastest: Float
  private(set) var pace: Float = 1
  private var seen = 0
  private var start: Double?

  init(checks: Int, fastest: Float) {
    self.checks = checks
    self.fastest = max(1, fastest)
  }

  mutating func see(excess: Double) {
    seen += 1
    let start = start ?? excess
    self.start = start
    if excess > start * (1 - Double(2 * seen) / Double(max(1, checks))) {
      pace = min(fastest, 2 * pace)
    }
  }
}

extension Descent {
  /// Repairs instead, by steps of another kind, for as long as tests find the request fulfilled.
  ///
  /// Impairing gets faster where it is behind (`Pacer`), up to training's own rate. Single samples have
  /// to come down by a few points and no more, which is done at one rate, unless every sample is left
  /// alone once it has come down (`Loss.ceiling`).
  ///
  /// - Parameters:
  ///   - rateShare: the rate of this descent as a share of training's.
  ///   - hurriesSamples: whether impairing gets faster with single samples too.
  mutating func alternate(
    with repair: [Stage], rateShare: Float, hurriesSamples: Bool = false,
    in session: UnlearningSession
  ) {
    let impair = cycle
    let isOfSamples = session.problem.scenario == .samples
    // The accuracy on a handful of samples says too little to steer by.
    let hurries =
      !isOfSamples || hurriesSamples && session.problem.checkedRows.count >= Judge.smallestGroup
    let repairPace = isOfSamples ? 1 : Self.repairRateShare / rateShare
    var pacer = Pacer(checks: checks, fastest: hurries ? 1 / rateShare : 1)
    react = { check, course in
      if session.isReached(check) {
        course = Course(cycle: repair, pace: repairPace)
      } else {
        pacer.see(excess: session.excess(of: check))
        course = Course(cycle: impair, pace: pacer.pace)
      }
      return .go
    }
  }

  /// Of training's rate: what brings back what impairing broke.
  private static let repairRateShare: Float = 0.6
}
