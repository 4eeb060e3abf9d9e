import Evidence
import ModelCore
import Testing

@Suite struct BootstrapIntervalTests {
  /// The mean of 400 normals has a standard error of 1/20: the interval is about +-0.098 wide.
  @Test func aMeanIsBracketedAtItsStandardError() throws {
    var random = SeededGenerator(seed: 1)
    let sample = (0..<400).map { _ in random.nextNormal() }
    let mean = sample.reduce(0, +) / 400
    let interval = try #require(
      BootstrapInterval(count: 400, resamples: 2000, using: &random) { positions in
        positions.reduce(0) { $0 + sample[$1] } / 400
      })
    #expect(interval.lower < mean && mean < interval.upper)
    #expect(abs((interval.upper - interval.lower) - 0.196) < 0.02)
    #expect(interval.level == 0.95)
  }

  @Test func oneSeedIsOneInterval() {
    func interval(_ seed: UInt64) -> BootstrapInterval? {
      var random = SeededGenerator(seed: seed)
      return BootstrapInterval(count: 9, resamples: 50, using: &random) { Double($0[0]) }
    }
    #expect(interval(4) == interval(4))
    #expect(interval(4) != nil)
  }

  @Test func nothingHasNoInterval() {
    var random = SeededGenerator(seed: 1)
    #expect(BootstrapInterval(count: 0, using: &random) { _ in 1 } == nil)
    #expect(BootstrapInterval(count: 3, using: &random) { _ in .nan } == nil)
  }
}
