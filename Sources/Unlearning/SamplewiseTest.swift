public import Evidence

/// Each sample judged by itself, for requests too small for a test with power.
///
/// A sample of rank `p` among the samples that stay, by the original model's margins, should have the
/// margin that unseen samples of its class have at about that rank under the *resulting* model: at
/// `p +- 2 sqrt(p (1 - p) (1/n + 1/k + 1/m))`, two standard errors of a rank taken among `n` retained
/// samples, aimed at by `k` unseen ones and looked for among `m` others, which served as no target.
///
/// The samples pass when no more of them are above their range than one in twenty, or than chance makes
/// of the share of unseen samples that are above theirs: what the run does to samples that nobody asked
/// to forget is no sign of memory. Training anew puts some above too, for a rank does not survive that
/// unchanged. Where the untouched model has no more of 20 samples or more above than that, there was nothing
/// to come down from, and as many may be. They are over-forgotten when more are below twice the range, and below their target by
/// two at least. Margins beyond +-12 count as 12.
public struct SamplewiseTest: Hashable, Codable, Sendable {
  public let count: Int
  /// How many margins are still above their range.
  public let above: Int
  /// How many have fallen far below it.
  public let below: Int
  /// How many may be above, or below, by chance.
  public let allowance: Int
  /// How many of the untouched model's margins were above their range then; nil where it was not asked.
  public let aboveUntouched: Int?

  /// - Parameters:
  ///   - margins: the resulting model's, of the samples to forget.
  ///   - standings: where each stood under the original model.
  ///   - unseen: the resulting model's answers about unseen samples.
  ///   - before: the original model's answers about the same.
  ///   - untouched: the original model's margins of the samples to forget; nil judges as if they had
  ///     been far above their ranges.
  /// - Returns: nil without unseen samples.
  public init?(
    margins: [Double], standings: [MarginMap.Standing], unseen: Responses, before: Responses,
    untouched: [Double]? = nil
  ) {
    precondition(margins.count == standings.count && unseen.labels == before.labels)
    precondition(untouched.map { $0.count == margins.count } ?? true)
    guard let now = ClassDistributions(unseen), let then = ClassDistributions(before) else {
      return nil
    }
    let count = margins.count
    self.count = count
    (above, below) = Self.misses(margins, standings, in: now)
    let aboveUntouched = untouched.map { Self.misses($0, standings, in: then).above }
    self.aboveUntouched = aboveUntouched
    let share = Self.shareAbove(unseen, before: before, then: then, now: now, like: standings)
    let reference = Self.referenceVariance(standings, in: now)
    func likelyMost(_ share: Double) -> Int {
      Self.likelyMost(share, of: standings.count, reference: reference)
    }
    let strict = max(Int(Self.usualShare * Double(count)), likelyMost(share))
    func likelyAfterRetraining(_ unseen: ClassDistributions) -> Int {
      likelyMost(Self.shareAfterRetraining(standings, in: unseen))
    }
    let hadNothing =
      aboveUntouched.map { count >= Self.smallestGroup && $0 <= likelyAfterRetraining(then) }
      ?? false
    hadNothingToUnlearn = hadNothing
    allowance = hadNothing ? max(strict, likelyAfterRetraining(now)) : strict
  }

  /// How many of any samples may be above.
  private static let usualShare = 0.05
  /// Fewer samples may all be within their ranges by chance.
  private static let smallestGroup = 20
  /// The correlation of normal scores under two trainings of a model that is not over-fit. Over-fit ones
  /// were measured at .86, which would allow more than retrained models need.
  private static let correlation = 0.95

  /// What 19 of 20 draws of so many samples do not exceed, in the normal approximation, which allows a
  /// single sample nothing that is less likely than not.
  private static func likelyMost(_ share: Double, of count: Int, reference: Double) -> Int {
    let variance = share * (1 - share) * (Double(count) + reference)
    return Int(share * Double(count) + 1.645 * variance.squareRoot())
  }

