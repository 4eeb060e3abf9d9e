import Foundation
import HDF5
import TestSupport
import Testing

@Suite struct HDF5DatasetTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private static let storages: [HDF5DatasetDescription.Storage] = [
    .contiguous, .chunked(extents: [4, 3], filters: []),
    .chunked(extents: [4, 3], filters: [.shuffle, .deflate(level: 4), .fletcher32]),
  ]

  private func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ $0 / 251) }
  }

  private func create(_ name: String, _ fill: (HDF5Group) throws -> Void) throws -> String {
    let path = folder.path(name)
    let file = try HDF5File(creating: path)
    try fill(file.root)
    try file.close()
    return path
  }

  @Test(arguments: HDF5Number.allCases, storages)
  func everyNumberComesBack(
    _ number: HDF5Number, _ storage: HDF5DatasetDescription.Storage
  ) throws {
    let data = bytes(10 * 3 * number.byteCount)
    let path = try create("a.h5") { root in
      let dataset = try root.createDataset(
        "a", type: .number(number), shape: [10, 3], storage: storage)
      try data.withUnsafeBytes { try dataset.write(from: $0) }
    }
    let dataset = try HDF5File(reading: path).dataset(at: "/a")
    #expect(dataset.type == .number(number))
    #expect(dataset.shape == [10, 3])
    #expect(dataset.description.storage == storage)
    #expect(try dataset.bytes() == data)
    let row = 3 * number.byteCount
    #expect(try dataset.bytes(3..<7) == Array(data[3 * row..<7 * row]))
    #expect(try dataset.bytes(5..<5).isEmpty)
  }

  @Test func rowsAreWrittenWhereTheyBelong() throws {
    let data = bytes(10 * 3)
    let path = try create("rows.h5") { root in
      let dataset = try root.createDataset(
        "a", type: .number(.uint8), shape: [10, 3],
        storage: .chunked(extents: [4, 3], filters: [.deflate(level: 1)]))
      for rows in [6..<10, 0..<1, 1..<6] {
        try data.withUnsafeBytes { buffer in
          let part = buffer[rows.lowerBound * 3..<rows.upperBound * 3]
          try dataset.write(rows, from: UnsafeRawBufferPointer(rebasing: part))
        }
      }
    }
    #expect(try HDF5File(reading: path).dataset(at: "/a").bytes() == data)
  }

  @Test func aBufferOfAnotherSizeIsRefused() throws {
    let path = try create("sizes.h5") { root in
      let dataset = try root.createDataset("a", type: .number(.int32), shape: [4, 2])
      let data = bytes(32)
      try data.withUnsafeBytes { try dataset.write(from: $0) }
      #expect(throws: HDF5Error.self) {
        try data.withUnsafeBytes {
          try dataset.write(from: UnsafeRawBufferPointer(rebasing: $0.prefix(31)))
        }
      }
    }
    let dataset = try HDF5File(reading: path).dataset(at: "/a")
    var short = [UInt8](repeating: 0, count: 31)
    let error = #expect(throws: HDF5Error.self) {
      try short.withUnsafeMutableBytes { try dataset.read(into: $0) }
    }
    #expect(error?.description.contains("take 32 bytes, and the buffer has 31") == true)
    #expect(short.allSatisfy { $0 == 0 })
    #expect(throws: HDF5Error.self) { try dataset.bytes(3..<5) }
  }

  @Test func storedChunksMoveUnchanged() throws {
    let data = bytes(10 * 3 * 4)
    let storage = HDF5DatasetDescription.Storage.chunked(
      extents: [4, 3], filters: [.shuffle, .deflate(level: 6)])
    let path = try create("from.h5") { root in
      let dataset = try root.createDataset(
        "a", type: .number(.float32), shape: [10, 3], storage: storage)
      try data.withUnsafeBytes { try dataset.write(from: $0) }
    }
    let source = try HDF5File(reading: path).dataset(at: "/a")
    let copy = try create("to.h5") { root in
      let dataset = try root.createDataset("a", like: source)
      for row in stride(from: 0, to: 10, by: 4) {
        try dataset.write(try #require(try source.storedChunk(atRow: row)), atRow: row)
      }
    }
    #expect(try HDF5File(reading: copy).dataset(at: "/a").bytes() == data)
    #expect(throws: HDF5Error.self) { try source.storedChunk(atRow: 1) }
    #expect(throws: HDF5Error.self) { try source.storedChunk(atRow: 12) }
  }

  @Test func readsWhatBigEndianMachinesWrote() throws {
    let little = try HDF5File(reading: Fixtures.path("keras/keras3_sequential.h5"))
    let big = try HDF5File(reading: Fixtures.path("keras/keras3_big_endian.h5"))
    var count = 0
    for path in little.paths {
      guard case .dataset(let description) = big.node(at: path) else { continue }
      guard case .number(_, isBigEndian: true) = description.type else { continue }
      #expect(try big.dataset(at: path).bytes() == little.dataset(at: path).bytes(), "\(path)")
      count += 1
    }
    #expect(count > 4)
  }

  @Test func stringsComeBack() throws {
    let texts = ["", "ascii", "Grüße, 世界", String(repeating: "long ", count: 1000)]
    let path = try create("strings.h5") { root in
      try root.createDataset("a", type: .variableString, shape: [4]).write(strings: texts)
      try root.createDataset("one", type: .variableString, shape: []).write(strings: ["x"])
    }
    let file = try HDF5File(reading: path)
    #expect(try file.dataset(at: "/a").strings() == texts)
    #expect(try file.dataset(at: "/a").strings(1..<3) == Array(texts[1..<3]))
    #expect(try file.dataset(at: "/one").strings() == ["x"])
    #expect(throws: HDF5Error.self) { try file.dataset(at: "/a").bytes() }
    var limits = HDF5Limits()
    limits.stringBytes = 4000
    let error = #expect(throws: HDF5Error.self) {
      try HDF5File(reading: path, limits: limits).dataset(at: "/a").strings()
    }
    #expect(error?.description.contains("longer than 4000 bytes") == true)
  }

  @Test func equalCallsMakeEqualBytes() throws {
    func make(_ name: String) throws -> Data {
      let path = try create(name) { root in
        try root.setAttribute("names", to: ["a", "b"])
        let group = try root.createGroup("group")
        try group.setAttribute("text", to: "x")
        let dataset = try group.createDataset(
          "a", type: .number(.uint8), shape: [100],
          storage: .chunked(extents: [32], filters: [.deflate(level: 4)]))
        try bytes(100).withUnsafeBytes { try dataset.write(from: $0) }
        try group.createDataset("s", type: .variableString, shape: [2])
          .write(strings: ["p", "q"])
      }
      return try Data(contentsOf: URL(fileURLWithPath: path))
    }
    let first = try make("1.h5")
    // Object times count seconds.
    Thread.sleep(forTimeInterval: 1.1)
    #expect(try make("2.h5") == first)
  }

  @Test func aNewFileReplacesNothing() throws {
    let path = folder.path("there.h5")
    try Data("old".utf8).write(to: URL(fileURLWithPath: path))
    let error = #expect(throws: HDF5Error.self) { try HDF5File(creating: path) }
    #expect(error?.kind == .cannotCreate)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("old".utf8))
  }

  @Test func objectsOutliveTheirFileHarmlessly() throws {
    let path = folder.path("closed.h5")
    let file = try HDF5File(creating: path)
    let dataset = try file.root.createDataset("a", type: .number(.uint8), shape: [1])
    try file.close()
    try file.close()
    #expect(throws: HDF5Error.self) { try dataset.bytes() }
    #expect(throws: HDF5Error.self) { try file.root }
  }
}
