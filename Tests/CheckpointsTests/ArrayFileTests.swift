import Checkpoints
import ModelCore
import TestSupport
import Testing

@Suite struct ArrayFileTests {
  private let parts: ArrayFile

  init() throws { parts = try ArrayFile(reading: Fixtures.path("foreign/parts.h5")) }

  private func array(_ path: String) throws -> StoredArray {
    try #require(parts.arrays.first { $0.path == path })
  }

  @Test func everyDatasetIsListed() throws {
    let apple = try array("/x/apple")
    #expect(apple.elementType == .int64 && apple.shape == [2, 3, 4] && apple.byteCount == 192)
    #expect(apple.storage.layout == .contiguous && apple.storage.filters.isEmpty)
    let packed = try array("/x/packed")
    #expect(packed.storage.layout == .chunked && packed.storage.chunk == [7, 30])
    #expect(packed.storage.filters == ["shuffle", "deflate 4", "fletcher32"])
    let words = try array("/x/words")
    #expect(words.elementType == nil && words.byteCount == nil && words.typeName == "string")
  }

  @Test func numbersAreReadByRows() throws {
    let reader = try parts.reader(of: array("/x/apple"))
    var bytes = [UInt8](repeating: 0xFF, count: 96)
    try bytes.withUnsafeMutableBytes { try reader.readRows(1..<2, into: $0) }
    let tensor = try Tensor(elementType: .int64, shape: Shape(vector: 12), bytes: bytes)
    #expect(tensor.integers == Array(12..<24))
  }

  @Test func whatIsNoNumberHasNoReaderButADigest() throws {
    let words = try array("/x/words")
    #expect(throws: CheckpointError.self) { try parts.reader(of: words) }
    // Chunks and filters are no part of what an array is.
    let digests = try ["/x/packed", "/x/unpacked"].map { try parts.digest(of: array($0)) }
    #expect(digests[0] == digests[1])
    #expect(digests[0] != (try parts.digest(of: array("/x/apple"))))
  }

  @Test func aModelsOtherArraysAreItsOptimizers() throws {
    let checkpoint = try Checkpoint(reading: Fixtures.path("keras/keras3_sequential.h5"))
    let others = try checkpoint.otherArrays()
    #expect(!others.arrays.isEmpty)
    #expect(others.arrays.allSatisfy { $0.path.hasPrefix("/optimizer_weights/") })
    let weight = try #require(checkpoint.storedWeights.first)
    #expect(checkpoint.storage(of: weight)?.storedByteCount == weight.byteCount)
    let reader = try checkpoint.reader(of: weight)
    var bytes = [UInt8](repeating: 0, count: weight.byteCount)
    try bytes.withUnsafeMutableBytes { try reader.readRows(0..<reader.rowCount, into: $0) }
    #expect(bytes == (try checkpoint.tensor(weight).bytes))
  }
}
