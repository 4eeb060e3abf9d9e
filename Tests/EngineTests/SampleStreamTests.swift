import Engine
import ModelCore
import TestSupport
import Testing

@Suite struct SampleStreamTests {
  /// Each sample's only input is its row number, so that a batch tells which rows it holds.
  private func numbered(_ count: Int, rowsPerBlock: Int = 7) throws -> MemorySource {
    try MemorySource(
      inputs: (0..<count).map(Float.init), sampleShape: [1],
      labels: (0..<count).map { Int32($0 % 3) }, classCount: 3, rowsPerBlock: rowsPerBlock)
  }

  private func epoch(_ stream: SampleStream, batchSize: Int = 8) throws -> [Int] {
    let batch = Batch(capacity: batchSize, sampleElementCount: 1, classCount: 3)
    var rows: [Int] = []
    while rows.count < stream.count {
      batch.removeAll()
      let size = min(batchSize, stream.remainingInEpoch)
      try stream.append(size, to: batch, weight: 0.5)
      for index in 0..<size {
        let row = Int(batch.inputs[index])
        #expect(batch.targets[index * 3 + row % 3] == 1)
        #expect(batch.weights[index] == 0.5)
        rows.append(row)
      }
    }
    return rows
  }

  /// 4 bytes a sample: 28 hold one block, 10,000 hold everything.
  @Test(arguments: [28, 100, 10_000], [1, 50, 64])
  func everySampleComesOnceAnEpoch(windowBytes: Int, count: Int) throws {
    let stream = try SampleStream(
      numbered(count), seed: 1, stream: "test", windowBytes: windowBytes)
    for _ in 0..<3 {
      #expect(try epoch(stream).sorted() == Array(0..<count))
    }
  }

  @Test func theOrderDependsOnTheSeedAndChangesEveryEpoch() throws {
    let stream = try SampleStream(numbered(64), seed: 1, stream: "a")
    let twin = try SampleStream(numbered(64), seed: 1, stream: "a")
    let first = try epoch(stream)
    #expect(try epoch(twin) == first)
    #expect(try epoch(stream) != first)
    let other = try SampleStream(numbered(64), seed: 2, stream: "a")
    #expect(try epoch(other) != first)
  }

  @Test func chosenRowsComeWithTheirPositions() throws {
    let rows = [3, 4, 20, 41, 63]
    let stream = try SampleStream(numbered(64), rows: rows, seed: 5, stream: "f")
    let batch = Batch(capacity: 5, sampleElementCount: 1, classCount: 3)
    let positions = try stream.append(5, to: batch, weight: 1)
    #expect(positions.sorted() == [0, 1, 2, 3, 4])
    for (index, position) in positions.enumerated() {
      #expect(Int(batch.inputs[index]) == rows[position])
    }
  }

  @Test func whatFitsTheWindowIsReadOnce() throws {
    let source = try numbered(64)
    let stream = try SampleStream(source, seed: 1, stream: "a")
    for _ in 0..<4 { _ = try epoch(stream) }
    #expect(source.readCount == 10)
  }

  @Test func refusesRowsThatAreNotThere() throws {
    let source = try numbered(10)
    #expect(throws: SampleError.row(10, count: 10)) {
      try SampleStream(source, rows: [1, 10], seed: 0, stream: "")
    }
    #expect(throws: SampleError.order(1, after: 1)) {
      try SampleStream(source, rows: [1, 1], seed: 0, stream: "")
    }
    #expect(throws: SampleError.empty) {
      try SampleStream(source, rows: [], seed: 0, stream: "")
    }
  }

  @Test func refusesALabelThatTheNetworkDoesNotHave() throws {
    let source = try MemorySource(
      inputs: [0, 1], sampleShape: [1], labels: [0, 3], classCount: 4)
    let stream = try SampleStream(source, seed: 0, stream: "")
    let batch = Batch(capacity: 2, sampleElementCount: 1, classCount: 3)
    #expect(throws: SampleError.label(3, row: 1, classCount: 3)) {
      try stream.append(2, to: batch, weight: 1)
    }
  }
}
