internal import Evidence

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

/// Each sample judged by itself, for requests too small for a test with power.
///
/// A sample passes when its margin has come down to at most the upper end of the spread of unseen
/// margins around its target (`MarginMap.Expectation.range`); margins beyond +-12 count as 12.
/// All samples pass, save one in twenty: the spread is two standard errors wide. They are
/// over-forgotten when more than one in twenty lie further below their targets than twice the
/// spread, and by at least two.
public struct SamplewiseTest: Hashable, Codable, Sendable {
  public let count: Int
  /// How many margins are still above their spread.
  public let above: Int
  /// How many have fallen far below it.
  public let below: Int

  public init(margins: [Double], expectations: [MarginMap.Expectation]) {
    precondition(margins.count == expectations.count)
    func clamped(_ value: Double) -> Double {
      min(max(value, -TargetTable.largestMargin), TargetTable.largestMargin)
    }
    count = margins.count
    var (above, below) = (0, 0)
    for (margin, expected) in zip(margins, expectations) {
      let margin = clamped(margin)
      let lower = clamped(expected.range.lowerBound)
      let reach = max(clamped(expected.target) - lower, 1)
      if margin > clamped(expected.range.upperBound) { above += 1 }
      if margin < clamped(expected.target) - 2 * reach { below += 1 }
    }
    self.above = above
    self.below = below
  }

  /// How many samples may miss their spread by chance.
  public var allowance: Int { count / 20 }
  public var passes: Bool { above <= allowance }
  public var isOverForgotten: Bool { below > allowance }
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
