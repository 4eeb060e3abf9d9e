import Comparison
import ModelCore
import Testing

@Suite struct TensorDifferenceTests {
  private func difference(
    _ first: [Float], _ second: [Float], _ tolerance: Tolerance = .exact
  ) throws -> TensorDifference {
    try TensorDifference(
      from: TensorStream(Tensor(floats: first, shape: Shape(vector: first.count))),
      to: TensorStream(Tensor(floats: second, shape: Shape(vector: second.count))),
      tolerance: tolerance)
  }

  /// By hand: b - a = (0, 3, 0, -4), |a| = sqrt(1 + 1 + 4 + 4) and |b| = sqrt(1 + 16 + 4 + 4).
  @Test func workedByHand() throws {
    let found = try difference([1, 1, 2, 2], [1, 4, 2, -2])
    #expect(found.count == 4)
    #expect(found.differing == 2)
    #expect(found.maximumAbsolute == 4)
    #expect(found.worstIndex == 3)
    #expect(found.maximumRelative == 2)
    #expect(found.rootMeanSquare == 2.5)
    #expect(found.distance == 5)
    #expect(found.relativeChange == 5 / 10.0.squareRoot())
    // (1 + 4 + 4 - 4) / (sqrt(10) * 5)
    let cosine = try #require(found.cosine)
    #expect(abs(cosine - 5 / (10.0.squareRoot() * 5)) < 1e-15)
  }

  @Test func nothingDiffersFromItself() throws {
    let found = try difference(
      [0, -0.0, 1e-45, .infinity, .nan], [-0.0, 0, 1e-45, .infinity, .nan])
    #expect(found.isEqual)
    #expect(found.maximumAbsolute == 0 && found.maximumRelative == 0 && found.rootMeanSquare == 0)
    #expect(found.worstIndex == nil)
  }

  @Test func aNaNDiffersFromANaNOnlyWhenAsked() throws {
    let strict = Tolerance(nanDiffers: true)
    #expect(try difference([.nan, 1], [.nan, 1]).differing == 0)
    #expect(try difference([.nan, 1], [.nan, 1], strict).differing == 1)
    #expect(try difference([.nan, 1], [.nan, 1], strict).unmatchedNaNs == 0)
    // A NaN is never a number, however large the tolerance.
    let wide = Tolerance(absolute: 1e30, relative: 1e30)
    let found = try difference([.nan, 1], [1, .nan], wide)
    #expect(found.differing == 2 && found.unmatchedNaNs == 2)
  }

  @Test func noToleranceCoversAnInfinity() throws {
    let wide = Tolerance(absolute: 1e30, relative: 1e30)
    let found = try difference([.infinity, .infinity, 1], [-.infinity, 1, .infinity], wide)
    #expect(found.differing == 3 && found.unmatchedInfinities == 3)
    #expect(found.rootMeanSquare == .infinity)
    #expect(found.relativeChange == .infinity)
    #expect(try difference([.infinity], [.infinity]).isEqual)
  }

  @Test(arguments: [
    (0.0, 0.0, 3), (0.125, 0.0, 2), (0.25, 0.0, 1), (0.0, 0.2, 2), (0.0, 0.49, 2), (0.0, 0.5, 0),
    (0.25, 0.25, 0),
  ])
  func toleranceIsAbsolutePlusRelative(_ absolute: Double, relative: Double, expected: Int) throws {
    // Differences of .125, .25 and .5 at magnitudes of 1.125, .5 and 1.
    let found = try difference(
      [1, 0.25, 0.5], [1.125, 0.5, 1], Tolerance(absolute: absolute, relative: relative))
    #expect(found.differing == expected)
  }

  @Test func theFloorKeepsNumbersNextToZeroTogether() throws {
    let (a, b): ([Float], [Float]) = ([1e-20], [-1e-20])
    #expect(try difference(a, b).maximumRelative < 1e-11)
    let found = try difference(a, b, Tolerance(floor: 1e-30)).maximumRelative
    #expect(abs(found - 2) < 1e-6)
  }

  @Test func arraysOfDifferentLengthsAreRefused() throws {
    #expect(throws: StreamError.self) { try difference([1], [1, 2]) }
  }

  @Test func theWorkCanBeEnded() throws {
    struct Stop: Error {}
    let tensor = try Tensor(floats: [1], shape: Shape(vector: 1))
    #expect(throws: Stop.self) {
      try TensorDifference(from: TensorStream(tensor), to: TensorStream(tensor)) { throw Stop() }
    }
  }

  /// Longer than a block, so that sums and positions are carried over.
  @Test func blocksAreJoined() throws {
    let count = 3 * 65_536 + 17
    let first = (0..<count).map { Float($0 % 7) }
    var second = first
    second[count - 1] += 2
    second[10] += 1
    let found = try difference(first, second)
    #expect(found.count == count && found.differing == 2)
    #expect(found.worstIndex == count - 1)
    #expect(found.distance == 5.0.squareRoot())
    let statistics = try TensorStatistics(
      of: TensorStream(Tensor(floats: first, shape: Shape(vector: count))))
    let exact = first.reduce(0) { $0 + Double($1) } / Double(count)
    let mean = try #require(statistics.mean)
    #expect(abs(mean - exact) < 1e-12)
    #expect(statistics.zeros == first.count { $0 == 0 })
    #expect(statistics.minimum == .real(0) && statistics.maximum == .real(6))
  }

  /// Swapping the arrays changes nothing but the norm that the change is measured against, and a
  /// power of two changes no share.
  @Test(arguments: 0..<20)
  func symmetryAndScaleOnRandomTensors(_ seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed), stream: "difference")
    let first = (0..<random.next(below: 300) + 1).map { _ in Float(random.nextNormal()) }
    let second = first.map { random.nextUnit() < 0.5 ? $0 : $0 + Float(random.nextNormal()) }
    let (forth, back) = (try difference(first, second), try difference(second, first))
    #expect(forth.differing == back.differing)
    #expect(forth.maximumAbsolute == back.maximumAbsolute)
    #expect(forth.maximumRelative == back.maximumRelative)
    #expect(forth.rootMeanSquare == back.rootMeanSquare)
    #expect(forth.cosine == back.cosine)
    let scaled = try difference(first.map { $0 * 1024 }, second.map { $0 * 1024 })
    #expect(scaled.differing == forth.differing)
    #expect(scaled.maximumAbsolute == forth.maximumAbsolute * 1024)
    #expect(scaled.relativeChange == forth.relativeChange)
    #expect(scaled.cosine == forth.cosine)
    // Against the plain formula.
    let plain = zip(first, second).reduce(0.0) { $0 + pow2(Double($1.1) - Double($1.0)) }
    #expect(abs(forth.distance - plain.squareRoot()) <= 1e-12 * max(1, forth.distance))
  }

  private func pow2(_ value: Double) -> Double { value * value }
}
