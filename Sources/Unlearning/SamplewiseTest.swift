public import Evidence

/// Each sample judged by itself, for requests too small for a test with power.
///
/// A sample of rank `p` among the samples that stay, by the original model's margins, should have the
/// margin that unseen samples of its class have at about that rank under the *resulting* model: at
/// `p +- 2 sqrt(p (1 - p) (1/n + 1/k + 1/m))`, two standard errors of a rank taken among `n` retained
/// samples, aimed at by `k` unseen ones and looked for among `m` others, which served as no target.
///
/// The samples pass when no more of them are above their range than one in twenty, or than unseen
/// samples are above theirs: what the run does to samples that nobody asked to forget is no sign of
/// memory. Where the samples passed under the original model already, there was no memory to find, and
/// as many may be above as under a retrained model (`retrainedShare`): any training moves margins. They
/// are over-forgotten when more than that are below twice the range, and below their target by two at
/// least. Margins beyond +-12 count as 12.
public struct SamplewiseTest: Hashable, Codable, Sendable {
  public let count: Int
  /// How many margins are still above their range.
  public let above: Int
  /// How many have fallen far below it.
  public let below: Int
  /// How many may be above, or below, by chance.
  public let allowance: Int

  /// How many samples chance alone leaves above their range.
  static let chanceShare = 0.05
  /// How many of the samples of a model that is not over-fit are above their range under a retrained
  /// one: 14 to 17 %, of 500 under three models.
  static let retrainedShare = 0.15

  /// - Parameters:
  ///   - margins: the resulting model's, of the samples to forget.
  ///   - original: the original model's, of the same samples.
  ///   - standings: where each stood under the original model.
  ///   - unseen: the resulting model's answers about unseen samples.
  ///   - before: the original model's answers about the same.
  /// - Returns: nil without unseen samples.
  public init?(
    margins: [Double], original: [Double], standings: [MarginMap.Standing], unseen: Responses,
    before: Responses
  ) {
    precondition(margins.count == standings.count && unseen.labels == before.labels)
    precondition(original.count == margins.count)
    guard let now = ClassDistributions(unseen), let then = ClassDistributions(before) else {
      return nil
    }
    var (above, below) = (0, 0)
    for (margin, standing) in zip(margins, standings) {
      let range = Self.range(standing, in: now)
      if Self.clamped(margin) > range.upper { above += 1 }
      if Self.clamped(margin) < range.lowest { below += 1 }
    }
    count = margins.count
    self.above = above
    self.below = below
    let share = Self.shareAbove(unseen, before: before, then: then, now: now, like: standings)
    let untouched = zip(original, standings).count { margin, standing in
      Self.clamped(margin) > Self.range(standing, in: then).upper
    }
    let wasForgotten = untouched <= Int(Double(count) * Self.chanceShare)
    allowance = Int(
      Double(count) * max(wasForgotten ? Self.retrainedShare : Self.chanceShare, share))
  }

  public var passes: Bool { above <= allowance }
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
