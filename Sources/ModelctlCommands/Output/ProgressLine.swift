/// One line on a terminal's stderr, rewritten: what is done, how far it is, how long it takes.
///
/// Nothing is shown in the first second, nor where stderr is not a terminal.
final class ProgressLine {
  private let task: String
  private let isShown: Bool
  private let start = ContinuousClock.now
  private var lastDrawn: ContinuousClock.Instant?

  init(_ task: String, quiet: Bool) {
    self.task = task
    isShown = !quiet && Messages.isTerminal
  }

  deinit { clear() }

  /// - Parameters:
  ///   - fraction: how much is done, 0 to 1.
  ///   - detail: a few words on how it goes.
  func update(_ fraction: Double, _ detail: String = "") {
    guard isShown else { return }
    let now = ContinuousClock.now
    let elapsed = now - start
    guard elapsed > .seconds(1), lastDrawn.map({ now - $0 > .milliseconds(100) }) ?? true else {
      return
    }
    lastDrawn = now
    let done = min(max(fraction, 0), 1)
    let left = done > 0.01 ? Self.clock(elapsed * ((1 - done) / done)) + " left" : ""
    let words = ["\(task) \(Int(done * 100)) %", detail, left].filter { !$0.isEmpty }
    Messages.write("\r\u{1B}[K" + words.joined(separator: " · "))
  }

  func clear() {
    guard lastDrawn != nil else { return }
    lastDrawn = nil
    Messages.write("\r\u{1B}[K")
  }

  private static func clock(_ duration: Duration) -> String {
    let seconds = Int(duration.components.seconds)
    return seconds < 60 ? "\(seconds) s" : "\(seconds / 60) min \(seconds % 60) s"
  }
}
