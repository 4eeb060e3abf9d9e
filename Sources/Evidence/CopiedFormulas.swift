internal import Foundation

/// Values as widely copied code computes them, for comparison with papers that used it.
///
/// Each is wrong in a known way; the right ones are elsewhere in this module under the proper name.
public enum CopiedFormulas: String, CaseIterable, Codable, Sendable {
  /// The divergence and ZRF of the bad-teacher code, copied into SSD and others.
  case badTeacher = "bad-teaching"
  /// SUPREME's: as above, and a root mean square where the distance is a mean.
  case supreme
  /// The modified entropy of the SalUn family.
  case salun
  /// KLoM as the EasyDUB code bins it.
  case easyDUB = "easydub"
  /// The epsilon of Unlearning Comparator.
  case comparator

  /// What is wrong with it.
  public var flaw: String {
    switch self {
    case .badTeacher:
      "the divergence is taken from the mean to the answers, not back, and divided by the number of "
        + "classes too"
    case .supreme:
      "as bad-teaching; and the activation distance is a root mean square, not a mean"
    case .salun:
      "the modified entropy changes every class that any label names, and takes log p for log(1 - p)"
    case .easyDUB: "the histograms leave out the largest value"
    case .comparator: "epsilon is the smaller of two bounds, not the larger; no rate is below 1e-10"
    }
  }

  /// `mean over samples and classes of (KL(m || p) + KL(m || q)) / 2` in nats, with `m` their mean.
  ///
  /// - Returns: nil without samples.
  public static func jensenShannon(
    _ first: Answers, _ second: Answers
  ) throws(EvidenceError) -> Double? {
    _ = try AnswerDistance.samples(first, second)
    guard first.count > 0 else { return nil }
    var sum = 0.0
    for row in 0..<first.count {
      let p = Answers.logProbabilities(first.logits[first.range(row)])
      let q = Answers.logProbabilities(second.logits[second.range(row)])
      for (a, b) in zip(p, q) {
        let mean = (exp(a) + exp(b)) / 2
        if mean > 0 { sum += mean * (2 * log(mean) - a - b) / 2 }
      }
    }
    return sum / Double(first.logits.count)
  }

  /// 1 minus the above.
  public static func zeroRetrainForgetting(
    _ model: Answers, untrained: Answers
  ) throws(EvidenceError) -> Double? {
    try jensenShannon(model, untrained).map { 1 - $0 }
  }

  /// The root of the mean squared distance of the probabilities.
  public static func activationDistance(
    _ first: Answers, _ second: Answers
  ) throws(EvidenceError) -> Double? {
    let parts = try AnswerDistance.samples(first, second)
    guard !parts.isEmpty else { return nil }
    return (parts.reduce(0) { $0 + $1.squared } / Double(parts.count)).squareRoot()
  }

  /// `[N]`: `-sum of (1 - p) log p` over every class that some label names, of `p log p` over others.
  public static func modifiedEntropies(_ answers: Answers) -> [Double] {
    let named = Set(answers.responses.labels.map(Int.init))
    return (0..<answers.count).map { row in
      let logs = Answers.logProbabilities(answers.logits[answers.range(row)])
      return logs.enumerated().reduce(0) { sum, item in
        let p = exp(item.element)
        // Where p is 0 in 32 bits the code puts log 1e-30.
        let value = Float(p) > 0 ? item.element : log(1e-30)
        return sum - (named.contains(item.offset) ? 1 - p : p) * value
      }
    }
  }

  /// The smaller of the two bounds, rates no lower than 1e-10.
  public static func epsilon(
    falsePositiveRate: Double, falseNegativeRate: Double, delta: Double
  ) -> Double? {
    let (fpr, fnr) = (max(1e-10, falsePositiveRate), max(1e-10, falseNegativeRate))
    guard 1 - delta - fpr > 0, 1 - delta - fnr > 0 else { return nil }
    return min(log(1 - delta - fpr) - log(fnr), log(1 - delta - fnr) - log(fpr))
  }
}
