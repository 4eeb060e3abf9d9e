import ModelCore
import Testing

@testable import Validation

@Suite struct PatternSearchTests {
  private struct Hit: Hashable {
    let pattern: Int
    let offset: Int
  }

  /// Looks at every place, one after another.
  private static func naive(_ patterns: [[UInt8]], in bytes: [UInt8]) -> Set<Hit> {
    var found: Set<Hit> = []
    for (index, pattern) in patterns.enumerated() where pattern.count <= bytes.count {
      for start in 0...bytes.count - pattern.count
      where bytes[start..<start + pattern.count].elementsEqual(pattern) {
        found.insert(Hit(pattern: index, offset: start))
      }
    }
    return found
  }

  @Test(arguments: 0..<40)
  func findsWhatLookingEverywhereFinds(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed, stream: "patterns")
    // Few values, so that patterns overlap themselves and one another.
    func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(random.next() % 3) } }
    let text = bytes(400)
    let patterns =
      (0..<12).map { _ in bytes(Int(1 + random.next() % 9)) } + [Array(text.suffix(20))]
    let search = PatternSearch(patterns)
    var stream = PatternSearch.Stream()
    var found: [Hit] = []
    var position = 0
    while position < text.count {
      let end = min(text.count, position + Int(1 + random.next() % 30))
      try search.search(text[position..<end], of: &stream) { pattern, offset in
        found.append(Hit(pattern: pattern, offset: offset))
      }
      position = end
    }
    #expect(Set(found) == Self.naive(patterns, in: text))
    #expect(Set(found).count == found.count)
  }

  @Test func withoutPatternsNothingIsFound() throws {
    var stream = PatternSearch.Stream()
    try PatternSearch([]).search([1, 2, 3], of: &stream) { _, _ in
      Issue.record("found something")
    }
  }

  @Test func theTellingPartOfARecordIsTheOneWithMostValues() {
    let plain = [UInt8](repeating: 0, count: 100)
    let varied = (0..<32).map { UInt8($0) }
    let range = ForgottenRecords.tellingRange(plain + varied + plain)
    #expect(abs(range.lowerBound - 100) < 8)
    #expect(ForgottenRecords.tellingRange([1, 2, 3]) == 0..<3)
  }

  @Test(arguments: [
    ("17", false), ("12345678", false), ("-12345678", true), ("1234567890", true), ("user", false),
    ("user-1", true), ("a1b2c3", true),
  ])
  func shortIdsAreNotSearchedEverywhere(_ identifier: String, isSpecific: Bool) {
    #expect(ErasureSearch.isSpecific(identifier) == isSpecific)
  }
}
