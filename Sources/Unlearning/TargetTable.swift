internal import Evidence
internal import Foundation

/// What the model should answer to each sample to forget: `[N, C]` probabilities.
public struct TargetTable: Hashable, Sendable {
  public let classCount: Int
  /// `[N, C]`, row-major; every row sums to 1.
  public let probabilities: [Float]

  /// Beyond +-12 a margin moves a probability by less than `exp(-12)`, which no gradient feels.
  public static let largestMargin = 12.0

  init(classCount: Int, probabilities: [Float]) {
    self.classCount = classCount
    self.probabilities = probabilities
  }

  /// The label's probability is that of a margin, and the model's own answer divides the rest:
  /// `p_y = sigmoid(phi)`, `p_k = (1 - p_y) softmax(z without y)_k`.
  ///
  /// - Parameters:
  ///   - margins: `[N]`, clamped to +-12.
  ///   - logits: `[N, C]`, the original model's.
  ///   - labels: `[N]`, each within `0..<classCount`.
  public static func margins(
    _ margins: [Double], logits: [Float], labels: [Int32], classCount: Int
  ) -> TargetTable {
    precondition(margins.count == labels.count && logits.count == labels.count * classCount)
    var result: [Float] = []
    result.reserveCapacity(logits.count)
    for (row, label) in labels.enumerated() {
      let margin = min(max(margins[row], -largestMargin), largestMargin)
      let others = 1 / (1 + exp(margin))
      var shares = softmax(
        logits[(row * classCount)..<((row + 1) * classCount)], without: [Int(label)])
      for index in shares.indices { shares[index] *= others }
      shares[Int(label)] = 1 / (1 + exp(-margin))
      result += shares.map(Float.init)
    }
    return TargetTable(classCount: classCount, probabilities: result)
  }

  /// The model's own answer with some classes taken out: `softmax(z without these)`.
  ///
  /// - Parameter classes: those without a share, not all of them.
  public static func masked(
    _ classes: [Int], logits: [Float], classCount: Int
  ) -> TargetTable {
    var result: [Float] = []
    result.reserveCapacity(logits.count)
    for row in 0..<(logits.count / classCount) {
      let scores = logits[(row * classCount)..<((row + 1) * classCount)]
      result += softmax(scores, without: classes).map(Float.init)
    }
    return TargetTable(classCount: classCount, probabilities: result)
  }

  /// One class for each sample.
  ///
  /// - Parameter labels: each within `0..<classCount`.
  public static func labels(_ labels: [Int32], classCount: Int) -> TargetTable {
    var result = [Float](repeating: 0, count: labels.count * classCount)
    for (row, label) in labels.enumerated() { result[row * classCount + Int(label)] = 1 }
    return TargetTable(classCount: classCount, probabilities: result)
  }

  /// The model's own answer with each sample's own class taken out.
  public static func withoutLabel(
    logits: [Float], labels: [Int32], classCount: Int
  ) -> TargetTable {
    var result: [Float] = []
    result.reserveCapacity(logits.count)
    for (row, label) in labels.enumerated() {
      let scores = logits[(row * classCount)..<((row + 1) * classCount)]
      result += softmax(scores, without: [Int(label)]).map(Float.init)
    }
    return TargetTable(classCount: classCount, probabilities: result)
  }

  /// The same answers at a temperature: `p^(1/T)`, brought back to a sum of 1.
  func softened(_ temperature: Float) -> TargetTable {
    guard temperature != 1 else { return self }
    var result = probabilities.map { pow($0, 1 / temperature) }
    for start in stride(from: 0, to: result.count, by: classCount) {
      let sum = result[start..<(start + classCount)].reduce(0, +)
      for column in start..<(start + classCount) { result[column] /= sum }
    }
    return TargetTable(classCount: classCount, probabilities: result)
  }

  private static func softmax(_ scores: ArraySlice<Float>, without: [Int]) -> [Double] {
    var values = scores.map(Double.init)
    for index in without { values[index] = -.infinity }
    let largest = values.max() ?? 0
    var sum = 0.0
    for index in values.indices {
      values[index] = exp(values[index] - largest)
      sum += values[index]
    }
    return values.map { $0 / sum }
  }
}
