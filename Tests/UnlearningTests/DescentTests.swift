import Engine
import Evidence
import Foundation
import ModelCore
import TestSupport
import Testing

@testable import Unlearning

@Suite struct DescentTests {
  @Test func theTailFallsToATenth() {
    var descent = Descent([], steps: 100, learningRate: 1)
    #expect(descent.learningRate(step: 0) == 1)
    #expect(descent.learningRate(step: 69) == 1)
    #expect(abs(descent.learningRate(step: 84) - 0.55) < 1e-6)
    #expect(abs(descent.learningRate(step: 99) - 0.1) < 1e-6)
    descent.schedule = .linearToZero
    #expect(abs(descent.learningRate(step: 25) - 0.75) < 1e-6)
    descent.schedule = .constant
    #expect(descent.learningRate(step: 99) == 1)
  }

  @Test(arguments: [(100, 3, [25, 50, 75]), (3, 5, [1, 2]), (1, 5, []), (50, 0, [])])
  func checksAreSpreadEvenlyAndSpareTheEnd(steps: Int, checks: Int, expected: [Int]) {
    var descent = Descent([], steps: steps, learningRate: 1)
    descent.checks = checks
    #expect(descent.checkedSteps.sorted() == expected)
  }

  @Test func theRateRisesFirst() {
    var descent = Descent([], steps: 100, learningRate: 1)
    descent.schedule = .constant
    descent.warmUp = 0.1
    #expect(abs(descent.learningRate(step: 0) - 0.1) < 1e-6)
    #expect(abs(descent.learningRate(step: 4) - 0.5) < 1e-6)
    #expect(descent.learningRate(step: 9) == 1)
    #expect(descent.learningRate(step: 99) == 1)
  }

  /// What is chosen from has the last weights in it.
  @Test func theNearestMayBeTheLast() {
    var descent = Descent([], steps: 90, learningRate: 1)
    descent.checks = 3
    descent.choice = .nearest
    #expect(descent.checkedSteps.sorted() == [30, 60, 90])
  }

  private func session(
    budget: Double = 10_000, _ subject: UnlearningRequest.Subject = .samples(OverfitProblem.tenth)
  ) throws -> UnlearningSession {
    let problem = try OverfitProblem.overfit()
    let network = try problem.network()
    let request = UnlearningRequest(subject, recipe: problem.recipe)
    let resolved = try UnlearningProblem(
      request, data: problem.data, network: network, allowance: 1000)
    let judge = try Judge(network, problem: resolved, needs: .margins)
    return UnlearningSession(
      problem: resolved, network: network, original: try network.parameters,
      baseline: judge.baseline, recipe: problem.recipe, budget: budget,
      spentBefore: judge.meter.passes, seed: 3, attempt: 1, methodName: "test", report: { _ in })
  }

  private func largestChange(_ session: UnlearningSession) throws -> Float {
    let now = try session.network.parameters
    return zip(now.all, session.original.all).reduce(0) { largest, pair in
      max(largest, zip(pair.0.values, pair.1.values).map { abs($0 - $1) }.max() ?? 0)
    }
  }

  /// At the original weights the original's own answers pull nowhere, at any temperature and in
  /// either direction.
  @Test(arguments: [(1, 1), (2, 1), (2, -1), (5, 0.3)] as [(Float, Float)])
  func aModelHasNothingToLearnFromItself(temperature: Float, weight: Float) throws {
    let session = try session()
    var descent = Descent(
      [
        .init([
          .init(.retain, count: 16, .init(.original, weight: weight, temperature: temperature))
        ])
      ], steps: 5, learningRate: 0.1)
    descent.optimizer = .sgd(momentum: 0)
    descent.averages = false
    try session.descend(descent)
    #expect(try largestChange(session) < 1e-5)
    #expect(session.meter.trained == 80)
    #expect(session.meter.evaluated == 80)
  }

