public import Evidence

/// Where the margins of training samples would lie had the model never seen the samples.
///
/// Trained samples have larger margins than unseen ones. The map sends a margin to the margin that
/// unseen data has at the rank that is to be expected of it, class by class:
/// `phi* = Q_U(rank')`, `rank'` from `F_R(phi)`, with `F_R` the distribution function of margins of
/// samples the model still may know, and `Q_U` the quantile function of unseen ones. The rank is taken
/// among retained samples and not among those to forget, for a person's records are few and alike: no
/// sample of their class.
///
/// - SeeAlso: `Unlearning.docc/Match.md`.
public struct MarginMap: Hashable, Sendable {
  /// A class with fewer samples on either side is mapped like all classes together.
  public static let smallestClass = 20
  /// How much of a sample's normal score outlives another training: the correlation between scores
  /// under a model that was trained on samples and one that was not, measured as .86; its slope is .73
  /// to .8 for the hardest, for whom it matters most.
  public static let persistence = 0.8

  /// Where a sample is to be expected among unseen ones.
  public struct Standing: Hashable, Sendable {
    /// Where it is to be expected among unseen samples: within 0...1, and neither end.
    public let rank: Double
    /// Where it is among retained ones, by the same model.
    public let ownRank: Double
    /// `1/n + 1/k` for the `n` retained and `k` unseen samples behind rank and target: the rank's
    /// variance is `rank (1 - rank)` times this.
    public let inverseCounts: Double
    /// The class to stay within, or nil for all together.
    public let label: Int?

    init(rank: Double, ownRank: Double? = nil, inverseCounts: Double, label: Int?) {
      self.rank = rank
      self.ownRank = ownRank ?? rank
      self.inverseCounts = inverseCounts
      self.label = label
    }
  }

  private let retained: ClassDistributions
  private let unseen: ClassDistributions
  private let expectedRanks: ExpectedRanks

  /// - Parameters:
  ///   - retained: the original model's answers about samples that stay.
  ///   - unseen: its answers about samples it has never seen.
  ///   - persistence: within 0...1; with 1 every sample keeps its rank.
  /// - Returns: nil when either is empty.
  public init?(retained: Responses, unseen: Responses, persistence: Double = persistence) {
    guard let members = ClassDistributions(retained), let strangers = ClassDistributions(unseen)
    else { return nil }
    self.retained = members
    self.unseen = strangers
    expectedRanks = ExpectedRanks(persistence: persistence)
  }

  /// Where samples are to be expected, given the original model's answers about all of them.
  public func standings(_ samples: Responses) -> [Standing] {
    var groups: [Int?: [Int]] = [:]
    for (position, label) in samples.labels.enumerated() {
      groups[group(of: Int(label)), default: []].append(position)
    }
    var result = [Standing?](repeating: nil, count: samples.count)
    for (label, positions) in groups {
      let distribution = retained[label]
      // A sample beyond all retained ones is taken for the outermost of them.
      let edge = 0.5 / Double(distribution.count)
      let own = positions.map {
        min(max(distribution.rank(of: samples.margins[$0]), edge), 1 - edge)
      }
      let ranks = expectedRanks(own)
      let inverse = 1 / Double(distribution.count) + 1 / Double(unseen[label].count)
      for (index, position) in positions.enumerated() {
        result[position] = Standing(
          rank: ranks[index], ownRank: own[index], inverseCounts: inverse, label: label)
      }
    }
    return result.compactMap { $0 }
  }

  private func group(of label: Int) -> Int? {
    min(retained.count(label), unseen.count(label)) >= Self.smallestClass ? label : nil
  }

  /// The margin to aim at.
  public func target(_ standing: Standing) -> Double {
    unseen[standing.label].quantile(standing.rank)
  }
}

/// The margins of samples, class by class and all together.
struct ClassDistributions: Hashable, Sendable {
  private let all: EmpiricalDistribution
  private let classes: [EmpiricalDistribution?]

  init?(_ responses: Responses) {
    guard let all = EmpiricalDistribution(responses.margins) else { return nil }
    self.all = all
    classes = responses.positionsByClass.map { positions in
      EmpiricalDistribution(positions.map { responses.margins[$0] })
    }
  }

  /// How many samples a class has.
  func count(_ label: Int) -> Int {
    classes.indices.contains(label) ? classes[label]?.count ?? 0 : 0
  }

  /// The distribution of a class; of all classes for nil, or where the class has no sample.
  subscript(label: Int?) -> EmpiricalDistribution {
    guard let label, classes.indices.contains(label) else { return all }
    return classes[label] ?? all
  }
}
