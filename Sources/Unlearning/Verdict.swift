public import Evidence

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
/// A sample of rank `p` among the samples that stay, by the original model's margins, should have the
/// margin that unseen samples of its class have at about that rank under the *resulting* model: at
/// `p +- 2 sqrt(p (1 - p) (1/n + 1/k + 1/m))`, two standard errors of a rank taken among `n` retained
/// samples, aimed at by `k` unseen ones and looked for among `m` others, which served as no target.
///
/// The samples pass when none is above its range (one in twenty may be: the range is two standard
/// errors wide); they are over-forgotten when more than one in twenty are below twice that range, and
/// by a margin of two at least. Margins beyond +-12 count as 12.
public struct SamplewiseTest: Hashable, Codable, Sendable {
  public let count: Int
  /// How many margins are still above their range.
  public let above: Int
  /// How many have fallen far below it.
  public let below: Int

  /// - Parameters:
  ///   - margins: the resulting model's, of the samples to forget.
  ///   - standings: where each stood under the original model.
  ///   - unseen: the resulting model's answers about unseen samples.
  public init?(margins: [Double], standings: [MarginMap.Standing], unseen: Responses) {
    precondition(margins.count == standings.count)
    guard let distributions = ClassDistributions(unseen) else { return nil }
    var (above, below) = (0, 0)
    for (margin, standing) in zip(margins, standings) {
      let expected = distributions[standing.label]
      let (p, m) = (standing.rank, Double(expected.count))
      let error = (p * (1 - p) * (standing.inverseCounts + 1 / m)).squareRoot()
      func unseenMargin(at rank: Double) -> Double { Self.clamped(expected.quantile(rank)) }
      let lowest = min(unseenMargin(at: p - 4 * error), unseenMargin(at: p) - 2)
      if Self.clamped(margin) > unseenMargin(at: p + 2 * error) { above += 1 }
      if Self.clamped(margin) < lowest { below += 1 }
    }
    count = margins.count
    self.above = above
    self.below = below
  }

  private static func clamped(_ margin: Double) -> Double {
    min(max(margin, -TargetTable.largestMargin), TargetTable.largestMargin)
  }

  /// How many samples may miss their range by chance.
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