  /// A loss split into two halves over the same samples is the loss.
  @Test func lossesOfATermAddUp() throws {
    func result(_ losses: [Descent.Loss]) throws -> Parameters {
      let session = try session()
      var term = Descent.Term(.forget, count: 16, .init(.labels, weight: 1))
      term.losses = losses
      var descent = Descent([.init([term])], steps: 3, learningRate: 0.5)
      descent.optimizer = .sgd(momentum: 0)
      descent.averages = false
      try session.descend(descent)
      return try session.network.parameters
    }
    let whole = try result([.init(.labels, weight: -1)])
    let halves = try result([.init(.labels, weight: -0.5), .init(.labels, weight: -0.5)])
    for (first, second) in zip(whole.all, halves.all) {
      for (a, b) in zip(first.values, second.values) { #expect(abs(a - b) < 1e-4) }
    }
  }

  @Test func stagesTakeTurns() throws {
    let session = try session()
    var descent = Descent(
      [
        .init([.init(.forget, count: 3, .init(.labels))], steps: 2),
        .init([.init(.retain, count: 10, .init(.labels))], steps: 1),
      ], steps: 7, learningRate: 1e-3)
    descent.averages = false
    try session.descend(descent)
    #expect(session.meter.trained == 5 * 3 + 2 * 10)
    #expect(session.steps == 7)
  }

  @Test func aReactionCanEndTheDescent() throws {
    let session = try session()
    var descent = Descent(
      [.init([.init(.retain, count: 8, .init(.labels))])], steps: 40, learningRate: 1e-3)
    descent.checks = 3
    descent.react = { check, _ in check.step >= 20 ? .stop : .go }
    try session.descend(descent)
    #expect(session.steps == 20)
    #expect(session.checks.map(\.step) == [10, 20])
  }

  /// While a test finds the request fulfilled, the other stages run; they may ask for other samples.
  @Test func impairingAndRepairingTakeTurns() throws {
    let session = try session(budget: 50_000)
    var descent = Descent(
      [
        .init([.init(.forget, count: 16, .init(.labels, weight: -1))], gradientNorm: 1)
      ], steps: 80, learningRate: 2e-3)
    descent.averages = false
    descent.checks = 8
    descent.choice = .nearest
    descent.alternate(
      with: [.init([.init(.retain, count: 10, .init(.labels))])], rateShare: 1,
      in: session)
    try session.descend(descent)
    let reached = session.checks.dropLast().count { session.isReached($0) }
    #expect(reached > 0, "\(session.checks)")
    #expect(session.meter.trained == 80 * 16 - reached * 10 * 6)
    // The weights left behind are those of the check with the least left to do.
    let nearest = try #require(session.checks.map { session.distance(of: $0) }.min())
    let left = try #require(try session.check(step: 81))
    #expect(abs(session.distance(of: left) - nearest) < 1e-9)
  }

  private static let wrongLabels = UnlearningRequest.Subject.wrongLabels(
    OverfitProblem.tenth, right: [:])

  /// Impairing gets faster while less has gone than half of the tests would want, up to training's own
  /// rate, and comes back to where it was after a repair.
  @Test func impairingGetsFasterWhereItIsBehind() throws {
    let session = try session(budget: 50_000, Self.wrongLabels)
    let impair = Descent.Stage([.init(.forget, count: 16, .init(.labels, weight: -1))])
    let repair = Descent.Stage([.init(.retain, count: 16, .init(.labels))])
    var descent = Descent([impair], steps: 80, learningRate: 1)
    descent.checks = 8
    descent.alternate(with: [repair], rateShare: 0.2, in: session)
    func course(excess: Double) -> Descent.Course {
      var course = Descent.Course(cycle: [impair])
      let check = Check(
        step: 1, accuracy: excess, accuracyExcess: 0, aucExcess: 0, accuracyLost: 0,
        passes: false, isOverForgotten: false)
      #expect(descent.react(check, &course) == .go)
      return course
    }
    // A quarter of 40 points has to be gone at every test.
    #expect(course(excess: 0.4) == .init(cycle: [impair], pace: 2))
    #expect(course(excess: 0.1) == .init(cycle: [impair], pace: 2))
    #expect(course(excess: 0.2) == .init(cycle: [impair], pace: 4))
    #expect(course(excess: 0.1) == .init(cycle: [impair], pace: 5))
    #expect(course(excess: 0).cycle == [repair])
    #expect(abs(course(excess: 0.01).pace - 3) < 1e-5)
    #expect(course(excess: 0.1) == .init(cycle: [impair], pace: 5))
  }

  /// Single samples are impaired at one rate, unless the descent says otherwise.
  @Test(arguments: [false, true]) func samplesAreHurriedOnlyOnDemand(hurries: Bool) throws {
    let session = try session(budget: 50_000)
    let impair = Descent.Stage([.init(.forget, count: 16, .init(.labels, weight: -1))])
    var descent = Descent([impair], steps: 80, learningRate: 1)
    descent.checks = 8
    descent.alternate(
      with: [impair], rateShare: 0.2, hurriesSamples: hurries, in: session)
    var course = Descent.Course(cycle: [])
    let check = Check(
      step: 1, accuracy: 1, accuracyExcess: 0.1, aucExcess: 0.1, accuracyLost: 0, passes: false,
      isOverForgotten: false)
    #expect(descent.react(check, &course) == .go)
    #expect(course == .init(cycle: [impair], pace: hurries ? 2 : 1))
  }

  /// Of a class nothing may be left, so its ascent goes on.
  @Test func onlyClassesHaveNoCeiling() throws {
    #expect(try session(budget: 4_000, .classes([1])).ascentCeiling(1) == .infinity)
    let samples = try session(budget: 4_000)
    #expect(abs(samples.ascentCeiling(0.5) - 0.5 * log(4)) < 1e-6)
  }

  /// A sample is left alone once its cross-entropy has reached the ceiling; others are driven on.
  @Test func ascentEndsAtTheCeiling() throws {
    let session = try session()
    let before = try session.network.parameters
    func descent(ceiling: Float) -> Descent {
      var descent = Descent(
        [.init([.init(.forget, count: 16, .init(.labels, weight: -1, ceiling: ceiling))])],
        steps: 40, learningRate: 3e-3)
      descent.averages = false
      return descent
    }
    try session.descend(descent(ceiling: 0))
    #expect(try session.network.parameters == before)
    func crossEntropy() throws -> Double {
      let problem = session.problem
      let answers = try Baseline.answers(
        session.network, problem.data.train, problem.forgetRows, &session.meter)
      let losses = answers.responses.margins.map { log1p(exp(-$0)) }
      return losses.reduce(0, +) / Double(losses.count)
    }
    try session.descend(descent(ceiling: 1))
    let bounded = try crossEntropy()
    try session.network.setParameters(before)
    try session.descend(descent(ceiling: .infinity))
    #expect(bounded > 0.2)
    #expect(try crossEntropy() > 2 * bounded)
  }

  /// Where the budget pays for few whole steps, these are smaller and not more expensive.
  @Test func smallBudgetsHaveSmallBatches() throws {
    let rich = try session(budget: 50_000)
    #expect(rich.batchSizes(forget: 64, retain: 128) == (16, 32))
    #expect(rich.batchSizes(forget: 0, retain: 128) == (0, 32))
    let tests = 50_000 - rich.remaining
    func steps(budget: Double, enough: Int) throws -> (forget: Int, retain: Int, count: Int) {
      let poor = try session(budget: tests + budget)
      let (forget, retain) = poor.batchSizes(forget: 64, retain: 128, steps: enough)
      return (
        forget, retain,
        poor.affordableSteps(passesPerStep: Double(forget + retain), checks: 0)
      )
    }
    #expect(try steps(budget: 481, enough: 20) == (8, 16, 20))
    #expect(try steps(budget: 7201, enough: UnlearningSession.enoughSteps) == (8, 16, 300))
    let poorest = try session(budget: tests + 10)
    #expect(poorest.batchSizes(forget: 64, retain: 128) == (4, 8))
  }

  /// Tests along the way that look at fewer samples are more.
  @Test func testsMayBeSmallerAndMoreOften() throws {
    let few = try session(budget: 4_000, Self.wrongLabels)
    let many = try session(budget: 4_000, Self.wrongLabels)
    many.testOften()
    #expect(many.checkCost < few.checkCost)
    #expect(many.affordableChecks > few.affordableChecks)
    let samples = try session(budget: 4_000)
    samples.testOften()
    #expect(samples.checkCost == few.checkCost)
    let hurried = try session(budget: 4_000)
    hurried.testOften(evenSamples: true)
    #expect(hurried.checkCost == many.checkCost)
  }

  /// The average is what is left behind, and lies between the start and the last weights.
  @Test func theAverageIsTheResult() throws {
    func change(averages: Bool) throws -> Float {
      let session = try session()
      var descent = Descent(
        [.init([.init(.forget, count: 16, .init(.labels, weight: -1))], gradientNorm: 1)],
        steps: 12, learningRate: 0.05)
      descent.optimizer = .sgd(momentum: 0)
      descent.averages = averages
      try session.descend(descent)
      return try largestChange(session)
    }
    let (averaged, plain) = (try change(averages: true), try change(averages: false))
    #expect(averaged > 0)
    #expect(averaged < plain)
  }
}
