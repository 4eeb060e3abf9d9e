import Evidence
import Testing
import Unlearning

/// Answers of a model that tells two classes apart, with given margins.
func answers(_ margins: [Double], labels: [Int32]? = nil) throws -> Responses {
  let labels = labels ?? [Int32](repeating: 0, count: margins.count)
  var logits: [Float] = []
  for (margin, label) in zip(margins, labels) {
    logits += label == 0 ? [Float(margin), 0] : [0, Float(margin)]
  }
  return try Responses(logits: logits, labels: labels, classCount: 2)
}

@Suite struct MarginMapTests {
  /// What a single sample is aimed at.
  private func target(_ map: MarginMap, _ margin: Double, _ label: Int32 = 0) throws -> Double {
    map.target(try standing(map, margin, label))
  }

  private func standing(
    _ map: MarginMap, _ margin: Double, _ label: Int32 = 0
  ) throws -> MarginMap.Standing {
    try #require(map.standings(answers([margin], labels: [label])).first)
  }

  /// Members at 0...99, strangers three lower and half as far apart: with ranks that stay, the map
  /// is a straight line.
  @Test func aMarginGoesToTheMarginOfItsRank() throws {
    let map = try #require(
      MarginMap(
        retained: answers((0..<100).map(Double.init)),
        unseen: answers((0..<100).map { Double($0) / 2 - 3 }), persistence: 1))
    for margin in [0.0, 10, 50, 99] {
      #expect(abs(try target(map, margin) - (margin / 2 - 3)) < 1e-9)
    }
  }

  @Test func aMarginBeyondAllOthersGoesToTheOutermost() throws {
    let map = try #require(
      MarginMap(
        retained: answers((0..<100).map(Double.init)), unseen: answers((0..<100).map(Double.init)),
        persistence: 1))
    #expect(abs(try target(map, 1e6) - 99) < 1e-9)
    #expect(abs(try target(map, -1e6)) < 1e-9)
  }

  @Test func theMapNeverTurnsRanksAround() throws {
    let retained = (0..<200).map { Double($0 * 7919 % 200) / 10 }
    let unseen = (0..<60).map { Double($0 * $0 % 61) / 4 - 5 }
    let map = try #require(MarginMap(retained: answers(retained), unseen: answers(unseen)))
    let margins = stride(from: -2.0, through: 22, by: 0.1).map { $0 }
    let single = try margins.map { try target(map, $0) }
    let together = try map.standings(answers(margins)).map(map.target)
    for targets in [single, together] {
      for (earlier, later) in zip(targets, targets.dropFirst()) { #expect(earlier <= later) }
    }
  }

  /// A single hard sample is expected to be less hard another time, an easy one less easy.
  @Test func aSingleSampleIsDrawnTowardsTheMiddle() throws {
    let margins = (0..<1000).map { Double($0) / 10 }
    let map = try #require(MarginMap(retained: answers(margins), unseen: answers(margins)))
    #expect(try target(map, 2) > 3)
    #expect(try target(map, 98) < 97)
    #expect(abs(try target(map, 50) - 50) < 0.2)
  }

  /// Class 1 has 19 unseen samples, one too few: it is mapped like both classes together.
  @Test func aSmallClassIsMappedLikeAllTogether() throws {
    let retained = try answers(
      (0..<100).map { Double($0 % 50) }, labels: (0..<100).map { $0 < 50 ? 0 : 1 })
    func map(unseenOfClass1 count: Int) throws -> MarginMap {
      try #require(
        MarginMap(
          retained: retained,
          unseen: answers(
            [Double](repeating: -1, count: 50) + [Double](repeating: -9, count: count),
            labels: [Int32](repeating: 0, count: 50) + [Int32](repeating: 1, count: count))))
    }
    let large = try map(unseenOfClass1: 20)
    #expect(try standing(large, 3, 1).label == 1)
    #expect(try target(large, 45, 1) == -9)
    let small = try map(unseenOfClass1: 19)
    #expect(try standing(small, 3, 1).label == nil)
    #expect(try target(small, 45, 1) == -1)
    #expect(try target(small, 45, 0) == -1)
  }

  @Test func everySampleHasAStanding() throws {
    let retained = try answers(
      (0..<200).map { Double($0) / 10 }, labels: (0..<200).map { $0 % 10 == 0 ? 1 : 0 })
    let map = try #require(MarginMap(retained: retained, unseen: retained))
    let samples = try answers([3, 5, 7, 9], labels: [0, 1, 1, 0])
    let standings = map.standings(samples)
    #expect(standings.map(\.label) == [0, 1, 1, 0])
    #expect(standings[0].rank < standings[3].rank)
    #expect(standings[1].rank < standings[2].rank)
    #expect(standings[0].inverseCounts == 2.0 / 180)
  }

  @Test func nothingToRankAmongIsNoMap() throws {
    #expect(MarginMap(retained: try answers([]), unseen: try answers([1])) == nil)
    #expect(MarginMap(retained: try answers([1]), unseen: try answers([])) == nil)
  }
}
