import Evidence
import ModelCore
import Testing

@Suite struct ModelComparisonTests {
  @Test func discordantPairsByHand() throws {
    let first = try answers([1, 1, -1, 1, -1])
    let second = try answers([1, -1, 1, -1, -1])
    let pairs = try DiscordantPairs(first, second)
    #expect(pairs.onlyFirst == 2)
    #expect(pairs.onlySecond == 1)
    #expect(abs(pairs.loss - 0.2) < 1e-15)
    #expect(abs(pairs.standardError - 3.0.squareRoot() / 5) < 1e-15)
    #expect(pairs.keepsUtility)
  }

  @Test(arguments: [(0, true), (10, true), (11, false), (200, false)])
  func tenOfAThousandAnswersMayBeLostForNothing(lost: Int, keeps: Bool) throws {
    // Only losses: the allowance is max(1 point, 2 sqrt(lost) / 1000), so 11 > 10 fails.
    let first = try answers([Double](repeating: 1, count: 1000))
    let second = try answers((0..<1000).map { $0 < lost ? -1 : 1 })
    #expect(try DiscordantPairs(first, second).keepsUtility == keeps)
  }

  @Test func pairsNeedTheSameSamples() throws {
    let one = try answers([1])
    let two = try answers([1, 1])
    #expect(throws: EvidenceError.differentSamples(first: 1, second: 2)) {
      try DiscordantPairs(one, two)
    }
  }

  /// `scipy.spatial.distance.jensenshannon(p, q)**2`, SciPy 1.17.1. Code that is widely copied
  /// gives 0.104 for the first: it averages over the classes and swaps the arguments.
  @Test func divergenceAgreesWithSciPy() {
    let sure = [0.991] + [Double](repeating: 0.001, count: 9)
    let even = [Double](repeating: 0.1, count: 10)
    #expect(abs(AnswerDistance.jensenShannon(sure, even) - 0.5007823831382077) < 1e-12)
    #expect(
      abs(AnswerDistance.jensenShannon([0.5, 0.5, 0], [0, 0.25, 0.75]) - 0.45445436744939044)
        < 1e-12)
    #expect(AnswerDistance.jensenShannon(even, even) == 0)
  }

  @Test func distancesAreMeansOverTheSamples() throws {
    let labels: [Int32] = [0, 0, 0, 0]
    let one = try Answers(logits: [1, 0, 0, 1, 2, 0, 5, 5], labels: labels, classCount: 2)
    let other = try Answers(logits: [3, 0, 1, 0, 2, 0, 5, 5], labels: labels, classCount: 2)
    let distance = try #require(try AnswerDistance(one, other))
    #expect(distance.completeness == 0.75)
    #expect(distance.jensenShannon > 0)
    let fewer = try Answers(logits: [1, 0], labels: [0], classCount: 2)
    #expect(throws: EvidenceError.differentSamples(first: 4, second: 1)) {
      try AnswerDistance(one, fewer)
    }
    let none = try Answers(logits: [], labels: [], classCount: 2)
    #expect(try AnswerDistance(none, none) == nil)
  }

  /// At or above 2 are members: 3 of 4 members, and 3 of 4 strangers below it.
  @Test func theAttackTakesTheBestThreshold() throws {
    let attack = try #require(
      MembershipAttack(members: [2, 3, 4, 0], strangers: [-1, 0, 1, 5]))
    #expect(attack.threshold == 2)
    #expect(attack.balancedAccuracy == 0.75)
    #expect(attack.shareCalledStranger([1, 1.9, 2, 7]) == 0.5)
    #expect(attack.shareCalledStranger([]) == 0)
    #expect(MembershipAttack(members: [], strangers: [1]) == nil)
  }

  @Test func theAttackFindsTheBestOfAllThresholds() throws {
    var random = SeededGenerator(seed: 5)
    let members = (0..<40).map { _ in random.nextNormal() + 1 }
    let strangers = (0..<60).map { _ in random.nextNormal() }
    let attack = try #require(MembershipAttack(members: members, strangers: strangers))
    for threshold in members + strangers {
      let caught = Double(members.count { $0 >= threshold }) / 40
      let spared = Double(strangers.count { $0 < threshold }) / 60
      #expect((caught + spared) / 2 <= attack.balancedAccuracy + 1e-12)
    }
  }

  @Test func theGapIsAMeanOfFour() {
    let retrained = ModelProfile(
      forgetAccuracy: 0.87, retainAccuracy: 0.998, testAccuracy: 0.865,
      membershipEfficacy: 0.207, auc: 0.501)
    let original = ModelProfile(
      forgetAccuracy: 0.995, retainAccuracy: 0.996, testAccuracy: 0.865,
      membershipEfficacy: 0.032, auc: 0.548)
    #expect(abs(original.gap(to: retrained) - (0.125 + 0.002 + 0 + 0.175) / 4) < 1e-12)
    #expect(retrained.gap(to: retrained) == 0)
  }

  @Test func aProfileIsMeasuredOnThreeSplits() throws {
    let profile = try #require(
      ModelProfile(
        forget: answers([3, -1, 2, 1]), retain: answers([4, 3, 5]), test: answers([1, -1])))
    #expect(profile.forgetAccuracy == 0.75)
    #expect(profile.retainAccuracy == 1)
    #expect(profile.testAccuracy == 0.5)
    #expect(profile.membershipEfficacy == 0.75)  // the threshold is 3
    // 3 and 2 beat both, 1 ties with one, -1 with the other: (2 + 0.5 + 2 + 1.5) / 8.
    #expect(profile.auc == 0.75)
  }
}