  /// The samples that ranks are taken among are a draw too, and the same one for all samples of a class:
  /// `sum over classes of count^2 (1/n + 1/k + 1/m)`, beside the `count` of the samples' own draw.
  private static func referenceVariance(
    _ standings: [MarginMap.Standing], in unseen: ClassDistributions
  ) -> Double {
    Dictionary(grouping: standings, by: \.label).reduce(0) { sum, group in
      let size = Double(group.value.count)
      let inverse = group.value[0].inverseCounts + 1 / Double(unseen[group.key].count)
      return sum + size * size * inverse
    }
  }

  private static func misses(
    _ margins: [Double], _ standings: [MarginMap.Standing], in unseen: ClassDistributions
  ) -> (above: Int, below: Int) {
    var (above, below) = (0, 0)
    for (margin, standing) in zip(margins, standings) {
      let range = range(standing, in: unseen)
      if clamped(margin) > range.upper { above += 1 }
      if clamped(margin) < range.lowest { below += 1 }
    }
    return (above, below)
  }

  /// The share that would be above, were each sample's normal score drawn anew around its own.
  private static func shareAfterRetraining(
    _ standings: [MarginMap.Standing], in unseen: ClassDistributions
  ) -> Double {
    let spread = (1 - correlation * correlation).squareRoot()
    let shares = standings.map { standing -> Double in
      let upper = range(standing, in: unseen).upper
      guard upper < TargetTable.largestMargin else { return 0 }
      let distribution = unseen[standing.label]
      let edge = 0.5 / Double(distribution.count)
      let rank = min(max(distribution.rank(of: upper), edge), 1 - edge)
      let own = StandardNormal.quantile(standing.ownRank)
      return 1
        - StandardNormal.cumulative((StandardNormal.quantile(rank) - correlation * own) / spread)
    }
    return shares.isEmpty ? 0 : shares.reduce(0, +) / Double(shares.count)
  }

  public var passes: Bool { above <= allowance }

  /// Whether the untouched model answered the samples, one by one, no more surely than one trained anew: a
  /// question that a handful is too few to answer.
  public let hadNothingToUnlearn: Bool

  public var isOverForgotten: Bool { below > allowance }

  private static func range(
    _ standing: MarginMap.Standing, in unseen: ClassDistributions
  ) -> (upper: Double, lowest: Double) {
    let expected = unseen[standing.label]
    let p = standing.rank
    let counts = standing.inverseCounts + 1 / Double(expected.count)
    let error = (p * (1 - p) * counts).squareRoot()
    func margin(at rank: Double) -> Double { clamped(expected.quantile(rank)) }
    return (margin(at: p + 2 * error), min(margin(at: p - 4 * error), margin(at: p) - 2))
  }

  /// How many unseen samples, of the classes and with the precision of these standings, are above
  /// the range of the rank that they had before.
  private static func shareAbove(
    _ unseen: Responses, before: Responses, then: ClassDistributions, now: ClassDistributions,
    like standings: [MarginMap.Standing]
  ) -> Double {
    var precision: [Int?: Double] = [:]
    for standing in standings { precision[standing.label] = standing.inverseCounts }
    let pooled = precision[nil as Int?]
    var (asked, above) = (0, 0)
    for (position, label) in unseen.labels.enumerated() {
      let isOwn = precision[Int(label)] != nil
      guard let counts = precision[Int(label)] ?? pooled else { continue }
      let group = isOwn ? Int(label) : nil
      let edge = 0.5 / Double(then[group].count)
      let rank = min(max(then[group].rank(of: before.margins[position]), edge), 1 - edge)
      let standing = MarginMap.Standing(rank: rank, inverseCounts: counts, label: group)
      asked += 1
      if clamped(unseen.margins[position]) > range(standing, in: now).upper { above += 1 }
    }
    return asked == 0 ? 0 : Double(above) / Double(asked)
  }

  private static func clamped(_ margin: Double) -> Double {
    min(max(margin, -TargetTable.largestMargin), TargetTable.largestMargin)
  }
}
