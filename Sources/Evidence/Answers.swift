internal import Foundation

/// A model's class scores for labelled samples, and the quantities that attacks look at.
///
/// With `N` samples and `C` classes.
public struct Answers: Hashable, Sendable {
  /// `[N, C]`, row-major.
  public let logits: [Float]
  /// Margins, predictions and labels, `[N]` each.
  public let responses: Responses

  public var count: Int { responses.count }
  public var classCount: Int { responses.classCount }

  /// - Parameters:
  ///   - logits: `[N, C]`, row-major.
  ///   - labels: `[N]`, each within `0..<classCount`.
  /// - Throws: `EvidenceError` when the sizes do not fit, or at the first number that is not finite.
  public init(logits: [Float], labels: [Int32], classCount: Int) throws(EvidenceError) {
    responses = try Responses(logits: logits, labels: labels, classCount: classCount)
    self.logits = logits
  }

  private init(logits: [Float], responses: Responses) {
    self.logits = logits
    self.responses = responses
  }

  /// The samples at some positions, in that order.
  public subscript(positions: [Int]) -> Answers {
    Answers(logits: positions.flatMap { logits[range($0)] }, responses: responses[positions])
  }

  /// `[N]`: the cross-entropy in nats, `log(1 + e^-margin)`: exact where `p(y)` rounds to 0 or 1.
  public var losses: [Double] {
    responses.margins.map { $0 > 0 ? log1p(exp(-$0)) : log1p(exp($0)) - $0 }
  }

  /// `[N]`: the probability of the true label.
  public var confidences: [Double] {
    responses.margins.map { $0 > 0 ? 1 / (1 + exp(-$0)) : exp($0) / (1 + exp($0)) }
  }

  /// `[N]`: the entropy of the answer in nats, 0...log C.
  public var entropies: [Double] {
    (0..<count).map { row in
      Self.logProbabilities(logits[range(row)]).reduce(0) { $0 - exp($1) * $1 }
    }
  }

  /// `[N]`: `-(1 - p(y)) log p(y) - sum over the others of p(c) log(1 - p(c))`, in nats: small for an
  /// answer that is right and sure.
  ///
  /// - SeeAlso: Song and Mittal, "Systematic Evaluation of Privacy Risks", USENIX Security 2021.
  public var modifiedEntropies: [Double] {
    let (losses, labels) = (losses, responses.labels)
    return (0..<count).map { row in
      let own = Int(labels[row])
      // 1 - p(y) and log p(y) come from the margin, which does not round to nothing.
      var sum = exp(-softplus(responses.margins[row])) * losses[row]
      let logs = Self.logProbabilities(logits[range(row)])
      for (index, value) in logs.enumerated() where index != own {
        sum -= exp(value) * Self.logOfRest(logs, without: index)
      }
      return sum
    }
  }

  /// `log(1 - p)` of one class: the logarithm of the sum of all others.
  private static func logOfRest(_ logs: [Double], without index: Int) -> Double {
    let others = logs.indices.filter { $0 != index }.map { logs[$0] }
    let peak = others.max() ?? 0
    return peak + log(others.reduce(0) { $0 + exp($1 - peak) })
  }

  private func softplus(_ x: Double) -> Double { x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)) }

  /// `z - logsumexp(z)` of one sample's scores.
  public static func logProbabilities(_ scores: ArraySlice<Float>) -> [Double] {
    let peak = Double(scores.max() ?? 0)
    let logSum = log(scores.reduce(0) { $0 + exp(Double($1) - peak) })
    return scores.map { Double($0) - peak - logSum }
  }

  func range(_ row: Int) -> Range<Int> { row * classCount..<(row + 1) * classCount }
}
