import ModelCore
import TestSupport
import Testing

@testable import Auditing

@Suite struct StampTests {
  @Test func theMaskMixesThePatchIn() throws {
    let source = try MemorySource(
      inputs: [1, 2, 3, 4], sampleShape: [2], labels: [0, 1], classCount: 2)
    let stamped = try StampedSamples(source, Stamp(patch: [10, 20], mask: [0, 0.5]))
    var values = [Float](repeating: 0, count: 4)
    try values.withUnsafeMutableBytes { try stamped.readInputs(0..<2, into: $0) }
    #expect(values == [1, 11, 3, 12])
    #expect(try stamped.readTargets(0..<2) == .classes([0, 1]))
  }

  @Test func aTriggerThatMakesNoSenseIsRefused() throws {
    #expect(throws: AuditError.self) { try Stamp(patch: [1], mask: [1, 0]) }
    #expect(throws: AuditError.self) { try Stamp(patch: [.nan], mask: [1]) }
    #expect(throws: AuditError.self) { try Stamp(patch: [1], mask: [2]) }
    #expect(throws: AuditError.self) { try Stamp(patch: [1], mask: [0]) }
    let source = try MemorySource(
      inputs: [1, 2, 3, 4], sampleShape: [2], labels: [0, 1], classCount: 2)
    #expect(throws: AuditError.self) { try StampedSamples(source, Stamp(patch: [1], mask: [1])) }
  }
}
