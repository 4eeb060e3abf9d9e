import Evidence
import ModelCore
import Testing

@testable import Unlearning

@Suite struct HardnessWeightsTests {
  /// Two classes of `count` samples each, margins from low to high.
  private func unseen(_ count: Int) throws -> Responses {
    let labels = (0..<2 * count).map { Int32($0 % 2) }
    let logits = labels.enumerated().flatMap { index, label -> [Float] in
      let margin = Float(index / 2) / Float(count) * 8 - 4
      return label == 0 ? [margin, 0] : [0, margin]
    }
    return try Responses(logits: logits, labels: labels, classCount: 2)
  }

  private func standings(_ ranks: [Double], label: Int? = 0) -> [MarginMap.Standing] {
    ranks.map { .init(rank: $0, inverseCounts: 0.01, label: label) }
  }

  /// A fair sample of a class is compared with the class as it is.
  @Test func fairSamplesWeighAllAlike() throws {
    let even = standings((0..<400).map { (Double($0) + 0.5) / 400 })
    #expect(!HardnessWeights.areNeeded(even))
    let weights = HardnessWeights.weights(try unseen(300), like: even, persistence: 0.85)
    let own = stride(from: 0, to: 600, by: 2).map { weights[$0] }
    #expect(abs(own.reduce(0, +) - 400) < 1e-6)
    #expect(own[10...289].allSatisfy { abs($0 - 400.0 / 300) < 0.2 })
    #expect(stride(from: 1, to: 600, by: 2).allSatisfy { weights[$0] == 0 })
  }

  /// Hard samples are expected among the hard ones, and less far out than they are.
  @Test func hardSamplesWeighTheHardOnes() throws {
    let hard = standings((0..<40).map { (Double($0) + 0.5) / 400 })
    #expect(HardnessWeights.areNeeded(hard))
    let unseen = try unseen(300)
    let weights = HardnessWeights.weights(unseen, like: hard, persistence: 0.85)
    let own = stride(from: 0, to: 600, by: 2).map { weights[$0] }
    let mean =
      own.indices.reduce(0.0) { $0 + own[$1] * (Double($1) + 0.5) / 300 }
      / own.reduce(0, +)
    #expect(mean > 0.05 && mean < 0.25)
    let distribution = try #require(EmpiricalDistribution(unseen.margins, weights: weights))
    // Few samples carry the weight, and it says so.
    #expect(distribution.effectiveCount < 150)
  }

  /// With nothing persisting, any samples are expected to be like all others.
  @Test func withoutPersistenceNothingIsKnown() throws {
    let weights = HardnessWeights.weights(
      try unseen(200), like: standings([0.01, 0.02]), persistence: 0)
    let own = stride(from: 0, to: 400, by: 2).map { weights[$0] }
    #expect(own.allSatisfy { abs($0 - 0.01) < 1e-9 })
  }
}
