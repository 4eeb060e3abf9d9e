internal import Foundation
internal import Synchronization

/// Ctrl-C and `kill`, noticed between two batches so that nothing is left half-done.
enum Interruption {
  /// A signal that asked the run to end.
  struct Signal: Error, CustomStringConvertible {
    let number: Int32
    var status: ExitStatus { number == SIGTERM ? .terminated : .interrupted }
    var description: String { "interrupted; nothing was written" }
  }

  private static let received = Atomic<Int32>(0)

  /// Starts to notice; the second signal of a kind ends the process at once.
  static func install() {
    // A parent's worker thread may have handed down a mask that blocks them.
    var both = sigset_t()
    sigemptyset(&both)
    sigaddset(&both, SIGINT)
    sigaddset(&both, SIGTERM)
    pthread_sigmask(SIG_UNBLOCK, &both, nil)
    for number in [SIGINT, SIGTERM] {
      signal(number) { number in
        Interruption.received.store(number, ordering: .relaxed)
        signal(number, SIG_DFL)
      }
    }
  }

  /// The signal that has come, if one has.
  static var pending: Signal? {
    let number = received.load(ordering: .relaxed)
    return number == 0 ? nil : Signal(number: number)
  }

  /// - Throws: `Signal` once one has come.
  static func check() throws {
    if let pending { throw pending }
  }
}
