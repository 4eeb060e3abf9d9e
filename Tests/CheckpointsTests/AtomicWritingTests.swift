import Checkpoints
import Foundation
import ModelCore
import TestSupport
import Testing

#if os(Linux)
  private let fileSizeResource = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
#else
  private let fileSizeResource = RLIMIT_FSIZE
#endif

@Suite struct AtomicWritingTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private struct Interruption: Error {}

  private func source() throws -> Checkpoint {
    let path = folder.path("in.h5")
    try SmallModel.draft().write(to: path)
    return try Checkpoint(reading: path)
  }

  /// Wherever the work stops, the old file is there and nothing else is.
  @Test func anInterruptionLeavesTheOldFile() throws {
    let source = try source()
    let target = folder.path("out.h5")
    try Data("old".utf8).write(to: URL(fileURLWithPath: target))
    var changes = CheckpointChanges()
    changes.removedRows = ["train": [1]]
    var steps = 0
    while true {
      var left = steps
      let options = WriteOptions(checkInterruption: {
        guard left > 0 else { throw Interruption() }
        left -= 1
      })
      do {
        try source.rewrite(changes, to: target, options: options)
        break
      } catch is Interruption {
        #expect(try fileBytes(target) == Data("old".utf8))
        #expect(try folder.contents == ["in.h5", "out.h5"])
        steps += 1
      }
    }
    #expect(steps > 10)
    #expect(try SmallModel.rows(Checkpoint(reading: target), "train").count == 19)
    #expect(try folder.contents == ["in.h5", "out.h5"])
  }

  @Test func aCheckpointCanTakeItsOwnPlace() throws {
    let source = try source()
    var changes = CheckpointChanges()
    changes.removedRows = ["train": [0, 1]]
    try source.rewrite(changes, to: source.path)
    let rows = try SmallModel.rows(Checkpoint(reading: source.path), "train")
    #expect(rows == [18, 19] + Array(2..<18))
    // The one that is open still sees what it opened.
    #expect(try SmallModel.rows(source, "train") == Array(0..<20))
  }

  @Test func permissionsAndLinksAreKept() throws {
    let source = try source()
    let real = folder.path("real.h5")
    try Data("old".utf8).write(to: URL(fileURLWithPath: real))
    try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: real)
    let link = folder.path("link.h5")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: real)
    try source.rewrite(CheckpointChanges(), to: link)
    let attributes = try FileManager.default.attributesOfItem(atPath: real)
    #expect(attributes[.posixPermissions] as? Int == 0o640)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == real)
    _ = try Checkpoint(reading: real)
  }

  @Test func nothingIsReplacedAgainstOnesWill() throws {
    let source = try source()
    let target = folder.path("out.h5")
    try Data("old".utf8).write(to: URL(fileURLWithPath: target))
    let options = WriteOptions(replacesExisting: false)
    let error = #expect(throws: CheckpointError.self) {
      try source.rewrite(CheckpointChanges(), to: target, options: options)
    }
    #expect(error?.kind == .cannotCreate && error?.kind.exitCode == 73)
    #expect(try fileBytes(target) == Data("old".utf8))
    try source.rewrite(CheckpointChanges(), to: folder.path("new.h5"), options: options)
    #expect(try folder.contents == ["in.h5", "new.h5", "out.h5"])
  }

  @Test(arguments: ["absent/out.h5", "folder", ""])
  func placesWhereNoFileCanBe(_ name: String) throws {
    let source = try source()
    try FileManager.default.createDirectory(
      atPath: folder.path("folder"), withIntermediateDirectories: true)
    let path = name.isEmpty ? "" : folder.path(name)
    let error = #expect(throws: CheckpointError.self) {
      try source.rewrite(CheckpointChanges(), to: path)
    }
    #expect(error?.kind == .cannotCreate, "\(String(describing: error))")
  }

  /// The library gives up on a file that it cannot write, and must not take the process with it,
  /// now or at its exit.
  @Test func aFullDiskEndsInAnError() async throws {
    let source = Fixtures.path("networks/batchnorm/keras3.h5")
    let target = folder.path("out.h5")
    try Data("old".utf8).write(to: URL(fileURLWithPath: target))
    await #expect(processExitsWith: .success) {
      [source = source as String, target = target as String] in
      signal(SIGXFSZ, SIG_IGN)
      let checkpoint = try Checkpoint(reading: source)
      let whole = try checkpoint.rewrite(CheckpointChanges(), to: target + ".whole").byteCount
      for bytes in stride(from: 1024, to: whole, by: 3000) {
        var limit = rlimit()
        try #require(getrlimit(fileSizeResource, &limit) == 0)
        limit.rlim_cur = rlim_t(bytes)
        try #require(setrlimit(fileSizeResource, &limit) == 0)
        let error = #expect(throws: CheckpointError.self) {
          try checkpoint.rewrite(CheckpointChanges(), to: target)
        }
        #expect(error?.kind == .io)
        let message = error?.description ?? ""
        #expect(message.contains("File too large"), "\(message)")
      }
    }
    #expect(try fileBytes(target) == Data("old".utf8))
    #expect(try folder.contents == ["out.h5", "out.h5.whole"])
  }

  @Test func leftoversOfKilledRunsGo() throws {
    let source = try source()
    // A process that has ended: its number is free until the system has used all others.
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/true")
    try process.run()
    process.waitUntilExit()
    let killed = ".out.h5.\(process.processIdentifier)-1.tmp"
    // The ZIP library writes beside the file that it is given.
    let stale = [killed, killed + ".a1B2c3"]
    let others = [".out.h5.\(getpid())-999999.tmp", ".other.h5.\(process.processIdentifier)-1.tmp"]
    for name in stale + others {
      try Data("half".utf8).write(to: URL(fileURLWithPath: folder.path(name)))
    }
    try source.rewrite(CheckpointChanges(), to: folder.path("out.h5"))
    #expect(try Set(folder.contents) == Set(others + ["in.h5", "out.h5"]))
  }
}
