import Evidence
import ModelCore
import Testing

/// Answers of a two-class model with given margins for given labels.
func answers(_ margins: [Double], labels: [Int32]? = nil) throws -> Responses {
  let labels = labels ?? [Int32](repeating: 0, count: margins.count)
  var logits: [Float] = []
  for (margin, label) in zip(margins, labels) {
    logits += label == 0 ? [Float(margin), 0] : [0, Float(margin)]
  }
  return try Responses(logits: logits, labels: labels, classCount: 2)
}

@Suite struct UnseenComparisonTests {
  @Test func standardErrorsFollowTheirFormulas() {
    // sqrt((100 + 2500 + 1) / (12 * 100 * 2500)) and sqrt(.8 * .2 * (1/100 + 1/400))
    #expect(abs(StandardError.auc(100, 2500) - 0.029444863729) < 1e-9)
    #expect(abs(StandardError.accuracyDifference(0.8, 100, 400) - 0.044721359550) < 1e-9)
  }

  @Test func countsByHand() throws {
    let comparison = try #require(
      UnseenComparison(answers([3, 1, -1, 2]), unseen: answers([1, -2, -1, 2, 0.5])))
    #expect(comparison.accuracy == 0.75)
    #expect(abs(comparison.unseenAccuracy - 0.6) < 1e-12)
    // Pairs won by the first: 5 of 3; 3.5 of 1; 1.5 of -1; 4.5 of 2.
    #expect(abs(comparison.auc - 14.5 / 20) < 1e-12)
    #expect(abs(comparison.effectiveUnseenCount - 5) < 1e-12)
    #expect(abs(comparison.aucError - (10.0 / 240).squareRoot()) < 1e-12)
  }

  /// Class 1 is three of four samples but one of three unseen ones; unseen class 1 is always
  /// wrong, class 0 always right.
  @Test func unseenClassesAreWeightedLikeTheSamples() throws {
    let comparison = try #require(
      UnseenComparison(
        answers([1, -1, -1, -1], labels: [0, 1, 1, 1]),
        unseen: answers([2, 2, -2], labels: [0, 0, 1])))
    #expect(comparison.accuracy == 0.25)
    #expect(abs(comparison.unseenAccuracy - 0.25) < 1e-12)
    // Weights 1/2, 1/2 and 3: (1/2 + 1/2 + 3)^2 / (1/4 + 1/4 + 9).
    #expect(abs(comparison.effectiveUnseenCount - 16 / 9.5) < 1e-12)
    // 1 beats -2 (3/4); each -1 beats -2: 3/4 in all, whatever the class.
    #expect(abs(comparison.auc - 0.75) < 1e-12)
  }

  @Test func aClassThatUnseenDataLackFallsBackToAllOfThem() throws {
    let comparison = try #require(
      UnseenComparison(answers([1, 2], labels: [1, 1]), unseen: answers([1, -1, 3])))
    #expect(abs(comparison.unseenAccuracy - 2.0 / 3) < 1e-12)
    #expect(comparison.effectiveUnseenCount == 3)
  }

  @Test func samplesLikeUnseenOnesPassWithoutPower() throws {
    let margins = normals(1000, mean: 2, seed: 1)
    let comparison = try #require(
      UnseenComparison(answers(margins), unseen: answers(margins)))
    #expect(comparison.passes)
    #expect(!comparison.hasPower)
    #expect(!comparison.isOverForgotten)
    #expect(comparison.countForPower == nil)
  }

  @Test func rememberedSamplesFailWithPower() throws {
    let comparison = try #require(
      UnseenComparison(
        answers(normals(200, mean: 4, seed: 1)), unseen: answers(normals(500, mean: 1, seed: 2))))
    #expect(!comparison.passes)
    #expect(comparison.hasPower)
    let needed = try #require(comparison.countForPower)
    #expect((2...10).contains(needed))
  }

  @Test func samplesAnsweredFarWorseAreOverForgotten() throws {
    let comparison = try #require(
      UnseenComparison(
        answers(normals(200, mean: -1, seed: 1)), unseen: answers(normals(500, mean: 1, seed: 2))))
    #expect(comparison.passes)
    #expect(comparison.isOverForgotten)
  }

  /// With the excess held, the count found has power and one fewer has not.
  @Test(arguments: [(0.13, 0.0), (0.04, 0.0), (0.0, 0.06), (0.13, 0.05), (0.021, 0.041)])
  func theCountForPowerIsTheSmallest(accuracyExcess: Double, aucExcess: Double) {
    func hasPower(_ n: Int, _ m: Double) -> Bool {
      aucExcess > 2 * max(0.02, StandardError.auc(Double(n), m))
        || accuracyExcess
          > 2 * max(0.01, StandardError.accuracyDifference(0.87, Double(n), m))
    }
    for m in [200.0, 2500, 1e7] {
      let needed = UnseenComparison.countForPower(
        accuracyExcess: accuracyExcess, aucExcess: aucExcess, unseenAccuracy: 0.87,
        unseenCount: m)
      if let needed {
        #expect(hasPower(needed, m))
        #expect(needed == 1 || !hasPower(needed - 1, m))
      } else {
        #expect(!hasPower(100_000_000, m))
      }
    }
  }

  @Test func nothingCannotBeCompared() throws {
    #expect(UnseenComparison(try answers([]), unseen: try answers([1])) == nil)
    #expect(UnseenComparison(try answers([1]), unseen: try answers([])) == nil)
  }

  private func normals(_ count: Int, mean: Double, seed: UInt64) -> [Double] {
    var random = SeededGenerator(seed: seed)
    return (0..<count).map { _ in mean + 2 * random.nextNormal() }
  }
}
