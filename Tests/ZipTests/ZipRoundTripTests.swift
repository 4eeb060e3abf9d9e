import Foundation
import TestSupport
import Testing
import Zip

@Suite struct ZipRoundTripTests {
  private let folder: TemporaryDirectory
  private let file: String

  init() throws {
    folder = try TemporaryDirectory()
    file = folder.path("a.zip")
  }

  private func content(_ name: String, _ chunks: [[UInt8]]) -> ZipContent {
    ZipContent(
      name: name, byteCount: chunks.reduce(0) { $0 + $1.count }, chunkCount: chunks.count
    ) { chunks[$0] }
  }

  @Test func membersComeBackInOrder() throws {
    let large = [UInt8](repeating: 7, count: 300_000)
    try ZipWriter.write(
      [content("b/two", [[1, 2], [], [3]]), content("a", []), content("é", [large, large])],
      to: file, for: file)
    let archive = try ZipArchive(path: file)
    #expect(archive.members.map(\.name) == ["b/two", "a", "é"])
    #expect(archive.members.map(\.size) == [3, 0, 600_000])
    #expect(archive.members.map(\.isStored) == [true, true, true])
    let streams = archive.members.map { ZipMemberStream($0, of: archive) }
    #expect(try streams[0].bytes(at: 0, count: 10) == [1, 2, 3])
    #expect(try streams[1].bytes(at: 0, count: 10) == [])
    #expect(try streams[2].bytes(at: 299_999, count: 2) == [7, 7])
    #expect(try streams[0].bytes(at: 2, count: 1) == [3])
  }

  @Test func foldersAreMembersToo() throws {
    try ZipWriter.write([content("assets/", []), content("assets/a", [[1]])], to: file, for: file)
    let archive = try ZipArchive(path: file)
    #expect(archive.members.map(\.name) == ["assets/", "assets/a"])
    #expect(archive.members.map(\.size) == [0, 1])
  }

  @Test func equalMembersMakeEqualBytes() throws {
    let other = folder.path("b.zip")
    for path in [file, other] {
      try ZipWriter.write([content("x", [[1, 2, 3]])], to: path, for: path)
    }
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: file))
        == Data(contentsOf: URL(fileURLWithPath: other)))
  }

  @Test func aStreamIsCopiedWhole() throws {
    let bytes = (0..<2_500_000).map { UInt8(truncatingIfNeeded: $0 / 3) }
    let copied = ZipContent(name: "x", byteCount: bytes.count, copying: MemoryByteStream(bytes))
    try ZipWriter.write([copied], to: file, for: file)
    let archive = try ZipArchive(path: file)
    let stream = ZipMemberStream(try #require(archive.members.first), of: archive)
    #expect(try stream.bytes(at: 0, count: bytes.count + 1) == bytes)
  }

  @Test func aStreamThatEndsEarlyIsAnError() throws {
    let short = ZipContent(name: "x", byteCount: 10, copying: MemoryByteStream([1, 2, 3]))
    #expect(throws: FileError.self) { try ZipWriter.write([short], to: file, for: file) }
  }

  @Test func whatChunksThrowComesOut() throws {
    struct Stop: Error {}
    let failing = ZipContent(name: "x", byteCount: 3, chunkCount: 1) { _ in throw Stop() }
    #expect(throws: Stop.self) { try ZipWriter.write([failing], to: file, for: file) }
  }

  @Test func oneNameTwiceIsRefused() throws {
    // The library refuses to add it, as the reader refuses to read it.
    #expect(throws: FileError.self) {
      try ZipWriter.write([content("x", [[1]]), content("x", [[2]])], to: file, for: file)
    }
  }
}
