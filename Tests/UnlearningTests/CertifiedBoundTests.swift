import Foundation
import ModelCore
import Testing

@testable import Unlearning

@Suite struct CertifiedBoundTests {
  static let bounds = [
    CertifiedBound(epsilon: 1, delta: 1e-5, radius: 0.4, clip: 1, rate: 0.04, steps: 10),
    CertifiedBound(epsilon: 0.1, delta: 1e-9, radius: 3, clip: 0.5, rate: 0.2, steps: 50),
    CertifiedBound(epsilon: 8, delta: 1e-6, radius: 1, clip: 2, rate: 0.001, steps: 1),
  ]

  /// What two runs can be apart, step by step, and the Renyi divergence of all steps together, for
  /// every order; the smallest epsilon that follows is the one that was asked for.
  @Test(arguments: bounds) func theNumbersFollowFromEachOther(bound: CertifiedBound) {
    let hidden = bound.distance / Double(bound.steps)
    var apart = 2 * bound.radius
    for _ in 0..<bound.steps {
      apart += 2 * bound.rate * bound.clip
      // A step cannot hide more than there is.
      #expect(apart >= hidden - 1e-12)
      apart -= hidden
    }
    #expect(abs(apart) < 1e-9 * bound.distance)
    let perStep = hidden * hidden / (2 * bound.sigma * bound.sigma)
    var smallest = Double.infinity
    for exponent in stride(from: -6.0, through: 14, by: 0.001) {
      let order = 1 + exp(exponent)
      let divergence = order * perStep * Double(bound.steps)
      smallest = min(smallest, divergence + log(1 / bound.delta) / (order - 1))
    }
    #expect(abs(smallest - bound.epsilon) < 1e-4 * bound.epsilon)
  }

  /// The exact curve of Gaussian noise (Balle and Wang, ICML 2018, theorem 8) lies below: the Renyi
  /// route loses a little and never promises too much.
  @Test(arguments: bounds) func theExactCurveKeepsThePromise(bound: CertifiedBound) {
    let hidden = bound.distance / Double(bound.steps)
    let mu = hidden / bound.sigma * Double(bound.steps).squareRoot()
    func cumulative(_ z: Double) -> Double { 0.5 * erfc(-z / 2.0.squareRoot()) }
    let exact =
      cumulative(mu / 2 - bound.epsilon / mu)
      - exp(bound.epsilon) * cumulative(-mu / 2 - bound.epsilon / mu)
    #expect(exact <= bound.delta)
    #expect(exact > 1e-4 * bound.delta)
    // And with a third less noise it would not.
    let more = mu * 1.5
    #expect(
      cumulative(more / 2 - bound.epsilon / more)
        - exp(bound.epsilon) * cumulative(-more / 2 - bound.epsilon / more) > bound.delta)
  }

  @Test func numbersThatBoundNothingAreRefused() throws {
    func bound(_ epsilon: Double, _ delta: Double) -> CertifiedBound {
      CertifiedBound(epsilon: epsilon, delta: delta, radius: 1, clip: 1, rate: 1, steps: 1)
    }
    try bound(1, 1e-5).requireMeaning(count: 10_000)
    try bound(9.2, 1e-5).requireMeaning(count: 10_000)
    for (epsilon, delta) in [(9.22, 1e-5), (100, 1e-5), (1, 1e-4), (1, 0.1)] {
      #expect(throws: UnlearningError.self) {
        try bound(epsilon, delta).requireMeaning(count: 10_000)
      }
    }
    #expect(abs(bound(0.001, 0).advantage - 0.0005) < 1e-6)
    #expect(bound(20, 0).advantage > 0.999)
  }

  /// The report has every number that it takes to find sigma again.
  @Test func theReportCanBeRecomputed() throws {
    let problem = try OverfitProblem.overfit()
    let report = try problem.run(
      .samples(OverfitProblem.tenth), by: Certified(), maxCost: 0.1, retries: false
    ).report
    func number(_ name: String) throws -> Double {
      guard case .number(let value) = report.method.findings[name] else {
        Issue.record("no \(name)")
        return .nan
      }
      return value
    }
    let logarithm = log(1 / (try number("delta")))
    let root = (logarithm + (try number("epsilon"))).squareRoot() - logarithm.squareRoot()
    let steps = try number("noisySteps")
    let distance =
      2 * (try number("radius")) + 2 * (try number("rate")) * (try number("clip")) * steps
    #expect(
      abs(distance / (root * (2 * steps).squareRoot()) - (try number("sigma"))) < 1e-9 * distance)
    #expect(report.method.findings["certificate"] != nil)
    // A fresh start with the same steps is as good: what is left of the original is noise.
    let difference = try number("unseenAccuracy") - (try number("freshStartAccuracy"))
    #expect(abs(difference) < 0.1)
    #expect(report.cost.reportPasses > 0.5 * report.cost.passes)
  }

  /// Where nobody says what it may cost, a small training is no reason to refuse.
  @Test func theBudgetIsRaisedForTheNoisySteps() throws {
    let problem = try OverfitProblem.overfit()
    let report = try problem.run(
      .samples(OverfitProblem.tenth), by: Certified(), retries: false
    ) { $0.recipe?.epochs = 20 }.report
    #expect(try #require(report.cost.limit) > 0.2)
    #expect(report.cost.passes > 10 * 512)
  }

  @Test func vacuousBoundsEndTheRun() throws {
    let problem = try OverfitProblem.overfit()
    let method = try Certified().with(["epsilon": .number(100)])
    #expect {
      try problem.run(.samples(OverfitProblem.tenth), by: method)
    } throws: { error in
      guard case .bound(let reason) = error as? UnlearningError else { return false }
      return reason.contains("bounds nothing")
    }
  }
}
