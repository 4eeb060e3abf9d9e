public import Auditing
public import Unlearning

/// What a search tried, and what it chose.
///
/// - SeeAlso: `Schemas/report/tune-1.schema.json`.
public struct TuningReport: Hashable, Codable, Sendable {
  /// One candidate's result.
  public struct Trial: Hashable, Codable, Sendable {
    /// What differs from the method's defaults.
    public let changes: [String: Setting]
    /// Absent when the weights ran wild.
    public let outcome: Verdict?
    /// Accuracies on the forgotten and on the validation samples, within 0...1.
    public let forgetAccuracy: Double?
    public let validationAccuracy: Double?
    /// How far it is from the goal, how much accuracy it lost, and both weighed together.
    public let distance: Double?
    public let loss: Double?
    public let score: Double?
    /// Sample passes as a share of retraining's.
    public let cost: Double
  }

  public let method: String
  public let goal: TuningGoal
  /// The weight of the goal against accuracy.
  public let tradeOff: Double
  /// In the order they were tried.
  public let trials: [Trial]
  /// How many candidates there were in all.
  public let candidates: Int
  /// The winner's place among the trials; absent when all ran wild.
  public let winner: Int?
  /// Whether the winner passed the unlearner's own test.
  public let isAccepted: Bool
  /// The original model's accuracies.
  public let originalForgetAccuracy: Double
  public let originalValidationAccuracy: Double
  public let forgetCount: Int
  public let validationCount: Int
  /// What all trials took, and might have, as shares of retraining.
  public let cost: Double
  public let budget: Double
  /// Where the winner changed decisions.
  public let locality: Locality?
  public let seed: UInt64
}

/// What forgetting is to achieve.
public enum TuningGoal: String, Hashable, Codable, Sendable, CaseIterable {
  /// The forgotten samples are answered rightly as often as unseen ones:
  /// `|acc(forget) - acc(validation)|`.
  case privacy
  /// The labels of the forgotten samples, which are wrong or must go, are no longer given:
  /// `acc(forget)`.
  case bias
}
