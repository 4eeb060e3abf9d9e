public import ModelCore

/// A way to make a model forget: its targets, its losses and its schedule.
///
/// Methods are small values. All get the same session: the same inputs, budget, tests, averaging,
/// record and report. What most of them do is describe a `Descent` and let the session run it; one
/// that edits weights outright does so through the session's network.
public protocol UnlearningMethod: Sendable {
  /// As people call it on the command line.
  var name: String { get }
  /// Every hyper-parameter by name; `settings` and `with(_:)` follow from them.
  static var knobs: [String: Knob<Self>] { get }
  /// The answers of the original model that `unlearn` wants to have measured.
  func needs(for scenario: UnlearningProblem.Scenario) -> BaselineParts

  /// Whether the result has never seen the samples, by construction: then a test of it can only be
  /// wrong by chance, and utility alone decides.
  var isExact: Bool { get }

  /// What one attempt may cost when nobody says, as a share of retraining; nil sets no limit.
  func defaultCost(for scenario: UnlearningProblem.Scenario) -> Double?

  /// What the method has to spend before it can take the steps that unlearn, in sample passes: where nobody
  /// says what an attempt may cost, the method's own budget is raised to pay for it.
  func leastPasses(_ problem: UnlearningProblem, _ architecture: Architecture) -> Double

  /// Changes the session's network from the original weights to unlearned ones.
  ///
  /// - Throws: what the session throws; `UnlearningError.scenario` for a request it does not serve.
  func unlearn(_ session: UnlearningSession) throws
}

extension UnlearningMethod {
  public var isExact: Bool { false }
  public func needs(for scenario: UnlearningProblem.Scenario) -> BaselineParts { [] }
  public func defaultCost(for scenario: UnlearningProblem.Scenario) -> Double? { 0.05 }
  public func leastPasses(_ problem: UnlearningProblem, _ architecture: Architecture) -> Double {
    0
  }
}

/// The value of a hyper-parameter or of something a method found out.
public enum Setting: Hashable, Codable, Sendable {
  case number(Double)
  case text(String)
  case flag(Bool)

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let flag = try? container.decode(Bool.self) {
      self = .flag(flag)
    } else if let number = try? container.decode(Double.self) {
      self = .number(number)
    } else {
      self = .text(try container.decode(String.self))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .number(let value): try container.encode(value)
    case .text(let value): try container.encode(value)
    case .flag(let value): try container.encode(value)
    }
  }
}
