import ModelCore
import Testing

@Suite struct SeededGeneratorTests {
  /// xoshiro256** with its state filled by SplitMix64 from 0, the published way to seed it: an empty
  /// stream's name adds FNV-1a's offset basis, which this seed takes away again.
  @Test func theNumbersAreThePublishedOnes() {
    var random = SeededGenerator(seed: 0xcbf2_9ce4_8422_2325)
    let expected: [UInt64] = [
      0x99ec_5f36_cb75_f2b4, 0xbf6e_1f78_4956_452a, 0x1a5f_849d_4933_e6e0, 0x6aa5_94f1_262d_2d2c,
      0xbba5_ad4a_1f84_2e59, 0xffef_8375_d9eb_caca, 0x6c16_0dee_d2f5_4c98, 0x8920_ad64_8fc3_0a3f,
    ]
    #expect(expected.indices.map { _ in random.next() } == expected)
  }

  /// The same by an independent program, with FNV-1a of "init".
  @Test func aStreamHasNumbersOfItsOwn() {
    var random = SeededGenerator(seed: 42, stream: "init")
    #expect(random.next() == 0x2b4c_11a1_0207_8e79)
    #expect(random.next() == 0xd9e5_add1_4575_54b4)
    #expect(random.next() == 0x9076_dcd2_0f05_c32a)
    var other = SeededGenerator(seed: 42, stream: "order")
    var next = SeededGenerator(seed: 43, stream: "init")
    #expect(Set([other.next(), next.next(), 0x2b4c_11a1_0207_8e79]).count == 3)
  }

  @Test func theSameSeedGivesTheSameNumbers() {
    var first = SeededGenerator(seed: 5, stream: "a")
    var second = SeededGenerator(seed: 5, stream: "a")
    for _ in 0..<100 { #expect(first.next() == second.next()) }
  }

  @Test func unitNumbersAreUniform() {
    var random = SeededGenerator(seed: 1)
    var bins = [Int](repeating: 0, count: 16)
    for _ in 0..<16_000 {
      let value = random.nextUnit()
      #expect(value >= 0 && value < 1)
      bins[min(15, Int(value * 16))] += 1
    }
    // Chi-squared with 15 degrees of freedom: 37.7 is passed once in 1000 seeds.
    let statistic = bins.reduce(0.0) { $0 + (Double($1) - 1000) * (Double($1) - 1000) / 1000 }
    #expect(statistic < 37.7)
  }

  @Test func normalNumbersHaveTheirMoments() {
    var random = SeededGenerator(seed: 2)
    let count = 20_000
    let values = (0..<count).map { _ in random.nextNormal() }
    func moment(_ power: Int) -> Double {
      values.reduce(0) { sum, value in
        sum + (0..<power).reduce(1.0) { product, _ in product * value }
      } / Double(count)
    }
    // Five standard errors: sqrt(1/n), sqrt(2/n), sqrt(15/n), sqrt(96/n).
    #expect(abs(moment(1)) < 0.036)
    #expect(abs(moment(2) - 1) < 0.05)
    #expect(abs(moment(3)) < 0.14)
    #expect(abs(moment(4) - 3) < 0.35)
    #expect(values.allSatisfy { $0.isFinite })
    #expect(values.contains { abs($0) > 3 })
  }

  @Test(arguments: [1, 2, 3, 7, 10])
  func boundedNumbersAreUniform(_ bound: Int) {
    var random = SeededGenerator(seed: 3)
    var counts = [Int](repeating: 0, count: bound)
    for _ in 0..<(1000 * bound) { counts[random.next(below: bound)] += 1 }
    // Six standard deviations of a binomial count.
    #expect(counts.allSatisfy { abs($0 - 1000) < 190 })
  }

  @Test func aBoundNearTheLargestHolds() {
    var random = SeededGenerator(seed: 4)
    for _ in 0..<1000 { #expect((0..<Int.max).contains(random.next(below: .max))) }
  }

  @Test(arguments: [0, 1, 2, 3, 100])
  func aShuffledListIsAPermutation(_ count: Int) {
    var random = SeededGenerator(seed: 5)
    var list = Array(0..<count)
    random.shuffle(&list)
    #expect(list.sorted() == Array(0..<count))
    #expect(count < 100 || list != Array(0..<count))
  }

  @Test func allOrdersAreEquallyLikely() {
    var random = SeededGenerator(seed: 6)
    var counts: [[Int]: Int] = [:]
    for _ in 0..<6000 {
      var list = [0, 1, 2]
      random.shuffle(&list)
      counts[list, default: 0] += 1
    }
    #expect(counts.count == 6)
    #expect(counts.values.allSatisfy { abs($0 - 1000) < 180 })
  }
}
