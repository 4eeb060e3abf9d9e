internal import Foundation

/// How far two models' answers about the same samples lie apart.
///
/// With `N` samples; every mean is over the samples, every divergence summed over the classes.
public struct AnswerDistance: Hashable, Codable, Sendable {
  /// The mean Jensen-Shannon divergence in nats, 0...log 2.
  public let jensenShannon: Double
  /// The mean Euclidean distance of the probabilities, 0...sqrt 2 ("activation distance").
  public let activation: Double
  /// The share of samples for which both predict one class ("completeness"), 0...1.
  public let completeness: Double

  /// - Returns: nil without samples.
  /// - Throws: `EvidenceError` unless both answered the same samples in the same classes.
  public init?(_ first: Answers, _ second: Answers) throws(EvidenceError) {
    let parts = try Self.samples(first, second)
    guard !parts.isEmpty else { return nil }
    let count = Double(parts.count)
    jensenShannon = parts.reduce(0) { $0 + $1.divergence } / count
    activation = parts.reduce(0) { $0 + $1.squared.squareRoot() } / count
    completeness = Double(parts.count { $0.agrees }) / count
  }

  /// The mean of several distances; nil without any.
  public init?(mean distances: [AnswerDistance]) {
    guard !distances.isEmpty else { return nil }
    let count = Double(distances.count)
    jensenShannon = distances.reduce(0) { $0 + $1.jensenShannon } / count
    activation = distances.reduce(0) { $0 + $1.activation } / count
    completeness = distances.reduce(0) { $0 + $1.completeness } / count
  }

  /// One sample's part: the divergence in nats, the squared distance, and whether the models agree.
  typealias Sample = (divergence: Double, squared: Double, agrees: Bool)

  static func samples(_ first: Answers, _ second: Answers) throws(EvidenceError) -> [Sample] {
    guard first.classCount == second.classCount else {
      throw .logitCount(expected: first.logits.count, found: second.logits.count)
    }
    guard first.responses.labels == second.responses.labels else {
      throw .differentSamples(first: first.count, second: second.count)
    }
    return (0..<first.count).map { row in
      let p = softmax(first.logits[first.range(row)])
      let q = softmax(second.logits[second.range(row)])
      let squared = zip(p, q).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      return (
        jensenShannon(p, q), squared,
        first.responses.predictions[row] == second.responses.predictions[row]
      )
    }
  }

  /// How little a model still knows of some samples: 1 minus the mean Jensen-Shannon divergence, in
  /// bits, from an untrained network's answers ("zero retrain forgetting", ZRF), 0...1.
  ///
  /// Good is what a retrained model has, not 1.
  ///
  /// - SeeAlso: Chundawat et al., AAAI 2023, with the divergence as Lin defines it.
  /// - Returns: nil without samples.
  public static func zeroRetrainForgetting(
    _ model: Answers, untrained: Answers
  ) throws(EvidenceError) -> Double? {
    guard let distance = try AnswerDistance(model, untrained) else { return nil }
    return 1 - distance.jensenShannon / log(2)
  }

  /// The Jensen-Shannon divergence of two distributions in nats:
  /// `KL(p || m) / 2 + KL(q || m) / 2` with `m` their mean (Lin, IEEE Transactions on Information
  /// Theory 37(1), 1991). Summed over the classes, never averaged.
  public static func jensenShannon(_ p: [Double], _ q: [Double]) -> Double {
    precondition(p.count == q.count, "\(p.count) and \(q.count) probabilities")
    var sum = 0.0
    for (a, b) in zip(p, q) {
      let mean = (a + b) / 2
      if a > 0 { sum += a * log(a / mean) / 2 }
      if b > 0 { sum += b * log(b / mean) / 2 }
    }
    return max(0, sum)
  }

  /// The probabilities that logits stand for.
  public static func softmax(_ logits: ArraySlice<Float>) -> [Double] {
    Answers.logProbabilities(logits).map { exp($0) }
  }
}
