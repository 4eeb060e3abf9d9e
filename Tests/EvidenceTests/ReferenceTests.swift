import Testing

@testable import Evidence

/// Our numbers beside SciPy's and scikit-learn's.
@Suite struct ReferenceTests {
  private let fixture: EvidenceFixture
  private let forget: Answers
  private let retain: Answers
  private let strangers: Answers
  private let other: Answers

  init() throws {
    fixture = try EvidenceFixture.read()
    forget = try fixture.answers(fixture.forget)
    retain = try fixture.answers(fixture.retain)
    strangers = try fixture.answers(fixture.strangers)
    other = try fixture.answers(fixture.other)
  }

  /// The scores come from decimals through 32-bit floats, which the reference does not do.
  private let tolerance = 1e-5

  @Test func whatAttacksLookAt() {
    #expect(difference(forget.losses, fixture.features.losses) < tolerance)
    #expect(difference(forget.confidences, fixture.features.confidences) < tolerance)
    #expect(difference(forget.entropies, fixture.features.entropies) < tolerance)
    #expect(difference(forget.modifiedEntropies, fixture.features.modifiedEntropies) < tolerance)
    #expect(difference(forget.responses.margins, fixture.features.margins) < tolerance)
  }

  @Test func aSupportVectorMachineIsLibSVMs() throws {
    let attack = try #require(
      SupportVectorAttack(members: retain.confidences, strangers: strangers.confidences))
    #expect(attack.shareCalledMember(forget.confidences) == fixture.svm.shareCalledMember)
    let decisions = (0...10).map { attack.decision(Double($0) / 10) }
    // Both stop at a tolerance, ours at LIBSVM's usual one.
    #expect(difference(decisions, fixture.svm.decisions) < 5e-3)
  }

  @Test func aBalancedLogisticRegressionIsScikitLearns() throws {
    let attack = try #require(
      LogisticAttack(members: retain.entropies, strangers: strangers.entropies, isBalanced: true))
    #expect(abs(attack.slope - fixture.logistic.slope) < 1e-4)
    #expect(abs(attack.offset - fixture.logistic.offset) < 1e-4)
    #expect(attack.shareCalledMember(forget.entropies) == fixture.logistic.shareCalledMember)
  }

  @Test func aPlainLogisticRegressionIsScikitLearns() throws {
    let attack = try #require(
      LogisticAttack(members: forget.losses, strangers: strangers.losses, isBalanced: false))
    #expect(abs(attack.slope - fixture.plainLogistic.slope) < 1e-4)
    #expect(abs(attack.offset - fixture.plainLogistic.offset) < 1e-4)
  }

  @Test func separationIsSciPys() throws {
    let one = try #require(EmpiricalDistribution(fixture.features.margins))
    let two = try #require(EmpiricalDistribution(strangers.responses.margins))
    let separation = Separation(one, two)
    #expect(abs(separation.auc - fixture.separation.auc) < 1e-3)
    #expect(abs(separation.auc - fixture.separation.u / 7200) < 1e-3)
    #expect(abs(separation.kolmogorovSmirnov - fixture.separation.ks) < 1e-9)
    #expect(abs(separation.wasserstein - fixture.separation.wasserstein) < tolerance)
  }

  @Test func aCurveWithTiesIsScikitLearns() throws {
    let expected = fixture.curve
    let curve = try #require(
      OperatingCurve(members: expected.members, strangers: expected.strangers))
    #expect(difference(curve.points.map(\.falsePositiveRate), expected.falsePositiveRates) < 1e-12)
    #expect(difference(curve.points.map(\.truePositiveRate), expected.truePositiveRates) < 1e-12)
    #expect(abs(curve.area - expected.auc) < 1e-12)
    let fine = try #require(
      OperatingCurve(members: forget.responses.margins, strangers: strangers.responses.margins))
    #expect(abs(fine.truePositiveRate(atFalsePositiveRate: 0.1) - expected.tprAt10) < 1e-12)
  }

  @Test func distancesAreSciPys() throws {
    let distance = try #require(try AnswerDistance(forget, other))
    #expect(abs(distance.jensenShannon - fixture.distance.jensenShannon) < tolerance)
    #expect(abs(distance.activation - fixture.distance.activation) < tolerance)
    #expect(distance.completeness == fixture.distance.completeness)
    let zrf = try #require(try AnswerDistance.zeroRetrainForgetting(forget, untrained: other))
    #expect(abs(zrf - fixture.distance.zrf) < tolerance)
  }

  @Test func divergencesOfMarginsAreNumPys() {
    for sample in 0..<8 {
      let one = fixture.klom.unlearned.map { $0[sample] }
      let two = fixture.klom.retrained.map { $0[sample] }
      let right = MarginDivergence.divergence(one, two, dropsLargest: false)
      let copied = MarginDivergence.divergence(one, two, dropsLargest: true)
      #expect(abs(right - fixture.klom.each[sample]) < 1e-9)
      #expect(abs(copied - fixture.klom.copied[sample]) < 1e-9)
    }
  }

  @Test func copiedFormulasAreWrongInTheKnownWay() throws {
    let divergence = try #require(try CopiedFormulas.jensenShannon(forget, other))
    #expect(abs(divergence - fixture.copied.jensenShannon) < tolerance)
    let activation = try #require(try CopiedFormulas.activationDistance(forget, other))
    #expect(abs(activation - fixture.copied.activationRMS) < tolerance)
    #expect(
      difference(CopiedFormulas.modifiedEntropies(forget), fixture.copied.modifiedEntropies)
        < tolerance)
  }
}
