import ModelCore
import Testing

@testable import Evidence

@Suite struct PerExampleAttackTests {
  /// Two shadow models and one sample each: forgotten 1 and 3, stranger 0 and 4. The stranger's spread,
  /// sqrt 8, serves both.
  @Test func aScoreIsTheDistanceFromWhatOthersSay() throws {
    let attack = try #require(
      PerExampleAttack(shadowForget: [[1], [3]], shadowStrangers: [[0], [4]]))
    let scores = attack.scores(forget: [2 + 8.0.squareRoot()], strangers: [2])
    #expect(abs(scores.forget[0] - 1) < 1e-12)
    #expect(scores.strangers == [0])
  }

  /// Hard samples that were learnt by heart look like easy strangers to one threshold, not to this.
  @Test func itSeesWhatAPopulationHides() throws {
    let problem = Problem(memory: 2)
    let attack = try #require(
      PerExampleAttack(shadowForget: problem.shadowForget, shadowStrangers: problem.shadowStrangers)
    )
    let found = try #require(
      attack.outcome(forget: problem.forget, strangers: problem.strangers))
    let inside = try #require(EmpiricalDistribution(problem.forget))
    let outside = try #require(EmpiricalDistribution(problem.strangers))
    #expect(found.auc > 0.85)
    #expect(Separation(inside, outside).auc < 0.65)
    #expect(try #require(found.truePositiveRateAt1Percent) > 0.2)
    #expect(found.truePositiveRateAt01Percent == nil)
  }

  /// 100 strangers scored 0...99 and one shadow spread of 1: a threshold above 98 accuses one, which
  /// is 1 % however it rounds.
  @Test func aPercentOfAHundredIsOne() throws {
    let strangers = (0..<100).map(Double.init)
    let zero = [Double](repeating: 0, count: 100)
    let spread = 0.5.squareRoot()
    let attack = try #require(
      PerExampleAttack(
        shadowForget: [[0], [0]],
        shadowStrangers: [zero.map { $0 - spread }, zero.map { $0 + spread }]))
    let found = try #require(attack.outcome(forget: [98.5], strangers: strangers))
    #expect(found.truePositiveRateAt1Percent == 1)
    let curve = try #require(OperatingCurve(members: [98.5], strangers: strangers))
    #expect(curve.truePositiveRate(atFalsePositiveRate: 0.01) == 1)
    #expect(curve.truePositiveRate(atFalsePositiveRate: 0.005) == 0)
  }

  @Test func withoutMemoryItGuesses() throws {
    let problem = Problem(memory: 0)
    let attack = try #require(
      PerExampleAttack(shadowForget: problem.shadowForget, shadowStrangers: problem.shadowStrangers)
    )
    let found = try #require(
      attack.outcome(forget: problem.forget, strangers: problem.strangers))
    #expect(abs(found.auc - 0.5) < 0.06)
    #expect(found.shareStandingOut < 0.12)
  }

  /// A general loss of confidence is no memory: it moves strangers too.
  @Test func aGeneralShiftIsNoMemory() throws {
    let problem = Problem(memory: 0)
    let attack = try #require(
      PerExampleAttack(shadowForget: problem.shadowForget, shadowStrangers: problem.shadowStrangers)
    )
    let plain = attack.outcome(forget: problem.forget, strangers: problem.strangers)
    let shifted = attack.outcome(
      forget: problem.forget.map { $0 - 3 }, strangers: problem.strangers.map { $0 - 3 })
    #expect(plain?.auc == shifted?.auc)
  }

  @Test func itTakesTwoModelsAndSamples() {
    #expect(PerExampleAttack(shadowForget: [[1]], shadowStrangers: [[1]]) == nil)
    #expect(PerExampleAttack(shadowForget: [[], []], shadowStrangers: [[1], [2]]) == nil)
    #expect(PerExampleAttack(shadowForget: [[1], [2, 3]], shadowStrangers: [[1], [2]]) == nil)
  }

  /// Models that agree to the last bit leave no spread to divide by.
  @Test func equalModelsAreNoTrap() throws {
    let attack = try #require(
      PerExampleAttack(shadowForget: [[1], [1]], shadowStrangers: [[2], [2]]))
    let found = try #require(attack.outcome(forget: [1], strangers: [2]))
    #expect(found.auc == 0.5)
  }

  /// Samples of very different difficulty, 300 forgotten and 600 strangers, under 8 shadow models.
  private struct Problem {
    var shadowForget: [[Double]] = []
    var shadowStrangers: [[Double]] = []
    var forget: [Double] = []
    var strangers: [Double] = []

    init(memory: Double) {
      var random = SeededGenerator(seed: 7)
      let hard = (0..<900).map { _ in 6 * random.nextNormal() }
      for model in 0...8 {
        let margins = hard.map { $0 + random.nextNormal() }
        let (one, two) = (Array(margins[..<300]), Array(margins[300...]))
        if model == 8 {
          (forget, strangers) = (one.map { $0 + memory }, two)
        } else {
          shadowForget.append(one)
          shadowStrangers.append(two)
        }
      }
    }
  }
}
