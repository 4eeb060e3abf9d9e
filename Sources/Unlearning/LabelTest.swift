public import Evidence
internal import Foundation

/// How often samples still get an answer that they never should: a backdoor's, or a wrong label.
///
/// Some get it from any model: one that never saw a poisoned sample gives the attack label to `base`
/// of the samples of other classes. What counts as no more than that is two points above it, or two
/// standard errors of a share of `count` samples.
public struct LabelTest: Hashable, Codable, Sendable {
  public enum Subject: String, Hashable, Codable, Sendable {
    /// Unseen samples of other classes with the trigger stamped on them.
    case stamped
    /// The samples to forget, which have the label in the file.
    case records
  }

  public let subject: Subject
  public let count: Int
  /// The share that gets the label: the attack's success rate.
  public let rate: Double
  /// The share of unseen samples of other classes that the original model gives the label, without
  /// any trigger.
  public let base: Double
  /// The share that gets its right class; nil where that is not known.
  public let rightRate: Double?

  /// What may be above `base`.
  public var band: Double {
    max(0.02, 2 * (base * (1 - base) / Double(max(1, count))).squareRoot())
  }
  public var passes: Bool { rate - base <= band }
  /// Whether the test tells the untouched model from a clean one: asked once, of the former.
  public var hasPower: Bool { rate - base > 2 * band }

  /// Stamped samples under their own labels.
  ///
  /// - Parameters:
  ///   - stamped: answers about them, those of the attacked class left out.
  ///   - base: see above.
  init(stamped: Responses, attack: Int32, base: Double) {
    subject = .stamped
    count = stamped.count
    rate = Self.share(stamped.predictions) { $0 == attack }
    rightRate = stamped.accuracy
    self.base = base
  }

  /// Records under the wrong labels that they have.
  ///
  /// - Parameter right: the class of each where it is known.
  init(records: Responses, right: [Int32?], base: Double) {
    subject = .records
    count = records.count
    rate = records.accuracy
    let known = right.indices.filter { right[$0] != nil }
    rightRate =
      known.isEmpty
      ? nil : Double(known.count { records.predictions[$0] == right[$0] }) / Double(known.count)
    self.base = base
  }

  /// How often a model gives each class to samples of others: `[C]`, 0 where there are none.
  static func baseRates(_ unseen: Responses) -> [Double] {
    (0..<Int32(unseen.classCount)).map { label in
      let others = unseen.labels.indices.filter { unseen.labels[$0] != label }
      return share(others.map { unseen.predictions[$0] }) { $0 == label }
    }
  }

  private static func share(_ values: [Int32], _ isCounted: (Int32) -> Bool) -> Double {
    values.isEmpty ? 0 : Double(values.count(where: isCounted)) / Double(values.count)
  }
}
