import Foundation
import HDF5
import TestSupport
import Testing

@testable import Checkpoints

/// What is unpacked here must be what the HDF5 library unpacks.
@Suite struct StoredRowsTests {
  typealias Filter = HDF5DatasetDescription.Filter

  private let folder: TemporaryDirectory
  private let rows = 40_000

  init() throws { folder = try TemporaryDirectory() }

  /// A file with one dataset `[rows, 50]`, in chunks of 999 rows.
  private func file(
    _ name: String, _ type: HDF5Type, _ filters: [Filter], width: Int = 50,
    fill: (HDF5Dataset) throws -> Void
  ) throws -> HDF5Dataset {
    let path = folder.path(name)
    let file = try HDF5File(creating: path)
    let dataset = try file.root.createDataset(
      "x", type: type, shape: [rows, 50],
      storage: .chunked(extents: [999, width], filters: filters))
    try fill(dataset)
    try file.close()
    return try HDF5File(reading: path).dataset(at: "/x")
  }

  private func write(_ range: Range<Int>, to dataset: HDF5Dataset) throws {
    let bytes = (0..<(try dataset.byteCount(rows: range.count))).map { index in
      UInt8(truncatingIfNeeded: ((index &+ range.lowerBound) &* 2_654_435_761) >> 11) & 0x1F
    }
    try bytes.withUnsafeBytes { try dataset.write(range, from: $0) }
  }

  /// Everything that a stream hands over, and how many chunks came along.
  private func read(_ dataset: HDF5Dataset) throws -> (bytes: [UInt8], chunkCount: Int) {
    var (bytes, chunks): ([UInt8], Int) = ([], 0)
    let rowBytes = try dataset.byteCount(rows: 1)
    try RowStream(dataset).forEachBlock({}) { block in
      #expect(block.bytes.count == rowBytes * block.rows.count)
      bytes += block.bytes
      chunks += block.chunks.count
      block.bytes.initializeMemory(as: UInt8.self, repeating: 0xFF)
    }
    return (bytes, chunks)
  }

  @Test(arguments: [
    (HDF5Type.number(.uint8), [Filter.deflate(level: 4)]), (.number(.uint8), []),
    (.number(.float32), [.shuffle, .deflate(level: 1)]), (.number(.int64), [.shuffle]),
    (.number(.float64), [.deflate(level: 0)]), (.number(.int16), [.deflate(level: 9)]),
  ])
  func everyChunkIsUnpacked(_ type: HDF5Type, _ filters: [Filter]) throws {
    let dataset = try file("own.h5", type, filters) { try write(0..<rows, to: $0) }
    let found = try read(dataset)
    #expect(try found.bytes == dataset.bytes())
    #expect(found.chunkCount == 41)
  }

