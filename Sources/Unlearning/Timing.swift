/// What a run took by the clock, and what retraining would take at the same pace.
///
/// It is no part of a report, which is the same for the same run.
public struct Timing: Hashable, Sendable {
  /// From the first question to the last test.
  public private(set) var seconds = 0.0
  /// Retraining's sample passes times what one takes in this run's steps; nil when it took none.
  public private(set) var retrainingSeconds: Double?

  private let start: ContinuousClock.Instant
  private var stepTime = Duration.zero
  private var samples = 0

  init(start: ContinuousClock.Instant) { self.start = start }

  /// One as a share of the other.
  public var share: Double? { retrainingSeconds.map { seconds / $0 } }

  mutating func add(_ session: UnlearningSession) {
    stepTime += session.stepTime
    samples += session.timedSamples
  }

  mutating func stop(retraining passes: Double) {
    seconds = (ContinuousClock.now - start) / .seconds(1)
    guard samples > 0 else { return }
    retrainingSeconds = stepTime / .seconds(1) / Double(samples) * passes
  }
}
