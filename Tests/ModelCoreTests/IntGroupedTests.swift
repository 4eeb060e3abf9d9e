import ModelCore
import Testing

@Suite struct IntGroupedTests {
  @Test(arguments: [
    (0, "0"), (7, "7"), (-12, "-12"), (999, "999"), (1000, "1,000"), (-1000, "-1,000"),
    (235_146, "235,146"), (1_234_567, "1,234,567"), (.max, "9,223,372,036,854,775,807"),
    (.min, "-9,223,372,036,854,775,808"),
  ])
  func thousandsAreParted(number: Int, text: String) { #expect(number.grouped == text) }

  @Test func oneIsOne() {
    #expect(0.grouped("finding") == "0 findings")
    #expect(1.grouped("finding") == "1 finding")
    #expect(12_000.grouped("training sample") == "12,000 training samples")
  }
}
