import Checkpoints
import Foundation
import ModelCore
import TestSupport
import Testing

@testable import HDF5

/// Whether every byte of a file is told apart: in use, or not.
@Suite struct StorageMapTests {
  private static func fixtures(_ folder: String) throws -> [String] {
    let url = Fixtures.folder.appendingPathComponent(folder)
    let files = FileManager.default.enumerator(at: url, includingPropertiesForKeys: nil)
    return (files?.compactMap { ($0 as? URL)?.path } ?? []).filter { $0.hasSuffix(".h5") }.sorted()
  }

  private static func map(_ path: String) throws -> StorageMap {
    try HDF5File(reading: path).storageMap()
  }

  /// Files of Keras 2 and 3, of all versions of the library's structures. In one of them a group
  /// was given a name in UTF-8, for which HDF5 made it anew and left the old tree and heap behind.
  @Test(arguments: try fixtures("keras") + fixtures("networks") + fixtures("foreign"))
  func everyByteOfARealFileIsAccountedFor(_ path: String) throws {
    let map = try Self.map(path)
    #expect(map.problems.isEmpty)
    #expect(map.sharedByteCount == 0)
    #expect(map.strings.allAreLive ?? true)
    #expect(map.strings.remnantByteCount == 0)
    let isEdited = path.hasSuffix("keras3_non_ascii.h5")
    #expect(map.unusedByteCountNotZero == (isEdited ? 30 : 0))
    let used = map.extents.reduce(0) { $0 + $1.range.count }
    let unused = map.gaps.reduce(0) { $0 + $1.count }
    #expect(used + unused == map.fileByteCount)
  }

  /// Groups of a few and of thousands of links, in old and new files: trees of several levels.
  @Test(arguments: [1, 9, 40, 3000])
  func groupsOfAnySizeAreFollowed(_ count: Int) throws {
    let folder = try TemporaryDirectory()
    let path = folder.path("many.h5")
    let file = try HDF5File(creating: path)
    let group = try file.root.createGroup("many")
    for index in 0..<count {
      let dataset = try group.createDataset(
        "member \(index)", type: .number(.uint8), shape: [3])
      try [UInt8](repeating: 1, count: 3).withUnsafeBytes { try dataset.write(from: $0) }
      if index < 20 { try group.setAttribute("attribute \(index)", to: "value \(index)") }
    }
    try file.close()
    let map = try Self.map(path)
    #expect(map.problems.isEmpty)
    #expect(map.unusedByteCountNotZero == 0)
    #expect(map.strings.allAreLive == true)
    #expect(map.strings.liveCount == min(count, 20))
  }

  @Test func chunksOfManyRowsAreFollowed() throws {
    let folder = try TemporaryDirectory()
    let path = folder.path("chunks.h5")
    let file = try HDF5File(creating: path)
    let dataset = try file.root.createDataset(
      "x", type: .number(.uint32), shape: [5000, 3],
      storage: .chunked(extents: [2, 3], filters: [.shuffle, .deflate(level: 1)]))
    let values = (0..<15_000).map { UInt32(truncatingIfNeeded: $0 &* 2_654_435_761) }
    try values.withUnsafeBytes { try dataset.write(from: $0) }
    try file.close()
    let map = try Self.map(path)
    #expect(map.problems.isEmpty)
    #expect(map.unusedByteCountNotZero == 0)
    let stored = try HDF5File(reading: path).dataset(at: "/x").description.storedByteCount
    let found = map.extents.filter { $0.use == .data }.reduce(0) { $0 + $1.range.count }
    #expect(found == stored)
    let data = try #require(map.extents.first { $0.use == .data })
    #expect(map.dataOwner(at: data.range.lowerBound) == "/x")
    #expect(map.dataOwner(at: 0) == nil)
  }

  /// The library itself may hang on such bytes, so it gets the sound file; the map gets others.
  @Test func aDamagedStructureIsAProblemAndNoCrash() throws {
    let folder = try TemporaryDirectory()
    let path = folder.path("damaged.h5")
    var random = SeededGenerator(seed: 1, stream: "damage")
    let whole = [UInt8](try Fixtures.data("foreign/parts.h5"))
    let sound = try HDF5File(reading: Fixtures.path("foreign/parts.h5"))
    var problems = 0
    for _ in 0..<200 {
      var bytes = whole
      for _ in 0..<20 {
        let place = Int(random.next() % UInt64(bytes.count))
        bytes[place] = UInt8(truncatingIfNeeded: random.next())
      }
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      guard let mapper = try? StorageMapper(sound, raw: RawFile(path)) else { continue }
      let map = try mapper.run {}
      #expect(map.extents.allSatisfy { $0.range.upperBound <= bytes.count })
      problems += map.problems.count
    }
    #expect(problems > 0)
  }
}
