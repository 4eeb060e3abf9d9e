public import Evidence

/// Where the margin of a training sample would lie had the model never seen the sample.
///
/// Trained samples have larger margins than unseen ones. The map sends a margin to the margin that
/// unseen data has at the same rank, class by class: `phi* = Q_U(F_R(phi))`, with `F_R` the
/// distribution function of margins of samples the model still may know, and `Q_U` the quantile
/// function of unseen ones. The rank is taken among retained samples and not among those to forget,
/// for a person's records are few and alike: no sample of their class.
///
/// - SeeAlso: `Unlearning.docc/Match.md`.
public struct MarginMap: Hashable, Sendable {
  /// A class with fewer samples on either side is mapped like all classes together.
  public static let smallestClass = 20

  /// Where a sample stands among retained ones.
  public struct Standing: Hashable, Sendable {
    /// Within 0...1, and neither end.
    public let rank: Double
    /// `1/n + 1/k` for the `n` retained and `k` unseen samples behind rank and target: the rank's
    /// variance is `rank (1 - rank)` times this.
    public let inverseCounts: Double
    /// The class to stay within, or nil for all together.
    public let label: Int?
  }

  private let retained: ClassDistributions
  private let unseen: ClassDistributions

  /// - Parameters:
  ///   - retained: the original model's answers about samples that stay.
  ///   - unseen: its answers about samples it has never seen.
  /// - Returns: nil when either is empty.
  public init?(retained: Responses, unseen: Responses) {
    guard let members = ClassDistributions(retained), let strangers = ClassDistributions(unseen)
    else { return nil }
    self.retained = members
    self.unseen = strangers
  }

  /// Where a sample stands whose margin is `margin` under the original model.
  public func standing(margin: Double, label: Int) -> Standing {
    let isLarge = min(retained.count(label), unseen.count(label)) >= Self.smallestClass
    let label = isLarge ? label : nil
    let distribution = retained[label]
    // A sample beyond all retained ones is taken for the outermost of them.
    let edge = 0.5 / Double(distribution.count)
    let rank = min(max(distribution.rank(of: margin), edge), 1 - edge)
    let inverse = 1 / Double(distribution.count) + 1 / Double(unseen[label].count)
    return Standing(rank: rank, inverseCounts: inverse, label: label)
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
