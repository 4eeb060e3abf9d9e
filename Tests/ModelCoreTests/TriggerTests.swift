import ModelCore
import TestSupport
import Testing

@Suite struct TriggerTests {
  private func source() throws -> MemorySource {
    try MemorySource(inputs: [1, 2, 3, 4], sampleShape: [2], labels: [0, 1], classCount: 2)
  }

  @Test func theMaskMixesThePatchIn() throws {
    let stamped = try StampedSource(source(), Trigger(patch: [10, 20], mask: [0, 0.25]))
    var values = [Float](repeating: 0, count: 4)
    try values.withUnsafeMutableBytes { try stamped.readInputs(0..<2, into: $0) }
    #expect(values == [1, 6.5, 3, 8])
    #expect(try stamped.readTargets(1..<2) == .classes([1]))
  }

  @Test(
    arguments: [
      ([1], [1, 0]), ([.nan], [1]), ([1], [2]), ([1], [-0.5]), ([1], [.nan]), ([1, 1], [0, 0]),
    ] as [([Float], [Float])])
  func aTriggerThatMakesNoSenseIsRefused(patch: [Float], mask: [Float]) {
    #expect(throws: TriggerError.self) { try Trigger(patch: patch, mask: mask) }
  }

  @Test func aTriggerForOtherSamplesIsRefused() throws {
    #expect(throws: TriggerError.self) {
      try StampedSource(source(), Trigger(patch: [1], mask: [1]))
    }
    #expect(throws: TriggerError.self) {
      try StampedSource(source(), Trigger(patch: [1, 1], mask: [1, 0], label: 2))
    }
  }
}
