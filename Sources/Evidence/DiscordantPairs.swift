/// On which samples exactly one of two models is right.
///
/// - SeeAlso: McNemar, *Psychometrika* 12(2), 1947.
public struct DiscordantPairs: Hashable, Codable, Sendable {
  /// How many samples only the first model gets right.
  public let onlyFirst: Int
  /// How many samples only the second model gets right.
  public let onlySecond: Int
  /// How many samples both were asked about.
  public let count: Int

  /// - Throws: `EvidenceError.differentSamples` unless both answered about the same samples.
  public init(_ first: Responses, _ second: Responses) throws(EvidenceError) {
    guard first.labels == second.labels else {
      throw .differentSamples(first: first.count, second: second.count)
    }
    count = first.count
    onlyFirst = first.labels.indices.count { first.isCorrect($0) && !second.isCorrect($0) }
    onlySecond = first.labels.indices.count { !first.isCorrect($0) && second.isCorrect($0) }
  }

  /// How much accuracy the second model lost, within -1...1.
  public var loss: Double {
    count == 0 ? 0 : Double(onlyFirst - onlySecond) / Double(count)
  }

  /// The standard error of `loss` when both models are equally good: `sqrt(b + c) / m`.
  public var standardError: Double {
    count == 0 ? 0 : Double(onlyFirst + onlySecond).squareRoot() / Double(count)
  }

  /// What counts as no loss: two standard errors, and never less than one point.
  public var allowance: Double { max(0.01, 2 * standardError) }

  /// Whether the second model is as useful as the first.
  public var keepsUtility: Bool { loss <= allowance }
}
