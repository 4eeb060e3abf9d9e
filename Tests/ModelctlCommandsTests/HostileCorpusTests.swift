import Checkpoints
import Foundation
import ModelCore
import TestSupport
import Testing

/// Every way of breaking a file ends in a documented status and a sentence.
///
/// This is a sample; `tools/hostile/run` goes through all of it.
@Suite struct HostileCorpusTests {
  /// Each of them takes the reader's whole time, so one is enough, and another suite has it.
  private static let endless: Set = [
    "chunk_tree_neighbour", "group_tree_neighbour", "growing_array_count", "heap_free_list",
    "strings_endless",
  ]

  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  /// Runs a command on a file with these bytes and checks all but the status.
  private func run(_ command: [String], on bytes: Data, _ what: String) throws -> Tool.Result {
    let path = folder.path("in.h5")
    try bytes.write(to: URL(fileURLWithPath: path))
    let start = Date()
    let result = try Tool.run(command + [path])
    #expect(Date().timeIntervalSince(start) < 10, "\(what)")
    // A file that can be read may be found invalid.
    let expected: [Int32] = command.first == "validate" ? [0, 1, 65] : [0, 65]
    #expect(expected.contains(result.status), "\(what): \(result.status) \(result.errors)")
    if result.status == 65 {
      #expect(result.output.isEmpty, "\(what)")
      #expect(result.errors.hasPrefix("modelctl: "), "\(what): \(result.errors)")
      #expect(result.errors.split(separator: "\n").count == 1, "\(what): \(result.errors)")
    }
    #expect(try folder.contents == ["in.h5"], "\(what)")
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes, "\(what)")
    return result
  }

  @Test(arguments: HostileFile.all.filter { !endless.contains($0.name) })
  func aBrokenFile(_ hostile: HostileFile) throws {
    let result = try run(["inspect", "--json"], on: hostile.bytes, hostile.description)
    if !hostile.opens { #expect(result.status == 65, "\(hostile)") }
  }

  @Test func truncationsAtEvery512Bytes() throws {
    let path = folder.path("in.h5")
    try SmallCheckpoint().write(to: path)
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    for size in stride(from: 0, to: whole.count, by: 512) {
      let result = try run(["inspect"], on: whole.prefix(size), "cut at \(size)")
      #expect(result.status == 65, "cut at \(size)")
      let isNamed = ["truncated", "empty", "cut off"].contains(where: result.errors.contains)
      #expect(isNamed, "\(result.errors)")
    }
  }

  @Test func changedBytesAnywhere() throws {
    let path = folder.path("in.h5")
    try SmallCheckpoint().write(to: path)
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    for seed in 0..<30 as Range<UInt64> {
      let (bytes, places) = HostileFile.change(whole, seed: seed)
      _ = try run(["inspect", "--json"], on: bytes, "seed \(seed), bytes at \(places)")
      _ = try run(["read-through"], on: bytes, "seed \(seed), bytes at \(places)")
      _ = try run(["validate", "--json"], on: bytes, "seed \(seed), bytes at \(places)")
    }
  }

  /// Where only a number has changed, the file still opens, and its digest tells.
  @Test func aChangedWeightIsFoundByTheDigest() throws {
    let path = folder.path("in.h5")
    let marked: Float = 0.123_456
    var small = SmallCheckpoint()
    small.change = { parameters in
      parameters.update { name, values in
        if name == ParameterName(layer: "hidden", role: "bias") { values[3] = marked }
      }
    }
    try small.write(to: path)
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    let pattern = withUnsafeBytes(of: marked.bitPattern.littleEndian) { Data($0) }
    let place = try #require(whole.range(of: pattern))
    let before = try run(["inspect", "--json"], on: whole, "sound")
    let sound = try Checkpoint(reading: path)
    let manifest = try #require(sound.manifest)
    #expect(try sound.computeManifest() == manifest)
    for bit in 0..<8 {
      var changed = whole
      changed[place.lowerBound + bit % 4] ^= 1 << UInt8(bit)
      let result = try run(["inspect", "--json"], on: changed, "bit \(bit)")
      #expect(result.status == 0 && result.output == before.output)
      let found = try Checkpoint(reading: path).computeManifest()
      #expect(found.differences(from: manifest) == ["model_weights/hidden/hidden/bias"])
    }
  }
}
