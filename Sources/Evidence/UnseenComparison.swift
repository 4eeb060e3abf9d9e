/// How a model's answers about some samples differ from its answers about unseen ones.
///
/// The two samples may hold the classes in other proportions: unseen samples are weighted so that
/// every class counts as it does among the samples in question, or a lack of balance would look
/// like memory.
public struct UnseenComparison: Hashable, Codable, Sendable {
  /// How many samples are in question.
  public let count: Int
  /// How many unseen samples they are compared with.
  public let unseenCount: Int
  /// What the unseen samples are worth after weighting (Kish).
  public let effectiveUnseenCount: Double
  /// The share classified rightly, within 0...1.
  public let accuracy: Double
  public let unseenAccuracy: Double
  /// How often a margin in question exceeds an unseen one: 0.5 when nothing tells them apart.
  public let auc: Double
  /// Distances between the margins, for information: no verdict rests on them.
  public let kolmogorovSmirnov: Double
  public let wasserstein: Double

  /// - Returns: nil when either side is empty.
  public init?(_ samples: Responses, unseen: Responses) {
    self.init(samples, unseen: unseen, weights: Self.weights(of: unseen, asIn: samples))
  }

  /// - Parameter weights: of the unseen samples, non-negative.
  /// - Returns: nil when either side is empty, or nothing carries weight.
  public init?(_ samples: Responses, unseen: Responses, weights: [Double]) {
    guard let first = EmpiricalDistribution(samples.margins),
      let second = EmpiricalDistribution(unseen.margins, weights: weights)
    else { return nil }
    let separation = Separation(first, second)
    count = samples.count
    unseenCount = second.count
    effectiveUnseenCount = second.effectiveCount
    accuracy = samples.accuracy
    unseenAccuracy = unseen.accuracy(weights: weights)
    auc = separation.auc
    kolmogorovSmirnov = separation.kolmogorovSmirnov
    wasserstein = separation.wasserstein
  }

  /// The weight of every unseen sample: its class's share of `samples`, divided evenly.
  ///
  /// When no class of `samples` occurs among the unseen ones, all count the same.
  public static func weights(of unseen: Responses, asIn samples: Responses) -> [Double] {
    let wanted = samples.positionsByClass.map(\.count)
    let found = unseen.positionsByClass.map(\.count)
    let weights = unseen.labels.map { label in
      let label = Int(label)
      return label < wanted.count ? Double(wanted[label]) / Double(found[label]) : 0
    }
    return weights.contains { $0 > 0 } ? weights : weights.map { _ in 1 }
  }

  /// AUC above one half: positive when the samples are answered more surely than unseen ones.
  public var aucExcess: Double { auc - 0.5 }
  /// Accuracy above that on unseen samples.
  public var accuracyExcess: Double { accuracy - unseenAccuracy }

  public var aucError: Double { StandardError.auc(Double(count), effectiveUnseenCount) }
  public var accuracyError: Double {
    StandardError.accuracyDifference(unseenAccuracy, Double(count), effectiveUnseenCount)
  }

  /// What counts as no excess: one standard error, and never less than .02.
  public var aucBand: Double { max(0.02, aucError) }
  /// What counts as no excess: one standard error, and never less than one point.
  public var accuracyBand: Double { max(0.01, accuracyError) }

  /// Whether the samples are answered no better than unseen ones; worse is not this test's affair.
  public var passes: Bool { aucExcess <= aucBand && accuracyExcess <= accuracyBand }

  /// Whether the samples are answered so much worse that they stand out again.
  public var isOverForgotten: Bool {
    aucExcess < -2.5 * aucError || accuracyExcess < -2.5 * accuracyError
  }

  /// Whether the test can tell these samples apart: asked once, of the untouched model.
  public var hasPower: Bool { aucExcess > 2 * aucBand || accuracyExcess > 2 * accuracyBand }

  /// How many samples it would take for `hasPower`, were their excesses and the unseen data these.
  ///
  /// - Returns: nil when no number would do, because the excess is within two of the narrowest
  ///   bands, or because there are too few unseen samples.
  public var countForPower: Int? {
    Self.countForPower(
      accuracyExcess: accuracyExcess, aucExcess: aucExcess, unseenAccuracy: unseenAccuracy,
      unseenCount: effectiveUnseenCount)
  }

  /// The smallest `n` for which one of the excesses is more than two bands:
  /// `2 sqrt(q (1 - q) (1/n + 1/m)) < excess` or `2 sqrt((n + m + 1) / (12 n m)) < excess`.
  public static func countForPower(
    accuracyExcess: Double, aucExcess: Double, unseenAccuracy: Double, unseenCount m: Double
  ) -> Int? {
    let spread = 4 * unseenAccuracy * (1 - unseenAccuracy)
    var candidates: [Double] = []
    if accuracyExcess > 0.02 {
      let room = accuracyExcess * accuracyExcess - spread / m
      if room > 0 { candidates.append(spread / room) }
    }
    if aucExcess > 0.04 {
      let room = 3 * m * aucExcess * aucExcess - 1
      if room > 0 { candidates.append((m + 1) / room) }
    }
    guard let smallest = candidates.min(), smallest < 1e12 else { return nil }
    return Int(smallest.rounded(.down)) + 1
  }
}
