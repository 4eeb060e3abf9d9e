/// The numbers by which models are compared with a retrained one, as shares within 0...1.
public struct ModelProfile: Hashable, Codable, Sendable {
  public var forgetAccuracy: Double
  public var retainAccuracy: Double
  public var testAccuracy: Double
  /// The share of forgotten samples that a threshold attack calls strangers.
  public var membershipEfficacy: Double
  /// How often a forgotten margin exceeds a test sample's.
  public var auc: Double

  public init(
    forgetAccuracy: Double, retainAccuracy: Double, testAccuracy: Double,
    membershipEfficacy: Double, auc: Double
  ) {
    self.forgetAccuracy = forgetAccuracy
    self.retainAccuracy = retainAccuracy
    self.testAccuracy = testAccuracy
    self.membershipEfficacy = membershipEfficacy
    self.auc = auc
  }

  /// - Returns: nil when one of the three is empty.
  public init?(forget: Responses, retain: Responses, test: Responses) {
    guard
      let attack = MembershipAttack(members: retain.margins, strangers: test.margins),
      let forgotten = EmpiricalDistribution(forget.margins),
      let strangers = EmpiricalDistribution(test.margins)
    else { return nil }
    self.init(
      forgetAccuracy: forget.accuracy, retainAccuracy: retain.accuracy,
      testAccuracy: test.accuracy,
      membershipEfficacy: attack.shareCalledStranger(forget.margins),
      auc: Separation(forgotten, strangers).auc)
  }

  /// The mean of the absolute differences in forget, retain and test accuracy and in membership
  /// efficacy ("average gap"), within 0...1. Two retrained models differ too: report their gap
  /// beside it.
  public func gap(to retrained: ModelProfile) -> Double {
    (abs(forgetAccuracy - retrained.forgetAccuracy)
      + abs(retainAccuracy - retrained.retainAccuracy)
      + abs(testAccuracy - retrained.testAccuracy)
      + abs(membershipEfficacy - retrained.membershipEfficacy)) / 4
  }
}
