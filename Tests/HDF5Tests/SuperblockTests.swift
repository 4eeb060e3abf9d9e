import Foundation
import HDF5
import TestSupport
import Testing

@Suite struct SuperblockTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private func error(_ path: String) -> HDF5Error? {
    #expect(throws: HDF5Error.self) { try HDF5File(reading: path) }
  }

  private func write(_ bytes: some Sequence<UInt8>) throws -> String {
    let path = folder.path("file.h5")
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return path
  }

  @Test func tellsWhatIsNotAFile() throws {
    #expect(error(folder.path("absent.h5"))?.kind == .notFound)
    #expect(error(folder.path("absent/file.h5"))?.kind == .notFound)
    let directory = error(folder.path(""))
    #expect(directory?.kind == .badInput)
    #expect(directory?.description.contains("it is a directory") == true)
  }

  @Test(arguments: [
    ("PK\u{3}\u{4}rest", "it starts with \"PK\\x03\\x04rest\""), ("", "it is empty"),
    ("short", "it starts with \"short\""),
  ])
  func tellsWhatIsNotHDF5(_ text: String, reason: String) throws {
    let found = error(try write(Array(text.utf8)))
    #expect(found?.kind == .badInput)
    #expect(found?.description.contains(reason) == true, "\(String(describing: found))")
  }

  @Test(arguments: ["networks/mlp/keras3.h5", "keras/keras3_libver_latest.h5"])
  func tellsHowMuchIsMissing(_ name: String) throws {
    let whole = try Fixtures.data(name)
    for count in stride(from: 1, to: whole.count, by: max(1, whole.count / 97)) {
      let found = try #require(error(try write(whole.prefix(count))))
      #expect(found.kind == .badInput)
      guard count >= 96 else { continue }
      #expect(found.description.contains("truncated: \(count) of \(whole.count) bytes"))
    }
  }

  /// Whatever a flipped byte does, it must not bring the process down or open other files.
  @Test func survivesDamageToTheMetadata() throws {
    let whole = try Fixtures.data("networks/mlp/keras3.h5")
    for offset in stride(from: 8, to: 2048, by: 41) {
      var damaged = whole
      damaged[offset] ^= 0xFF
      let path = try write(damaged)
      do {
        let file = try HDF5File(reading: path)
        for object in file.paths { _ = file.node(at: object) }
      } catch { #expect(error is HDF5Error) }
    }
  }

  @Test func readsBehindAUserBlock() throws {
    let path = Fixtures.path("keras/keras3_big_endian.h5")
    let first = try #require(try Fixtures.data("keras/keras3_big_endian.h5").first)
    #expect(first != 0x89)
    #expect(try HDF5File(reading: path).root.hasAttribute("model_config"))
  }

  @Test func anotherWriterIsNoDamage() throws {
    let path = try write(try Fixtures.data("networks/mlp/keras3.h5"))
    let descriptor = open(path, O_RDWR)
    defer { close(descriptor) }
    try #require(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
    let found = error(path)
    #expect(found?.kind == .locked)
    #expect(found?.description.contains("another process") == true)
    flock(descriptor, LOCK_UN)
    _ = try HDF5File(reading: path)
  }
}
