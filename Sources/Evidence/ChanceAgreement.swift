internal import Foundation

/// How often a model is right, beside how often it would be if it did not look at the samples but
/// gave the same answers as often, in another order.
///
/// - SeeAlso: Cohen, A coefficient of agreement for nominal scales, 1960.
public struct ChanceAgreement: Hashable, Sendable {
  /// The share of samples that are answered rightly.
  public let observed: Double
  /// The share that chance would answer rightly: the sum over classes of how often the class is
  /// given, times how often it is the label.
  public let expected: Double
  public let count: Int

  public init(_ responses: Responses) {
    var given = [Double](repeating: 0, count: responses.classCount)
    var labelled = given
    for (prediction, label) in zip(responses.predictions, responses.labels) {
      given[Int(prediction)] += 1
      labelled[Int(label)] += 1
    }
    count = responses.count
    observed = responses.accuracy
    let pairs = Double(max(1, count)) * Double(max(1, count))
    expected = zip(given, labelled).reduce(0) { $0 + $1.0 * $1.1 } / pairs
  }

  /// Whether the model surely knows next to nothing of the samples: even the upper end of the
  /// 95 % interval of what it answers rightly is less than a tenth of what chance leaves.
  ///
  /// A handful of samples is never enough to say so.
  ///
  /// - SeeAlso: Agresti and Coull, Approximate is better than "exact" for interval estimation of
  ///   binomial proportions, 1998.
  public var isIgnorance: Bool {
    guard expected < 1 else { return false }
    let number = Double(count) + 4
    let middle = (observed * Double(count) + 2) / number
    let upper = middle + 2 * sqrt(middle * (1 - middle) / number)
    return upper < expected + 0.1 * (1 - expected)
  }
}
