import Checkpoints
import Foundation
import ModelCore
import TestSupport
import Testing

/// A file that brings the HDF5 library down brings down the process that reads it, and no other.
@Suite struct IsolatedReaderTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private func hostile(_ name: String) throws -> String {
    let path = folder.path("\(name).h5")
    try #require(HostileFile.named(name)).bytes.write(to: URL(fileURLWithPath: path))
    return path
  }

  @Test(arguments: ["fractal_heap_block", "index2_count", "chunk_tree_child"])
  func aCrashIsASentence(_ name: String) throws {
    let path = try hostile(name)
    let result = try Tool.run("inspect", path)
    #expect(result.status == 65, "\(result.errors)")
    #expect(result.output.isEmpty)
    #expect(result.errors.hasPrefix("modelctl: cannot read '\(path)': the reader crashed (SIG"))
    #expect(result.errors.split(separator: "\n").count == 1)
    #expect(result.errors.contains("--trusted"))
    // Proves the probe: nothing but the process around it stands between the file and a crash.
    #expect(try Tool.run("inspect", "--trusted", path).status < 0)
  }

  @Test func aReaderThatGoesOnForeverIsStopped() throws {
    let path = try hostile("strings_endless")
    let start = Date()
    let result = try Tool.run("inspect", path)
    #expect(result.status == 65)
    #expect(result.errors.contains("it takes too long"), "\(result.errors)")
    #expect(Date().timeIntervalSince(start) < 20)
  }

  @Test(arguments: [(SIGINT, 130), (SIGTERM, 143)] as [(Int32, Int32)])
  func aSignalReachesTheReader(signal: Int32, status: Int32) throws {
    let path = try hostile("strings_endless")
    let running = try Tool.start(["inspect", path])
    Thread.sleep(forTimeInterval: 1)
    kill(running.process.processIdentifier, signal)
    let result = try running.finish(within: 10)
    #expect(result.status == status, "\(result.errors)")
    #expect(result.output.isEmpty)
    #if os(Linux)
      for process in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
        let words = try? String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8)
        #expect(words?.contains(path) != true, "process \(process) is still there")
      }
    #endif
  }

  /// Ids are printed as they are read; what was printed before the end is not shown.
  @Test func aResultIsCompleteOrNotThere() throws {
    let path = folder.path("in.h5")
    var small = SmallCheckpoint()
    small.splits = [("train", .train, 6000)]
    small.usesNames = true
    try small.write(to: path)
    let whole = try Tool.run("inspect", path, "--ids", "train")
    #expect(whole.status == 0)
    #expect(whole.output.split(separator: "\n").count == 6000)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    let place = try #require(bytes.range(of: Data("person-5500".utf8)))
    bytes[place.lowerBound] = 0xFF
    try bytes.write(to: URL(fileURLWithPath: path))
    let result = try Tool.run("inspect", path, "--ids", "train")
    #expect(result.status == 65)
    #expect(result.output.isEmpty)
    #expect(result.errors.contains("not UTF-8"))
  }

  @Test func trustChangesNoResult() throws {
    let path = folder.path("in.h5")
    try SmallCheckpoint().write(to: path)
    for arguments in [["inspect", path], ["inspect", path, "--json"]] {
      let isolated = try Tool.run(arguments)
      let trusted = try Tool.run(arguments + ["--trusted"])
      #expect(isolated.status == 0 && trusted.status == 0)
      #expect(isolated.output == trusted.output && !isolated.output.isEmpty)
    }
    #expect(try Tool.run("inspect", folder.path("absent.h5")).status == 66)
    let plain = try Tool.run("evaluate", path, "--json", "--threads", "1")
    let careful = try Tool.run("evaluate", path, "--json", "--threads", "1", "--untrusted")
    #expect(careful.status == 0 && careful.output == plain.output)
  }

  /// It opens, and crashes those who read it: found before any work is done on it.
  @Test func distrustFindsWhatOpeningDoesNot() throws {
    let path = try hostile("strings_absent")
    let before = try folder.contents
    #expect(try Tool.run("inspect", path).status == 0)
    let commands = [
      ["train", path, folder.path("out.h5")], ["evaluate", path],
      ["export", path, folder.path("out.npz")],
      ["predict", path, folder.path("out.npy"), "--split", "test"],
      ["unlearn", path, folder.path("out.h5"), "--forget", "-"],
      ["tune", path, "--forget", "-"], ["audit", path, path, "--forget", "-"],
    ]
    for command in commands {
      let result = try Tool.run(command + ["--untrusted"], input: "1\n")
      #expect(result.status == 65, "\(command): \(result.errors)")
      #expect(result.errors.contains("the reader crashed"), "\(result.errors)")
      #expect(result.errors.contains("without --untrusted"), "\(result.errors)")
      #expect(result.output.isEmpty)
      #expect(try folder.contents == before)
    }
  }

  /// What only the command itself can read, it reads twice: first where a file does no harm.
  @Test func importsAreRehearsed() throws {
    let (table, out) = (folder.path("test.csv"), folder.path("out.h5"))
    let rows = (0..<40).map { "\($0),\($0 % 7),\($0 % 3)\n" }.joined()
    try rows.write(toFile: table, atomically: true, encoding: .utf8)
    let arrays = Fixtures.path("numpy/packed.npy.gz")
    #expect(try Tool.run("import", "train=\(table)", out, "-q").status == 0)
    let plain = try Data(contentsOf: URL(fileURLWithPath: out))
    #expect(try Tool.run("import", "train=\(table)", out, "-q", "--untrusted").status == 0)
    #expect(try Data(contentsOf: URL(fileURLWithPath: out)) == plain)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: arrays))
    bytes[bytes.count / 2] ^= 0x10
    let (damaged, absent) = (folder.path("a.npy.gz"), folder.path("absent.h5"))
    try bytes.write(to: URL(fileURLWithPath: damaged))
    for (input, status) in [(damaged, 65), (folder.path("no.npy.gz"), 66)] as [(String, Int32)] {
      let result = try Tool.run("import", "train/x=\(input)", absent, "--untrusted")
      #expect(result.status == status && result.output.isEmpty, "\(result)")
      #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
      #expect(!FileManager.default.fileExists(atPath: absent))
    }
  }

  /// Not only the model is read: samples of another file, and arrays, are too.
  @Test func allThatIsNamedIsRehearsed() throws {
    let path = folder.path("in.h5")
    try SmallCheckpoint().write(to: path)
    let bad = try hostile("strings_absent")
    let result = try Tool.run("evaluate", path, "--data", bad, "--untrusted")
    #expect(result.status == 65)
    #expect(result.errors.contains("the reader crashed"), "\(result.errors)")
    for peer in ["--retrained", "--run", "--data"] {
      let audit = try Tool.run("audit", path, path, "--forget", "-", peer, bad, "--untrusted")
      #expect(audit.status == 65 && audit.output.isEmpty)
      #expect(audit.errors.contains("the reader crashed"), "\(audit.errors)")
    }
    let arrays = folder.path("x.npz")
    try Data("PK\u{3}\u{4} no archive".utf8).write(to: URL(fileURLWithPath: arrays))
    let predicted = try Tool.run(
      "predict", path, folder.path("out.npy"), "--input", arrays, "--untrusted")
    #expect(predicted.status == 65 && predicted.output.isEmpty)
    #expect(predicted.errors.contains("ZIP archive"), "\(predicted.errors)")
  }

  @Test func distrustLeavesStandardInputAlone() throws {
    let path = folder.path("in.h5")
    try SmallCheckpoint().write(to: path)
    let result = try Tool.run(
      ["unlearn", path, folder.path("out.h5"), "--forget", "-", "--untrusted", "--dry-run"],
      input: "1000\n1001\n")
    #expect(result.status == 0, "\(result.errors)")
  }

  @Test(arguments: ["json_control", "layers_twice"])
  func namesDoNotDriveTerminals(_ name: String) throws {
    let result = try Tool.run("inspect", try hostile(name))
    #expect(result.status == 0)
    #expect(
      !(result.output + result.errors).unicodeScalars.contains {
        $0 == "\u{1B}" || $0 == "\u{202E}"
      })
  }

  /// A single label can speak of two thousand million classes.
  @Test func aLabelOfAbsurdSizeTakesNoMemory() throws {
    let result = try Tool.run("inspect", "--trusted", try hostile("split_wide_label"))
    #expect(result.status == 65)
    #expect(result.errors.contains("at most 1048576 classes"), "\(result.errors)")
  }
}
