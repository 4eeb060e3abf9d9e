import Checkpoints
import Foundation
import TestSupport
import Testing

/// A run that is ended from outside leaves the old file or the new one, never half a file.
@Suite struct InterruptionTests {
  private let folder: TemporaryDirectory
  private let input: String

  init() throws {
    folder = try TemporaryDirectory()
    input = folder.path("in.h5")
    var small = SmallCheckpoint()
    small.splits = [("train", .train, 6000), ("unseen", .unseen, 200)]
    try small.write(to: input)
  }

  @Test(arguments: [(SIGINT, 130), (SIGTERM, 143)] as [(Int32, Int32)])
  func aSignalEndsTheRunCleanly(signal: Int32, status: Int32) throws {
    let out = folder.path("out.h5")
    try Data("old".utf8).write(to: URL(fileURLWithPath: out))
    let running = try Tool.start(["train", input, out, "--epochs", "100000"])
    Thread.sleep(forTimeInterval: 1)
    kill(running.process.processIdentifier, signal)
    let result = try running.finish()
    #expect(result.status == status, "\(result.errors)")
    #expect(result.errors.contains("interrupted"))
    #expect(try Data(contentsOf: URL(fileURLWithPath: out)) == Data("old".utf8))
    #expect(try folder.contents == ["in.h5", "out.h5"])
  }

  /// Killed at many moments of a whole run, the write among them.
  @Test(arguments: [20, 60, 100, 140, 180, 220, 260, 300, 350, 400])
  func aKillLeavesTheOldFileOrTheNewOne(milliseconds: Int) throws {
    let out = folder.path("out.h5")
    try FileManager.default.copyItem(atPath: input, toPath: out)
    let before = try Data(contentsOf: URL(fileURLWithPath: out))
    let arguments = ["train", input, out, "--epochs", "1", "--threads", "1", "-q"]
    let running = try Tool.start(arguments)
    Thread.sleep(forTimeInterval: Double(milliseconds) / 1000)
    kill(running.process.processIdentifier, SIGKILL)
    _ = try running.finish()
    let after = try Data(contentsOf: URL(fileURLWithPath: out))
    if after != before {
      #expect(try Tool.run("inspect", out).status == 0)
    }
    // The next run of the same job clears what the killed one left, and comes through.
    #expect(try Tool.run(arguments).status == 0)
    #expect(try folder.contents == ["in.h5", "out.h5"])
  }
}
