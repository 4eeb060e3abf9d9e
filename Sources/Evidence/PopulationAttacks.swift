internal import Foundation
internal import ModelCore

/// The membership attacks on a whole population that papers report, each by its own convention.
///
/// They set one threshold for all samples, so they overstate privacy: a hard sample that was learnt
/// by heart looks like an easy one that never was. Good is what a retrained model scores.
public struct PopulationAttacks: Hashable, Codable, Sendable {
  /// SalUn's "MIA efficacy": a support vector machine learns the confidence of members (retained)
  /// and strangers; the share of forgotten samples it calls strangers.
  public let confidenceEfficacy: Double
  /// The same with one threshold of best balanced accuracy: sharper, and free of a kernel's whims.
  public let thresholdEfficacy: Double
  /// SSD's and SUPREME's "MIA": a balanced logistic regression learns the entropy of members and
  /// strangers; the share of forgotten samples it calls members.
  public let entropyMembership: Double
  /// The challenge kit's: a logistic regression learns to tell the losses of forgotten samples from
  /// strangers'; the mean accuracy on ten held-out tenths, 0.5 when it cannot. Nil below ten of each.
  public let lossAccuracy: Double?
  /// `1 - |lossAccuracy - 0.5| / 0.5`.
  public let indiscernibility: Double?

  /// - Parameters:
  ///   - retain: samples that the model was trained on and keeps.
  ///   - strangers: samples that it never saw.
  ///   - seed: decides which samples are drawn and held out.
  /// - Returns: nil when one of the three is empty.
  public init?(forget: Answers, retain: Answers, strangers: Answers, seed: UInt64) {
    let count = min(retain.count, strangers.count, Self.largestTrainingSide)
    guard forget.count > 0, count > 0,
      let threshold = MembershipAttack(
        members: retain.responses.margins, strangers: strangers.responses.margins)
    else { return nil }
    var random = SeededGenerator(seed: seed, stream: "evidence/attacks")
    func some(_ values: [Double]) -> [Double] {
      var shuffled = values
      random.shuffle(&shuffled)
      return Array(shuffled[..<count])
    }
    guard
      let machine = SupportVectorAttack(
        members: some(retain.confidences), strangers: some(strangers.confidences)),
      let logistic = LogisticAttack(
        members: retain.entropies, strangers: strangers.entropies, isBalanced: true)
    else { return nil }
    confidenceEfficacy = 1 - machine.shareCalledMember(forget.confidences)
    thresholdEfficacy = threshold.shareCalledStranger(forget.responses.margins)
    entropyMembership = logistic.shareCalledMember(forget.entropies)
    lossAccuracy = Self.heldOutAccuracy(forget.losses, strangers.losses, using: &random)
    indiscernibility = lossAccuracy.map { 1 - abs($0 - 0.5) / 0.5 }
  }

  /// The kernel's matrix grows with the square of it.
  public static let largestTrainingSide = 1000

  /// The mean accuracy over ten stratified shuffles with a tenth held out; as many strangers as
  /// forgotten samples take part, so that 0.5 is what guessing scores.
  static func heldOutAccuracy(
    _ forget: [Double], _ strangers: [Double], using random: inout SeededGenerator
  ) -> Double? {
    let count = min(forget.count, strangers.count)
    guard count >= 10 else { return nil }
    let held = max(1, count / 10)
    var sum = 0.0
    for _ in 0..<10 {
      var (inside, outside) = (forget, strangers)
      random.shuffle(&inside)
      random.shuffle(&outside)
      guard
        let attack = LogisticAttack(
          members: Array(inside[held..<count]), strangers: Array(outside[held..<count]),
          isBalanced: false)
      else { return nil }
      let right =
        inside[..<held].count(where: attack.callsMember)
        + outside[..<held].count { !attack.callsMember($0) }
      sum += Double(right) / Double(2 * held)
    }
    return sum / 10
  }
}
