import Foundation
import Testing

@testable import ModelctlCommands

@Suite struct IdentifierListTests {
  private func list(_ text: String) throws -> IdentifierList {
    try IdentifierList(Data(text.utf8), name: "test")
  }

  @Test(arguments: ["a\nb\n", "\u{FEFF}a\r\nb", "# head\n\n a \n#\nb\n\n", "a\nb\na"])
  func toleratesWhatEditorsWrite(_ text: String) throws {
    #expect(try list(text).entries.map(\.text) == ["a", "b"])
  }

  @Test func countsRepeatedIdsByLine() throws {
    let list = try list("x\ny\nx\n\nx")
    #expect(list.duplicates == [.init(text: "x", line: 3), .init(text: "x", line: 5)])
    #expect(IdentifierList.quote(list.duplicates) == "'x' (line 3), 'x' (line 5)")
  }

  @Test(arguments: ["", "\n\n", "# nothing\n"])
  func refusesAnEmptyList(_ text: String) {
    #expect { try list(text) } throws: { ($0 as? CommandError)?.status == .badInput }
  }

  @Test func refusesWhatIsNotText() {
    #expect { try IdentifierList(Data([0xFF, 0xFE, 0x41]), name: "test") } throws: {
      ($0 as? CommandError)?.status == .badInput
    }
  }

  @Test func escapesWhatWouldDriveATerminal() throws {
    let list = try list("\u{1B}[31mred")
    #expect(!IdentifierList.quote(list.entries).contains("\u{1B}"))
  }
}

@Suite struct SplitCutTests {
  @Test func keepsTheClassesInProportion() throws {
    let labels = (0..<1000).map { Int32($0 < 700 ? 0 : $0 < 900 ? 1 : 2) }
    let (cuts, rest) = try SplitCut(labels: labels, seed: 3).rows(sizes: [100, 200])
    #expect((cuts[0] + cuts[1] + rest).sorted() == Array(0..<1000))
    for (cut, size) in zip(cuts, [100, 200]) {
      #expect(cut.count == size)
      #expect(cut == cut.sorted())
      for (label, share) in [(Int32(0), 0.7), (1, 0.2), (2, 0.1)] {
        let count = cut.count { labels[$0] == label }
        let expected = share * Double(size)
        #expect(abs(Double(count) - expected) <= 1)
      }
    }
  }

  @Test func dependsOnTheSeedAlone() throws {
    let labels = (0..<100).map { Int32($0 % 10) }
    let first = try SplitCut(labels: labels, seed: 1).rows(sizes: [30])
    #expect(try SplitCut(labels: labels, seed: 1).rows(sizes: [30]).rest == first.rest)
    #expect(try SplitCut(labels: labels, seed: 2).rows(sizes: [30]).rest != first.rest)
  }

  @Test func leavesSomethingToTrainOn() {
    #expect(throws: CommandError.self) {
      try SplitCut(labels: [0, 1, 0], seed: 0).rows(sizes: [2, 1])
    }
  }

  @Test(arguments: [("10%", 60), ("12", 12), ("0.5%", 3)])
  func readsSizes(_ text: String, expected: Int) {
    #expect(SplitSize(argument: text)?.count(of: 600) == expected)
  }

  @Test(arguments: ["-1", "x", "101%", "1.5", ""])
  func refusesSizes(_ text: String) {
    #expect(SplitSize(argument: text) == nil)
  }
}
