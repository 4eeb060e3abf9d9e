internal import Foundation

/// What a model answers about labelled samples, reduced to what evidence needs.
///
/// With `N` samples and `C` classes: `margins [N]`, `predictions [N]`, `labels [N]`.
public struct Responses: Hashable, Sendable {
  /// How sure the model is of each true label: `log p(y) - log(1 - p(y))`.
  public let margins: [Double]
  /// The class with the highest score; the first one of equals.
  public let predictions: [Int32]
  /// The true class.
  public let labels: [Int32]
  /// How many classes the model tells apart.
  public let classCount: Int

  public var count: Int { labels.count }

  /// - Parameters:
  ///   - logits: `[N, C]`, row-major.
  ///   - labels: `[N]`, each within `0..<classCount`.
  /// - Throws: `EvidenceError` when the sizes do not fit, or at the first number that is not finite.
  public init(logits: [Float], labels: [Int32], classCount: Int) throws(EvidenceError) {
    guard classCount >= 2 else { throw .tooFewClasses(classCount) }
    let (size, overflow) = labels.count.multipliedReportingOverflow(by: classCount)
    guard !overflow, logits.count == size else {
      throw .logitCount(expected: size, found: logits.count)
    }
    var margins: [Double] = []
    var predictions: [Int32] = []
    margins.reserveCapacity(labels.count)
    predictions.reserveCapacity(labels.count)
    for (row, label) in labels.enumerated() {
      guard label >= 0, label < classCount else {
        throw .label(Int(label), row: row, classCount: classCount)
      }
      let scores = logits[(row * classCount)..<((row + 1) * classCount)]
      guard scores.allSatisfy(\.isFinite) else { throw .notFinite(row: row) }
      margins.append(Self.margin(of: scores, label: Int(label)))
      predictions.append(Int32(Self.indexOfLargest(scores)))
    }
    self.margins = margins
    self.predictions = predictions
    self.labels = labels
    self.classCount = classCount
  }

  private init(margins: [Double], predictions: [Int32], labels: [Int32], classCount: Int) {
    self.margins = margins
    self.predictions = predictions
    self.labels = labels
    self.classCount = classCount
  }

  /// `z_y - logsumexp(z of the other classes)`, in float64: exact where `p(y)` rounds to 0 or 1.
  ///
  /// - Precondition: `label` is an index of `scores`, counted from its start; two scores or more.
  public static func margin(of scores: ArraySlice<Float>, label: Int) -> Double {
    let own = scores.startIndex + label
    var largest = -Double.infinity
    for index in scores.indices where index != own { largest = max(largest, Double(scores[index])) }
    var sum = 0.0
    for index in scores.indices where index != own { sum += exp(Double(scores[index]) - largest) }
    return Double(scores[own]) - largest - log(sum)
  }

  /// Whether sample `index` is classified rightly.
  public func isCorrect(_ index: Int) -> Bool { predictions[index] == labels[index] }

  /// The share of samples that are classified rightly, within 0...1; 0 when there are none.
  public var accuracy: Double {
    guard count > 0 else { return 0 }
    return Double(labels.indices.count(where: isCorrect)) / Double(count)
  }

  /// The share of the samples' weight that is classified rightly.
  ///
  /// - Parameter weights: `[N]`, non-negative.
  public func accuracy(weights: [Double]) -> Double {
    let total = weights.reduce(0, +)
    guard total > 0 else { return 0 }
    var right = 0.0
    for index in labels.indices where isCorrect(index) { right += weights[index] }
    return right / total
  }

  /// The samples at some positions, in that order.
  public subscript(positions: [Int]) -> Responses {
    Responses(
      margins: positions.map { margins[$0] }, predictions: positions.map { predictions[$0] },
      labels: positions.map { labels[$0] }, classCount: classCount)
  }

  /// The positions of the samples of each class, in order.
  public var positionsByClass: [[Int]] {
    var result = [[Int]](repeating: [], count: classCount)
    for (position, label) in labels.enumerated() { result[Int(label)].append(position) }
    return result
  }

  private static func indexOfLargest(_ scores: ArraySlice<Float>) -> Int {
    var best = scores.startIndex
    for index in scores.indices where scores[index] > scores[best] { best = index }
    return best - scores.startIndex
  }
}

/// Numbers that no evidence can be drawn from.
public enum EvidenceError: Error, Hashable, Sendable, CustomStringConvertible {
  case tooFewClasses(Int)
  case logitCount(expected: Int, found: Int)
  case label(Int, row: Int, classCount: Int)
  case notFinite(row: Int)
  case differentSamples(first: Int, second: Int)

  public var description: String {
    switch self {
    case .tooFewClasses(let count): "expected two classes or more, found \(count)"
    case .logitCount(let expected, let found):
      "expected \(expected) class scores, found \(found)"
    case .label(let label, let row, let classCount):
      "sample \(row): expected a class within 0..<\(classCount), found \(label)"
    case .notFinite(let row): "sample \(row): the model's answer is not a finite number"
    case .differentSamples(let first, let second):
      "expected answers about the same samples, found \(first) and \(second) of them"
    }
  }
}
