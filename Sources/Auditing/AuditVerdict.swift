internal import Evidence
internal import ModelCore

/// What an audit comes to.
public struct AuditVerdict: Hashable, Codable, Sendable {
  public enum Outcome: String, Hashable, Codable, Sendable, CaseIterable {
    /// A test that could have told the difference finds none, and the model is still useful.
    case forgotten
    case notForgotten = "not-forgotten"
    /// The samples are answered so much worse than strangers that they stand out again.
    case overForgotten = "over-forgotten"
    case utilityLost = "utility-lost"
    /// No test could have told the difference.
    case cannotTell = "cannot-tell"
  }

  public let outcome: Outcome
  /// Why, in words.
  public let sentence: String

  /// Whether the evidence supports the claim "forgotten, and still useful".
  public var supports: Bool { outcome == .forgotten }
}

/// One test of whether samples are forgotten, put to the original and the unlearned model.
public struct AuditTest: Hashable, Codable, Sendable {
  public enum Name: String, Hashable, Codable, Sendable {
    /// Forgotten samples against strangers, by one threshold for all.
    case population
    /// The same with each sample's own difficulty known from shadow models.
    case perExample = "per-example"
    /// Whether samples of forgotten classes are still recognised.
    case classes
    /// Whether a backdoor's pattern still works.
    case backdoor
  }

  public let name: Name
  /// Whether it tells the original model from one that never saw the samples.
  public let hasPower: Bool
  /// Whether the unlearned model passes.
  public let passes: Bool
  /// Whether its samples stand out by being answered too badly.
  public let isOverForgotten: Bool
  /// What it measured on the original and on the unlearned model, and what a model without memory
  /// of the samples is expected to have.
  public let before: Double
  public let after: Double
  public let expected: Double
  /// The accuracy on the samples, before, after and as expected: that on strangers of the same
  /// classes, or what retrained models have; in the population test.
  public let accuracyBefore: Double?
  public let accuracy: Double?
  public let expectedAccuracy: Double?

  /// How far from `expected` counts as no difference.
  public let band: Double
}

extension AuditVerdict {
  /// Decides: utility first, then any test that finds something, then whether any could have.
  ///
  /// - Parameter count: how many samples are to be forgotten.
  init(_ tests: [AuditTest], utility: DiscordantPairs, neededCount: Int?, count: Int) {
    if !utility.keepsUtility {
      outcome = .utilityLost
      sentence =
        "The unlearned model lost \(Text.points(utility.loss)) of accuracy on strangers; "
        + "\(Text.points(utility.allowance)) would be chance."
    } else if let test = tests.first(where: \.isOverForgotten) {
      outcome = .overForgotten
      sentence =
        "The records are answered worse than ones the model never saw, which gives them away again: "
        + test.measured + "."
    } else if let test = tests.first(where: { $0.hasPower && !$0.passes }) {
      outcome = .notForgotten
      sentence = "The records are still recognised: \(test.measured)." + Self.others(tests, test)
    } else if let test = tests.last(where: \.hasPower) {
      outcome = .forgotten
      sentence =
        "The evidence supports that the records are forgotten: \(test.measured); the original model "
        + "had \(Text.value(test.before, of: test.name))"
        + (test.accuracyBefore.map { " and \(Text.percent($0))" } ?? "") + "."
        + Self.blind(tests)
    } else {
      outcome = .cannotTell
      sentence = Self.withoutPower(tests, neededCount, count)
    }
  }

  private static func blind(_ tests: [AuditTest]) -> String {
    guard let test = tests.first(where: { !$0.hasPower }) else { return "" }
    return " The \(test.name.rawValue) attack finds too little in the original model to be a test "
      + "here (\(Text.value(test.before, of: test.name)))."
  }

  private static func others(_ tests: [AuditTest], _ failed: AuditTest) -> String {
    let passed = tests.filter { $0.hasPower && $0.passes }
    guard let test = passed.first else { return "" }
    return " The \(test.name.rawValue) test does not see it (\(test.measured))."
  }

  private static func withoutPower(
    _ tests: [AuditTest], _ neededCount: Int?, _ count: Int
  ) -> String {
    let start = "Cannot tell: no test here tells even the original model from one that never saw "
    if let neededCount, neededCount > count {
      return start + "\(count.grouped("record")); that takes about \(neededCount.grouped) "
        + "records, or shadow models (--shadows) for a test of each by itself."
    }
    return start
      + "these records: they are too few, or too easy to answer without having seen them."
  }
}

extension AuditTest {
  /// The result in words.
  var measured: String {
    let value = Text.value(after, of: name)
    let reference = Text.value(expected, of: name)
    return switch name {
    case .population:
      "an attack on all of them at once has \(value) (\(reference) is expected)"
        + (accuracy.flatMap { mine in
          expectedAccuracy.map {
            ", and \(Text.percent(mine)) of them are answered rightly (\(Text.percent($0)) is "
              + "expected)"
          }
        } ?? "")
    case .perExample:
      "an attack on each by itself has \(value) (\(reference) is what retrained models have)"
    case .classes: "their classes are recognised in \(value) of samples (\(reference) would pass)"
    case .backdoor: "the pattern works on \(value) (\(reference) go there without it)"
    }
  }
}
