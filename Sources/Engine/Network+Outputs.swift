internal import Foundation
public import ModelCore

extension Network {
  /// How many numbers the network gives for a sample: as many as it has classes, but one for the
  /// probability of the second of two.
  public var outputCount: Int { head == .binary ? 1 : classCount }

  /// What the model itself would give for class scores `[N, C]`: `[N, outputCount]`.
  ///
  /// - Parameter asScores: leaves the final softmax or sigmoid out.
  public func outputs(of scores: UnsafeBufferPointer<Float>, asScores: Bool = false) -> [Float] {
    var values = Array(scores)
    if head == .binary { values = stride(from: 1, to: values.count, by: 2).map { values[$0] } }
    guard !asScores else { return values }
    switch head {
    case .scores: break
    case .softmax: Scores.softmax(&values, classCount: classCount)
    case .binary where !architecture.endsInSigmoid: break
    case .binary, .multiLabel: values = values.map { Float(1 / (1 + exp(-Double($0)))) }
    }
    return values
  }
}
