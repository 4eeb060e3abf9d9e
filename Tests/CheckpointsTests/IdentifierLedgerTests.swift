import Checkpoints
import ModelCore
import Testing

@Suite struct IdentifierLedgerTests {
  private let key = (0..<32).map { UInt8($0) }

  /// Computed by Python's `hmac`.
  @Test func commitmentsAreWhatTheFormatSays() throws {
    let ledger = try #require(IdentifierLedger(key: key))
    #expect(ledger.commitment(to: .integer(-12)) == "944cfb7aa861cc8f3771d2f04b879805")
    #expect(ledger.commitment(to: .string("José")) == "0b67b10cf717172f067fd38cb599103a")
  }

  @Test func anIntegerIsNoString() throws {
    let ledger = try #require(IdentifierLedger(key: key))
    #expect(ledger.commitment(to: .integer(7)) != ledger.commitment(to: .string("7")))
    let other = try #require(IdentifierLedger(key: key.reversed()))
    #expect(ledger.commitment(to: .integer(7)) != other.commitment(to: .integer(7)))
  }

  @Test func entriesAreInOrderAndComeBack() throws {
    let ledger = try #require(IdentifierLedger(key: key))
    let entry = ledger.entry(for: (0..<20).map { .integer($0) })
    let values = try #require(entry["commitments"]?.array).compactMap(\.string)
    #expect(values == values.sorted())
    #expect(Set(values) == Set((0..<20).map { ledger.commitment(to: .integer($0)) }))
    #expect(entry["algorithm"]?.string == "HMAC-SHA-256-128")
  }

  @Test func aShortKeyIsNone() {
    #expect(IdentifierLedger(key: [UInt8](repeating: 1, count: 15)) == nil)
    #expect(IdentifierLedger(key: [UInt8](repeating: 1, count: 16)) != nil)
  }
}
