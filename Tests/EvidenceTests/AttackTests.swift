import Foundation
import ModelCore
import Testing

@testable import Evidence

@Suite struct AttackTests {
  /// One logit a class of two, the label first: the margin is their difference.
  private func answers(_ margins: [Double]) throws -> Answers {
    try Answers(
      logits: margins.flatMap { [Float($0), 0] }, labels: margins.map { _ in 0 }, classCount: 2)
  }

  private func normal(_ count: Int, mean: Double, seed: UInt64) -> [Double] {
    var random = SeededGenerator(seed: seed)
    return (0..<count).map { _ in mean + random.nextNormal() }
  }

  /// p = 0.991 against uniform, ten classes: the true divergence is .7225 bits, copied code says .104.
  @Test func zrfIsNotWhatCopiedCodeSays() throws {
    let sure = [Float(log(991.0))] + [Float](repeating: 0, count: 9)
    let model = try Answers(logits: sure, labels: [0], classCount: 10)
    let untrained = try Answers(
      logits: [Float](repeating: 0, count: 10), labels: [0], classCount: 10)
    let zrf = try #require(try AnswerDistance.zeroRetrainForgetting(model, untrained: untrained))
    let copied = try #require(
      try CopiedFormulas.zeroRetrainForgetting(model, untrained: untrained))
    #expect(abs(zrf - 0.2776) < 1e-3)
    #expect(abs(copied - 0.896) < 1e-3)
  }

  @Test func extremeAnswersStayNumbers() throws {
    let extreme = try Answers(
      logits: [1000, 0, -1000, 0, 0, 0, -1000, 1000, 3e38, -3e38], labels: [0, 0, 1, 0, 1],
      classCount: 2)
    #expect(extreme.losses[0] == 0 && extreme.losses[1] == 1000)
    for values in [
      extreme.losses, extreme.entropies, extreme.confidences, extreme.modifiedEntropies,
      CopiedFormulas.modifiedEntropies(extreme),
    ] {
      #expect(values.allSatisfy { !$0.isNaN })
    }
    let distance = try #require(try AnswerDistance(extreme, extreme))
    #expect(distance.jensenShannon == 0 && distance.completeness == 1)
    #expect(try CopiedFormulas.jensenShannon(extreme, extreme)?.isNaN == false)
  }

  @Test func emptyGroupsHaveNoAttack() throws {
    let (none, some) = (try answers([]), try answers([1, 2]))
    #expect(PopulationAttacks(forget: none, retain: some, strangers: some, seed: 0) == nil)
    #expect(PopulationAttacks(forget: some, retain: none, strangers: some, seed: 0) == nil)
    #expect(PopulationAttacks(forget: some, retain: some, strangers: none, seed: 0) == nil)
    #expect(OperatingCurve(members: [], strangers: [1]) == nil)
    #expect(LogisticAttack(members: [], strangers: [1], isBalanced: true) == nil)
    #expect(SupportVectorAttack(members: [1], strangers: []) == nil)
  }

  /// Features that are all the same tell nothing, and are no reason for a NaN.
  @Test func constantFeaturesAreNoNumbersTrap() throws {
    let same = try answers([Double](repeating: 2, count: 30))
    let attacks = try #require(
      PopulationAttacks(forget: same, retain: same, strangers: same, seed: 1))
    #expect(attacks.lossAccuracy == 0.5 && attacks.indiscernibility == 1)
    let logistic = try #require(
      LogisticAttack(members: [1, 1], strangers: [1, 1, 1], isBalanced: true))
    #expect(logistic.slope.isFinite && logistic.offset.isFinite)
  }

  @Test func separableFeaturesEndToo() throws {
    let attack = try #require(
      LogisticAttack(
        members: [Double](repeating: 1e6, count: 20),
        strangers: [Double](repeating: -1e6, count: 20),
        isBalanced: false))
    #expect(attack.shareCalledMember([1e6, -1e6]) == 0.5)
  }

  @Test func memoryShowsInEveryConvention() throws {
    let members = try answers(normal(400, mean: 4, seed: 1))
    let forgotten = try answers(normal(200, mean: 4, seed: 2))
    let strangers = try answers(normal(400, mean: 0, seed: 3))
    let fresh = try answers(normal(200, mean: 0, seed: 4))
    let before = try #require(
      PopulationAttacks(forget: forgotten, retain: members, strangers: strangers, seed: 1))
    let after = try #require(
      PopulationAttacks(forget: fresh, retain: members, strangers: strangers, seed: 1))
    #expect(before.confidenceEfficacy < 0.1 && after.confidenceEfficacy > 0.9)
    #expect(before.thresholdEfficacy < 0.1 && after.thresholdEfficacy > 0.9)
    #expect(before.entropyMembership > 0.8 && after.entropyMembership < 0.3)
    let told = try #require(before.lossAccuracy)
    let untold = try #require(after.lossAccuracy)
    #expect(told > 0.9 && abs(untold - 0.5) < 0.1)
  }

  /// FPR 0.1, FNR 0.2, delta 0: max(ln(.9 / .2), ln(.8 / .1)) = ln 8; copied code says ln 4.5.
  @Test func epsilonTakesTheLargerBound() throws {
    let right = AttackEpsilon.lowerBound(
      falsePositiveRate: 0.1, falseNegativeRate: 0.2, delta: 0)
    let copied = CopiedFormulas.epsilon(
      falsePositiveRate: 0.1, falseNegativeRate: 0.2, delta: 0)
    #expect(abs(try #require(right) - log(8)) < 1e-12)
    #expect(abs(try #require(copied) - log(4.5)) < 1e-12)
    #expect(
      AttackEpsilon.lowerBound(falsePositiveRate: 0, falseNegativeRate: 0, delta: 0) == .infinity)
    #expect(
      AttackEpsilon.lowerBound(falsePositiveRate: 0, falseNegativeRate: 0.5, delta: 0) == nil)
    #expect(
      AttackEpsilon.lowerBound(falsePositiveRate: 0.5, falseNegativeRate: 0.5, delta: 0) == 0)
  }

  @Test func aSingleModelHasNoDivergence() {
    #expect(MarginDivergence(unlearned: [[1, 2]], retrained: [[1, 2], [2, 3]]) == nil)
    #expect(MarginDivergence(unlearned: [[], []], retrained: [[], []]) == nil)
    let same = MarginDivergence(unlearned: [[3], [3]], retrained: [[3], [3]])
    #expect(same?.mean == 0)
    // Half of the unlearned models are where no retrained one is: .5 ln(.5 / 1e-5) + .5 ln .5.
    let apart = MarginDivergence(unlearned: [[0], [500]], retrained: [[0], [0]])
    #expect(abs((apart?.mean ?? 0) - (0.5 * log(0.5 / 1e-5) + 0.5 * log(0.5))) < 1e-12)
  }
}
