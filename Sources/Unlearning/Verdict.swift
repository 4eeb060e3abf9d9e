/// What a run came to.
public enum Verdict: String, Hashable, Codable, Sendable, CaseIterable {
  /// The test could have told the difference, and finds none.
  case matched
  /// Too few samples for a test with power: each was judged by itself and is where it should be.
  case matchedSamplewise = "matched-samplewise"
  case notMatched = "not-matched"
  /// The samples are answered so much worse than unseen ones that they stand out again.
  case overForgotten = "over-forgotten"
  case utilityLost = "utility-lost"

  /// Whether the claim "forgotten, and still useful" holds.
  public func isAccepted(requiringPower: Bool) -> Bool {
    switch self {
    case .matched: true
    case .matchedSamplewise: !requiringPower
    case .notMatched, .overForgotten, .utilityLost: false
    }
  }
}

/// What is known about the ability to test a request, found on the untouched model.
public struct TestPower: Hashable, Codable, Sendable {
  /// Whether the test tells the untouched model from one that never saw the samples.
  public let hasPower: Bool
  /// Whether the untouched model passes already.
  public let untouchedPasses: Bool
  /// How many samples like the retained ones it would take; nil when no number would do.
  public let neededCount: Int?
  /// How many there are.
  public let count: Int

  /// Whether there is nothing for this test to see in a model that was never over-fit.
  ///
  /// Not so when there are merely too few samples.
  public var nothingToUnlearn: Bool {
    untouchedPasses && !hasPower && (neededCount.map { count >= $0 } ?? true)
  }
}

/// The whole-class test: samples of forgotten classes are recognised no more than once in a hundred.
public struct ClassTest: Hashable, Codable, Sendable {
  /// The share of forgotten samples that are still classified rightly.
  public let forgetAccuracy: Double
  /// The share of unseen samples of these classes; nil when there are none.
  public let unseenAccuracy: Double?

  public static let allowance = 0.01

  public var passes: Bool {
    forgetAccuracy <= Self.allowance && (unseenAccuracy ?? 0) <= Self.allowance
  }
}
