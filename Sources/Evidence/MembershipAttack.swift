/// The simplest attack on membership: one threshold on how sure the model is of the true label.
///
/// The threshold is where the balanced accuracy of "at or above it: a member" is best on known
/// members and known strangers; the smallest such one. It stands in for the support vector machine
/// on the same single feature of Fan et al., "SalUn", ICLR 2024.
public struct MembershipAttack: Hashable, Sendable {
  /// Margins from here on are called a member's.
  public let threshold: Double
  /// Half of the true positive rate and the true negative rate together.
  public let balancedAccuracy: Double

  /// - Parameters:
  ///   - members: margins of samples the model was trained on.
  ///   - strangers: margins of samples it never saw.
  /// - Returns: nil when either is empty.
  public init?(members: [Double], strangers: [Double]) {
    guard let inside = EmpiricalDistribution(members),
      let outside = EmpiricalDistribution(strangers)
    else { return nil }
    var best = -Double.infinity
    var threshold = 0.0
    for value in (inside.values + outside.values).sorted() {
      let score = 1 - inside.share(below: value) + outside.share(below: value)
      if score > best { (best, threshold) = (score, value) }
    }
    self.threshold = threshold
    balancedAccuracy = best / 2
  }

  /// The share of samples that the attack calls strangers, within 0...1: the attack's failure on
  /// forgotten samples ("MIA-efficacy"), to be compared with a retrained model's.
  public func shareCalledStranger(_ margins: [Double]) -> Double {
    guard !margins.isEmpty else { return 0 }
    return Double(margins.count { $0 < threshold }) / Double(margins.count)
  }
}