  /// What is packed here must be what the library would have stored.
  @Test(arguments: [
    (HDF5Type.number(.uint8), [Filter.deflate(level: 4)]), (.number(.int64), [.deflate(level: 0)]),
    (.number(.float32), [.shuffle, .deflate(level: 9)]),
  ])
  func theLibraryUnpacksWhatIsPacked(_ type: HDF5Type, _ filters: [Filter]) throws {
    let source = try file("in.h5", type, filters) { try write(0..<rows, to: $0) }
    let copy = try file("packed.h5", type, filters) { target in
      let packer = try #require(ChunkPacker(for: target))
      for start in stride(from: 0, to: rows - 999, by: 999) {
        let chunk = try source.bytes(start..<start + 999).withUnsafeBytes { packer.pack($0) }
        try target.write(try #require(chunk), atRow: start)
      }
      try source.bytes(39_960..<rows).withUnsafeBytes { try target.write(39_960..<rows, from: $0) }
    }
    #expect(try copy.bytes() == source.bytes())
    #expect(filters.last == .deflate(level: 0) || copy.description.storedByteCount < 8_000_000)
  }

  @Test(arguments: [[Filter.shuffle], [.deflate(level: 1), .fletcher32], []])
  func whatIsNotPackedHereIsLeftToTheLibrary(_ filters: [Filter]) throws {
    let dataset = try file("other.h5", .number(.uint8), filters) { try write(0..<rows, to: $0) }
    #expect(ChunkPacker(for: dataset) == nil)
  }

  /// Large enough for several threads: rows go at the start, in the middle and at the end.
  @Test(arguments: [
    [Filter.shuffle, .deflate(level: 1)], [.deflate(level: 1), .fletcher32], [.shuffle],
  ])
  func aColumnWithoutSomeRows(_ filters: [Filter]) throws {
    let source = try file("column.h5", .number(.int32), filters) { try write(0..<rows, to: $0) }
    let gone = [0, 5, 998, 20_000, 20_001, 39_500, 39_999]
    let path = folder.path("without.h5")
    let file = try HDF5File(creating: path)
    let result = try ColumnCopy(source, removing: gone, checkInterruption: {})
      .run(into: file.root, as: "x")
    try file.close()
    let copy = try HDF5File(reading: path).dataset(at: "/x")
    var expected = try source.bytes()
    let rowBytes = try source.byteCount(rows: 1)
    let fillers = (39_993..<rows).filter { !gone.contains($0) }
    for (gap, filler) in zip(gone, fillers) {
      let bytes = expected[filler * rowBytes..<(filler + 1) * rowBytes]
      expected.replaceSubrange(gap * rowBytes..<(gap + 1) * rowBytes, with: bytes)
    }
    expected.removeLast(gone.count * rowBytes)
    #expect(try copy.bytes() == expected)
    #expect(try result.after == Checkpoint.entry(copy, {}))
    #expect(try result.before == Checkpoint.entry(source, {}))
    #expect(try result.written.isFound(in: copy) {})
    // The same without one of the rows is another column.
    #expect(try !result.written.isFound(in: source) {})
  }

  /// Chunks with checksums, or with parts of rows, are left to the library.
  @Test(arguments: [([Filter.deflate(level: 1), .fletcher32], 50), ([.deflate(level: 1)], 20)])
  func theLibraryReadsTheRest(_ filters: [Filter], width: Int) throws {
    let dataset = try file("library.h5", .number(.int32), filters, width: width) {
      try write(0..<rows, to: $0)
    }
    let found = try read(dataset)
    #expect(try found.bytes == dataset.bytes())
    #expect(found.chunkCount == 0)
  }

  @Test func chunksThatWereNeverWritten() throws {
    let dataset = try file("holes.h5", .number(.uint8), [.deflate(level: 1)]) {
      try write(0..<2000, to: $0)
      try write(30_000..<31_000, to: $0)
    }
    #expect(try read(dataset).bytes == dataset.bytes())
  }

  @Test func chunksWhoseFiltersWereLeftOut() throws {
    let plain = [UInt8](repeating: 7, count: 999 * 50)
    let dataset = try file("skipped.h5", .number(.uint8), [.deflate(level: 1)]) {
      try write(0..<rows, to: $0)
      try $0.write(HDF5Dataset.Chunk(bytes: plain, skippedFilters: 1), atRow: 1998)
    }
    let found = try read(dataset)
    #expect(try found.bytes == dataset.bytes())
    #expect(found.bytes[1998 * 50..<2997 * 50].allSatisfy { $0 == 7 })
    #expect(found.chunkCount == 41)
  }

  @Test(arguments: [[0x78, 0x01, 3, 0, 1, 2, 3], [UInt8](repeating: 0x55, count: 800)])
  func damageIsToldByTheLibrary(_ bytes: [UInt8]) throws {
    let dataset = try file("damaged.h5", .number(.uint8), [.deflate(level: 1)]) {
      try write(0..<rows, to: $0)
      try $0.write(HDF5Dataset.Chunk(bytes: bytes), atRow: 19_980)
    }
    #expect(throws: HDF5Error.self) { try read(dataset) }
  }

  @Test func whatIsThrownEndsTheWork() throws {
    struct Stop: Error {}
    let dataset = try file("stop.h5", .number(.float64), [.deflate(level: 1)]) {
      try write(0..<rows, to: $0)
    }
    var blocks = 0
    #expect(throws: Stop.self) {
      try RowStream(dataset).forEachBlock({}) { _ in
        blocks += 1
        if blocks == 2 { throw Stop() }
      }
    }
    #expect(blocks == 2)
    var checks = 0
    #expect(throws: Stop.self) {
      try RowStream(dataset).forEachBlock({
        checks += 1
        if checks == 2 { throw Stop() }
      }) { _ in }
    }
  }

  @Test func aCrewDoesEachPieceOnce() {
    for helpers in [0, 1, 3] {
      let crew = Crew(helpers: helpers)
      for count in [0, 1, 2, 50] {
        let hits = UnsafeMutableBufferPointer<Int>.allocate(capacity: max(1, count))
        defer { hits.deallocate() }
        hits.initialize(repeating: 0)
        var wasCalled = false
        crew.perform(count) {
          wasCalled = true
        } work: {
          hits[$0] += 1
        }
        #expect(wasCalled && hits.prefix(count).allSatisfy { $0 == 1 })
      }
    }
  }
}

@Suite struct RowRemovalTests {
  @Test func runsOfGapsAndFillers() {
    let removal = RowRemoval([2, 3, 4, 7, 16], of: 20)
    #expect(removal.remaining == 15)
    #expect(removal.moves(into: 0..<15).map(\.place) == [2, 3, 7])
    #expect(removal.moves(into: 0..<15).map(\.rows) == [15..<16, 17..<19, 19..<20])
    #expect(removal.moves(into: 4..<7).map(\.rows) == [18..<19])
    #expect(removal.moves(into: 5..<7).isEmpty)
    #expect(removal.keeps(0..<2) && removal.keeps(5..<7) && removal.keeps(8..<15))
    #expect(!removal.keeps(0..<3) && !removal.keeps(7..<8) && !removal.keeps(14..<16))
  }
}
