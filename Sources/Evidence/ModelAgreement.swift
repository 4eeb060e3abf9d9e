internal import Foundation

/// How alike two models answer about the same samples.
public struct ModelAgreement: Hashable, Sendable {
  /// The share of samples for which both predict one class, within 0...1.
  public let samePrediction: Double
  /// The mean Jensen-Shannon divergence between their probabilities, in nats: 0...log 2.
  public let divergence: Double

  /// - Parameters:
  ///   - first: `[N, C]` logits, row-major.
  ///   - second: the other model's.
  /// - Throws: `EvidenceError` when the sizes differ or are no multiple of the class count.
  public init(_ first: [Float], _ second: [Float], classCount: Int) throws(EvidenceError) {
    guard classCount >= 2 else { throw .tooFewClasses(classCount) }
    guard first.count == second.count, first.count.isMultiple(of: classCount) else {
      throw .logitCount(expected: first.count, found: second.count)
    }
    let count = first.count / classCount
    var same = 0
    var sum = 0.0
    for row in 0..<count {
      let range = (row * classCount)..<((row + 1) * classCount)
      let p = Self.softmax(first[range])
      let q = Self.softmax(second[range])
      if p.firstIndex(of: p.max() ?? 0) == q.firstIndex(of: q.max() ?? 0) { same += 1 }
      sum += Self.jensenShannon(p, q)
    }
    samePrediction = count == 0 ? 0 : Double(same) / Double(count)
    divergence = count == 0 ? 0 : sum / Double(count)
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
    let largest = Double(logits.max() ?? 0)
    let powers = logits.map { exp(Double($0) - largest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }
}
