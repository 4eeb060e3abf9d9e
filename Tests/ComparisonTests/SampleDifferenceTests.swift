import Comparison
import Testing

@Suite struct SampleDifferenceTests {
  private typealias Inventory = SampleInventory<Int>

  /// Splits of (id, content).
  private func inventory(_ splits: [(String, [(Int, UInt8)])]) -> Inventory {
    var inventory = Inventory()
    for (name, samples) in splits {
      inventory.begin(split: name)
      for (id, content) in samples {
        let isNew = inventory.add(id, content: ContentKey([UInt8](repeating: content, count: 32)))
        #expect(isNew)
      }
    }
    return inventory
  }

  @Test func equalInventoriesDoNotDiffer() {
    let one = inventory([("train", [(1, 1), (2, 2)]), ("test", [(3, 3)])])
    let difference = SampleDifference(from: one, to: one)
    #expect(difference.splits.map(\.name) == ["train", "test"])
    #expect(difference.splits.allSatisfy { $0.isEqual })
  }

  @Test func samplesAreFollowedByTheirIds() {
    let before = inventory([("train", [(1, 1), (2, 2), (3, 3), (4, 4)]), ("test", [(5, 5)])])
    let after = inventory([("train", [(1, 1), (3, 9), (6, 6)]), ("test", [(5, 5), (4, 4)])])
    let splits = SampleDifference(from: before, to: after).splits
    let (train, test) = (splits[0], splits[1])
    #expect(train.before == 4 && train.after == 3)
    #expect(train.removed == [2] && train.added == [6] && train.changed == [3])
    #expect(train.movedOut.map(\.identifier) == [4] && train.movedOut.map(\.to) == ["test"])
    #expect(test.movedIn == train.movedOut && test.added.isEmpty && test.movedOut.isEmpty)
    #expect(!train.isReordered && !test.isReordered)
    #expect(!train.isEqual && !test.isEqual)
  }

  @Test func anotherOrderIsADifference() {
    let before = inventory([("train", [(1, 1), (2, 2), (3, 3)])])
    let after = inventory([("train", [(1, 1), (3, 3), (2, 2)])])
    let train = SampleDifference(from: before, to: after).splits[0]
    #expect(train.isReordered && !train.isEqual)
    let shorter = inventory([("train", [(2, 2), (3, 3)])])
    #expect(!SampleDifference(from: before, to: shorter).splits[0].isReordered)
  }

  @Test func aSplitOfOneFileOnlyIsADifference() {
    let (none, empty) = (inventory([]), inventory([("test", [])]))
    let split = SampleDifference(from: none, to: empty).splits[0]
    #expect(split.before == nil && split.after == 0 && !split.isEqual)
  }

  @Test func anIdThatOccursTwiceIsTold() {
    var twice = Inventory()
    twice.begin(split: "train")
    let isNew = twice.add(1, content: ContentKey([1]))
    twice.begin(split: "test")
    let isNewAgain = twice.add(1, content: ContentKey([1]))
    #expect(isNew && !isNewAgain)
  }

  @Test func contentKeysDifferWhereDigestsDo() {
    let digest = Array(UInt8(0)..<32)
    var others: Set<ContentKey> = [ContentKey(digest)]
    for index in 0..<16 {
      var other = digest
      other[index] ^= 1
      others.insert(ContentKey(other))
    }
    #expect(others.count == 17)
  }
}
