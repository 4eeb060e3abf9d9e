import Evidence
import Testing

@testable import Unlearning

@Suite struct VerdictTests {
  @Test(arguments: [
    (Verdict.matched, true, true), (.matchedSamplewise, true, false),
    (.notMatched, false, false), (.overForgotten, false, false), (.utilityLost, false, false),
  ])
  func onlyAMatchIsAccepted(verdict: Verdict, plain: Bool, requiringPower: Bool) {
    #expect(verdict.isAccepted(requiringPower: false) == plain)
    #expect(verdict.isAccepted(requiringPower: true) == requiringPower)
  }

  @Test func verdictsHaveTheNamesOfTheReports() {
    #expect(
      Verdict.allCases.map(\.rawValue)
        == ["matched", "matched-samplewise", "not-matched", "over-forgotten", "utility-lost"])
  }

  @Test(
    arguments: [
      (0.01, 0.01, true), (0.011, 0, false), (0, 0.02, false), (0, nil, true), (0.5, nil, false),
    ] as [(Double, Double?, Bool)])
  func aClassIsForgottenAtOneInAHundred(forget: Double, unseen: Double?, passes: Bool) {
    #expect(ClassTest(forgetAccuracy: forget, unseenAccuracy: unseen).passes == passes)
  }

  /// Passing at the start for want of samples is not the same as having nothing to unlearn.
  @Test func nothingToUnlearnNeedsEnoughSamples() {
    func power(_ count: Int, needed: Int?, passes: Bool = true, has: Bool = false) -> TestPower {
      TestPower(hasPower: has, untouchedPasses: passes, neededCount: needed, count: count)
    }
    #expect(power(1000, needed: nil).nothingToUnlearn)
    #expect(power(1000, needed: 40).nothingToUnlearn)
    #expect(!power(1, needed: 40).nothingToUnlearn)
    #expect(!power(1000, needed: nil, passes: false).nothingToUnlearn)
    #expect(!power(1000, needed: 40, has: true).nothingToUnlearn)
  }
}

@Suite struct SamplewiseTestTests {
  /// Ranks among 400 retained samples with margins 0..<400, unseen ones equally many.
  private let map: MarginMap
  private let unseen: Responses

  init() throws {
    // Within +-12, where margins still count: -8 to 8 in steps of 0.04.
    let margins = (0..<400).map { Double($0 - 200) / 25 }
    unseen = try answers(margins.map { $0 - 1 })
    map = try #require(MarginMap(retained: answers(margins), unseen: unseen, persistence: 1))
  }

  private func test(_ margins: [Double], from originals: [Double]) throws -> SamplewiseTest {
    try #require(
      SamplewiseTest(
        margins: margins, standings: map.standings(answers(originals)),
        unseen: unseen, before: unseen))
  }

  /// At rank 1/2 a standard error is sqrt(1/4 * 3/400) = 0.0433 of 400 steps of 0.04, so the
  /// range reaches 1.39 above the target of -1.
  @Test(arguments: [(-1.0, true), (0.3, true), (0.45, false), (3, false), (-3.5, true)])
  func aMarginHasToComeDownIntoItsRange(margin: Double, passes: Bool) throws {
    let found = try test([margin], from: [0])
    #expect(found.passes == passes)
    #expect(found.above == (passes ? 0 : 1))
    #expect(!found.isOverForgotten)
  }

  @Test func aMarginFarBelowIsOverForgotten() throws {
    #expect(try test([-7], from: [0]).isOverForgotten)
    #expect(try test([-11.9], from: [0]).isOverForgotten)
    #expect(try !test([-3.5], from: [0]).isOverForgotten)
  }

  @Test func oneInTwentyMayMiss() throws {
    let originals = [Double](repeating: 0, count: 20)
    let hits = [Double](repeating: -1, count: 18)
    #expect(try test([5, -1] + hits, from: originals).passes)
    #expect(try !test([5, 5] + hits, from: originals).passes)
    #expect(try !test([5] + hits, from: Array(originals.dropLast())).passes)
    #expect(try test([-11, -1] + hits, from: originals).isOverForgotten == false)
    #expect(try test([-11, -11] + hits, from: originals).isOverForgotten)
  }

  /// Where all margins of a rank are beyond 12, none is told from another.
  @Test func marginsBeyondTwelveCountAsTwelve() throws {
    let high = try answers((0..<100).map { 20 + Double($0) })
    let map = try #require(MarginMap(retained: high, unseen: high))
    let standings = try map.standings(answers([50]))
    let found = try #require(
      SamplewiseTest(margins: [1e6], standings: standings, unseen: high, before: high))
    #expect(found.passes)
  }

  /// A result that is more confident in all it says is not the worse for it: ranges follow the
  /// unseen margins of the result.
  @Test func aChangeOfConfidenceIsNoVerdict() throws {
    let originals = stride(from: -7.0, through: 7, by: 1).map { $0 }
    let standings = try map.standings(answers(originals))
    let doubled = try answers(unseen.margins.map { $0 * 1.4 })
    let result = standings.map { map.target($0) * 1.4 }
    let found = try #require(
      SamplewiseTest(
        margins: result, standings: standings, unseen: doubled, before: unseen))
    #expect(found.above == 0)
    #expect(found.below == 0)
  }

  /// When the run moves unseen samples about, samples to forget may be moved as much.
  @Test func samplesMayMissAsOftenAsUnseenOnes() throws {
    let originals = [Double](repeating: 0, count: 10)
    let standings = try map.standings(answers(originals))
    let result = [5.0, 5, 5] + [Double](repeating: -1, count: 7)
    func found(_ after: Responses) throws -> SamplewiseTest {
      try #require(
        SamplewiseTest(margins: result, standings: standings, unseen: after, before: unseen))
    }
    #expect(try !found(unseen).passes)
    // A few unseen samples change places with their mirror images, then most of them.
    var margins = unseen.margins
    for index in stride(from: 0, to: 200, by: 5) { margins.swapAt(index, 399 - index) }
    let moved = try found(answers(margins))
    #expect(!moved.passes)
    for index in stride(from: 1, to: 200, by: 5) { margins.swapAt(index, 399 - index) }
    for index in stride(from: 2, to: 200, by: 5) { margins.swapAt(index, 399 - index) }
    for index in stride(from: 3, to: 200, by: 5) { margins.swapAt(index, 399 - index) }
    #expect(try found(answers(margins)).passes)
  }
}
