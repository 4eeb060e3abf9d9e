import Checkpoints
import Foundation
import TestSupport
import Testing

/// Whatever stops a run while it writes: the documented status, the old file as it was, and
/// nothing left behind after the next run.
@Suite struct CrashSafetyTests {
  private let folder: TemporaryDirectory
  private let input: String
  private let out: String

  init() throws {
    folder = try TemporaryDirectory()
    input = folder.path("in.h5")
    out = folder.path("out.h5")
    var small = SmallCheckpoint()
    small.splits = [("train", .train, 3000), ("unseen", .unseen, 200)]
    try small.write(to: input)
  }

  private var training: [String] {
    ["train", input, out, "--epochs", "1", "--threads", "1", "-q"]
  }

  private func bytes(_ path: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: path))
  }

  /// Runs the tool under a limit of the shell's.
  private func run(_ limit: String, _ arguments: [String]) throws -> Tool.Result {
    try Tool.start(
      ["-c", "\(limit); exec \"$0\" \"$@\"", Tool.executable.path] + arguments,
      program: URL(fileURLWithPath: "/bin/sh")
    ).finish()
  }

  /// The writer is killed while its file is there under another name.
  @Test(arguments: 0..<8)
  func aKillWhileWriting(attempt: Int) throws {
    try Data("old".utf8).write(to: URL(fileURLWithPath: out))
    let running = try Tool.start(training)
    while running.process.isRunning, try folder.contents.count < 3 { usleep(200) }
    usleep(UInt32(attempt * 700))
    kill(running.process.processIdentifier, SIGKILL)
    _ = try running.finish()
    if try bytes(out) != Data("old".utf8) {
      #expect(try Tool.run("inspect", out).status == 0)
    }
    #expect(try Tool.run(training).status == 0)
    #expect(try folder.contents == ["in.h5", "out.h5"])
  }

  /// What a killed export leaves beside its output goes when the next one writes there.
  @Test(arguments: ["out.npz", "out.safetensors", "out.keras", "again.h5"])
  func aKilledExport(name: String) throws {
    var small = SmallCheckpoint()
    small.splits = [("train", .train, 150_000), ("unseen", .unseen, 10)]
    let (source, target) = (folder.path("large.h5"), folder.path(name))
    try small.write(to: source)
    let before = try folder.contents
    var leftovers = 0
    for attempt in 0..<20 where leftovers < 3 {
      try? FileManager.default.removeItem(atPath: target)
      let running = try Tool.start(["export", source, target])
      while running.process.isRunning, try folder.contents.count == before.count { usleep(100) }
      usleep(UInt32(attempt * 300))
      kill(running.process.processIdentifier, SIGKILL)
      _ = try running.finish()
      leftovers += try folder.contents.count { $0.hasSuffix(".tmp") || $0.contains(".tmp.") }
    }
    #expect(leftovers > 0, "no run was killed while it wrote, so this test has shown nothing")
    let result = try Tool.run("export", source, target)
    #expect(result.status == 0, "\(result.errors)")
    #expect(try folder.contents == (before + [name]).sorted())
  }

  /// A limit on the size of files fails the first write beyond it, wherever that is.
  @Test func everySizeThatIsTooSmall() throws {
    try Data("old".utf8).write(to: URL(fileURLWithPath: out))
    #expect(
      try Tool.run("train", input, folder.path("whole.h5"), "--epochs", "1", "-q").status == 0)
    let size = try bytes(folder.path("whole.h5")).count
    for blocks in stride(from: 8, to: size / 512, by: 8) {
      let result = try run("ulimit -f \(blocks)", training)
      #expect(result.status == 74, "\(blocks) blocks: \(result.errors)")
      #expect(result.errors.contains("File too large"), "\(result.errors)")
      #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
      #expect(try bytes(out) == Data("old".utf8))
      #expect(try folder.contents == ["in.h5", "out.h5", "whole.h5"])
    }
  }

  /// A file system of its own that is too small, where the system lets us make one.
  @Test func aFullDisk() throws {
    let disk = folder.path("disk")
    try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
    let mount = ["-t", "tmpfs", "-o", "size=40k", "tmpfs", disk]
    let mounted = try? Tool.start(mount, program: URL(fileURLWithPath: "/bin/mount")).finish()
    guard mounted?.status == 0 else {
      print("skipped: this process may not mount a file system")
      return
    }
    defer { _ = try? Tool.start([disk], program: URL(fileURLWithPath: "/bin/umount")).finish() }
    let target = disk + "/out.h5"
    try Data("old".utf8).write(to: URL(fileURLWithPath: target))
    let result = try Tool.run(["train", input, target, "--epochs", "1", "-q"])
    #expect(result.status == 75, "\(result.errors)")
    #expect(result.errors.contains("No space left"), "\(result.errors)")
    #expect(try bytes(target) == Data("old".utf8))
    #expect(try FileManager.default.contentsOfDirectory(atPath: disk) == ["out.h5"])
  }

  @Test func aResultThatCannotBeWritten() throws {
    guard FileManager.default.fileExists(atPath: "/dev/full") else {
      print("skipped: there is no /dev/full here")
      return
    }
    for command in ["inspect", "evaluate"] {
      let result = try Tool.start(
        ["-c", "\"$0\" \"$@\" > /dev/full", Tool.executable.path, command, input],
        program: URL(fileURLWithPath: "/bin/sh")
      ).finish()
      #expect(result.status == 75, "\(command): \(result.errors)")
      #expect(result.errors.contains("cannot write the result"), "\(result.errors)")
    }
  }

  @Test func aFolderThatIsReadOnly() throws {
    // Root may write where permissions forbid it; a mounted `/sys` takes no files from anybody.
    let place = getuid() == 0 ? "/sys/kernel" : folder.path("closed")
    if getuid() != 0 {
      try FileManager.default.createDirectory(
        atPath: place, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o500])
    }
    guard FileManager.default.fileExists(atPath: place) else {
      print("skipped: no folder here that is read-only for root")
      return
    }
    let result = try Tool.run(["train", input, place + "/out.h5", "--epochs", "1", "-q"])
    #expect(result.status == 73, "\(result.errors)")
  }

  @Test func aFileThatSomebodyIsWriting() throws {
    let descriptor = open(input, O_RDWR)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    try #require(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
    for command in [["inspect", input], ["inspect", "--trusted", input], training] {
      let result = try Tool.run(command)
      #expect(result.status == 75, "\(result.errors)")
      #expect(result.errors.contains("another process"), "\(result.errors)")
    }
    #expect(try folder.contents == ["in.h5"])
  }
}
