import Checkpoints
import Foundation
import TestSupport
import Testing

/// Two runs on one file end with right answers, or are told to try again.
@Suite struct ConcurrencyTests {
  private let folder: TemporaryDirectory
  private let input: String

  init() throws {
    folder = try TemporaryDirectory()
    input = folder.path("in.h5")
    var small = SmallCheckpoint()
    small.splits = [("train", .train, 2000), ("unseen", .unseen, 200)]
    try small.write(to: input)
  }

  private func train(_ output: String, seed: Int) -> [String] {
    [
      "train", input, output, "--epochs", "1", "--threads", "1", "--seed", "\(seed)", "-q",
      "--in-place",
    ]
  }

  /// What the file says was done to it.
  private func operations(_ path: String) throws -> Int {
    let result = try Tool.run("inspect", path, "--json")
    #expect(result.status == 0, "\(result.errors)")
    return try #require(try result.json()["provenance"] as? [Any]).count
  }

  @Test func aReaderMeetsTheOldFileOrTheNewOne() throws {
    let out = folder.path("out.h5")
    #expect(try Tool.run(train(out, seed: 0)).status == 0)
    let before = try Data(contentsOf: URL(fileURLWithPath: out))
    var writer = try Tool.start(train(out, seed: 1))
    var reads = 0
    for seed in 2..<5 {
      while writer.process.isRunning {
        let result = try Tool.run("inspect", out, "--json")
        #expect(result.status == 0, "\(result.errors)")
        #expect(try result.json()["contentDigest"] is String)
        reads += 1
      }
      #expect(try writer.finish().status == 0)
      writer = try Tool.start(train(out, seed: seed))
    }
    #expect(try writer.finish().status == 0)
    #expect(reads > 3)
    #expect(try Data(contentsOf: URL(fileURLWithPath: out)) != before)
    #expect(try folder.contents == ["in.h5", "out.h5"])
  }

  @Test func twoWritersOfOneFile() throws {
    let out = folder.path("out.h5")
    let alone = try [0, 1].map { seed in
      #expect(try Tool.run(train(out, seed: seed)).status == 0)
      return try Data(contentsOf: URL(fileURLWithPath: out))
    }
    #expect(alone[0] != alone[1])
    for _ in 0..<3 {
      let runs = try [0, 1].map { try Tool.start(train(out, seed: $0)) }
      for run in runs { #expect(try run.finish().status == 0) }
      #expect(alone.contains(try Data(contentsOf: URL(fileURLWithPath: out))))
      #expect(try folder.contents == ["in.h5", "out.h5"])
    }
  }

  /// Of two changes to one file none may get lost: the slower run is told to start over.
  @Test func twoChangesInPlace() throws {
    var refused = 0
    for round in 0..<4 {
      let before = try operations(input)
      let runs = try [2 * round, 2 * round + 1].map { try Tool.start(train(input, seed: $0)) }
      let results = try runs.map { try $0.finish() }
      for result in results where result.status != 0 {
        #expect(result.status == 75, "\(result.errors)")
        #expect(result.errors.contains("another process"), "\(result.errors)")
        refused += 1
      }
      let done = results.count { $0.status == 0 }
      #expect(done >= 1)
      #expect(try operations(input) == before + done)
      #expect(try folder.contents == ["in.h5"])
    }
    #expect(refused > 0, "the runs never met, so this test has shown nothing")
  }

  /// Readers of a file that loses records again and again meet one of its states, whole.
  @Test(arguments: [["inspect", "--json"], ["validate"], ["export"]])
  func readersWhileRecordsAreUnlearnedInPlace(command: [String]) throws {
    let copy = folder.path("copy.h5")
    let reading = [command[0], input] + command.dropFirst() + (command == ["export"] ? [copy] : [])
    var met: [String] = []
    var busy = 0
    for round in 0..<3 {
      let list = folder.path("ids.txt")
      try "\(1000 + round)\n\(1500 + round)\n".write(
        toFile: list, atomically: true, encoding: .utf8)
      let writer = try Tool.start([
        "unlearn", input, "--in-place", "--forget", list, "--keep", "--threads", "1", "-q",
      ])
      while writer.process.isRunning {
        let result = try Tool.run(reading)
        #expect([0, 75].contains(result.status), "\(result.status) \(result.errors)")
        if result.status == 75 { busy += 1 } else { met += try contentDigest(result, copy) }
      }
      let end = try writer.finish()
      #expect([0, 1].contains(end.status), "\(end.errors)")
    }
    let states = Set(
      try Checkpoint(reading: input).provenance.flatMap { [$0.contentBefore, $0.contentAfter] })
    #expect(try Checkpoint(reading: input).provenance.count == 3)
    #expect(met.allSatisfy { states.contains($0) })
    #expect(busy < met.count + 3, "hardly a reader got through")
    #expect(try Set(folder.contents).isSubset(of: ["in.h5", "ids.txt", "copy.h5"]))
  }

  /// The state of the file that a reader met, as far as it tells.
  private func contentDigest(_ result: Tool.Result, _ copy: String) throws -> [String] {
    if result.output.hasPrefix("{") { return [try result.json()["contentDigest"] as? String ?? ""] }
    guard result.output.contains("copy.h5") else { return [] }
    let record = try Checkpoint(reading: copy).provenance.last
    #expect(record?.operation == "export" && record?.contentBefore == record?.contentAfter)
    return [record?.contentBefore ?? ""]
  }
}
