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

  /// What is expected of one sample's margin.
  public struct Expectation: Hashable, Sendable {
    /// The margin to aim at.
    public let target: Double
    /// The spread of unseen margins around it: two standard errors of the rank to each side.
    public let range: ClosedRange<Double>
  }

  private struct Pair: Hashable, Sendable {
    let retained: EmpiricalDistribution
    let unseen: EmpiricalDistribution
  }

  private let all: Pair
  private let classes: [Pair?]

  /// - Parameters:
  ///   - retained: the original model's answers about samples that stay.
  ///   - unseen: its answers about samples it has never seen.
  /// - Returns: nil when either is empty.
  public init?(retained: Responses, unseen: Responses) {
    guard let members = EmpiricalDistribution(retained.margins),
      let strangers = EmpiricalDistribution(unseen.margins)
    else { return nil }
    all = Pair(retained: members, unseen: strangers)
    classes = zip(retained.positionsByClass, unseen.positionsByClass).map { ours, theirs in
      guard min(ours.count, theirs.count) >= Self.smallestClass,
        let members = EmpiricalDistribution(ours.map { retained.margins[$0] }),
        let strangers = EmpiricalDistribution(theirs.map { unseen.margins[$0] })
      else { return nil }
      return Pair(retained: members, unseen: strangers)
    }
  }

  /// What is expected of a sample whose margin is `margin` under the original model.
  public func expectation(margin: Double, label: Int) -> Expectation {
    let pair = (classes.indices.contains(label) ? classes[label] : nil) ?? all
    let (n, m) = (Double(pair.retained.count), Double(pair.unseen.count))
    // A sample beyond all retained ones is taken for the outermost of them.
    let rank = min(max(pair.retained.rank(of: margin), 0.5 / n), 1 - 0.5 / n)
    let error = (rank * (1 - rank) * (1 / n + 1 / m)).squareRoot()
    return Expectation(
      target: pair.unseen.quantile(rank),
      range: pair.unseen.quantile(rank - 2 * error)...pair.unseen.quantile(rank + 2 * error))
  }
}
