import Checkpoints
import Foundation
import ModelCore
import TestSupport
import Testing

/// The commands one after another, on the sample that is shipped.
@Suite struct PipelineTests {
  private let folder: TemporaryDirectory
  private let sample = JSONSchema.folder.deletingLastPathComponent()
    .appendingPathComponent("samples")

  init() throws { folder = try TemporaryDirectory() }

  private var digits: String { sample.appendingPathComponent("digits.h5").path }
  private var forget: String { sample.appendingPathComponent("forget.txt").path }

  private func violations(_ result: Tool.Result, _ schema: String) throws -> [String] {
    try JSONSchema("report/\(schema)-1.schema.json").violations(try result.json())
  }

  @Test func theDemoHolds() throws {
    let out = folder.path("out.h5")
    let result = try Tool.run("unlearn", digits, out, "--forget", forget, "--json")
    #expect(result.status == 0, "\(result.output) \(result.errors)")
    #expect(try violations(result, "unlearn") == [])
    let verdict = try #require(try result.json()["verdict"] as? [String: Any])
    #expect(verdict["outcome"] as? String == "matched")
    let ids = Set(
      try String(contentsOfFile: forget, encoding: .utf8).split(separator: "\n")
        .filter { !$0.hasPrefix("#") }.map(String.init))
    let left = try Tool.run("inspect", out, "--ids", "train").output.split(separator: "\n")
    #expect(!left.isEmpty && left.allSatisfy { !ids.contains(String($0)) })
    #expect(try folder.contents == ["out.h5"])
  }

  @Test func theSameRequestMakesTheSameBytes() throws {
    let files = [folder.path("a.h5"), folder.path("b.h5")]
    for file in files {
      let result = try Tool.run("unlearn", digits, file, "--forget", forget, "--threads", "1", "-q")
      #expect(result.status == 0)
    }
    let bytes = try files.map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
    #expect(bytes[0] == bytes[1])
  }

  @Test func whenTheAnswerIsNoNothingIsWritten() throws {
    let out = folder.path("out.h5")
    // No test of a single record has power, so asking for one makes the answer no.
    let one = try Tool.run("inspect", digits, "--ids", "train").output.prefix { $0 != "\n" }
    let arguments = ["unlearn", digits, out, "--forget", "-", "--require-power"]
    let result = try Tool.run(arguments + ["--json"], input: String(one))
    #expect(result.status == 1)
    #expect(try violations(result, "unlearn") == [])
    #expect(try folder.contents == [])
    let kept = try Tool.run(arguments + ["--keep", "-q"], input: String(one))
    #expect(kept.status == 1)
    #expect(try folder.contents == ["out.h5"])
  }

  @Test func aClassIsForgottenWhole() throws {
    let out = folder.path("out.h5")
    let result = try Tool.run("unlearn", digits, out, "--forget-class", "3", "--json")
    #expect(result.status == 0, "\(result.output) \(result.errors)")
    let inspect = try Tool.run("inspect", out, "--json").json()
    for split in try #require(inspect["splits"] as? [[String: Any]]) {
      let classes = try #require(split["classes"] as? [String: Int])
      #expect(classes["3"] == 0)
    }
  }

  @Test func aDryRunWritesNothing() throws {
    let result = try Tool.run(
      "unlearn", digits, folder.path("out.h5"), "--forget", forget, "--dry-run", "--json")
    #expect(result.status == 0)
    #expect(try violations(result, "unlearn-plan") == [])
    #expect(try folder.contents == [])
  }

  @Test func everyResultFitsItsSchema() throws {
    let fresh = folder.path("fresh.h5")
    let imported = try Tool.run(
      "import", sample.appendingPathComponent("optdigits.npz").path, fresh, "--architecture",
      JSONSchema.folder.deletingLastPathComponent()
        .appendingPathComponent("tools/benchmarks/networks/digits-cnn.json").path,
      "--scale", "1/16", "--test", "1797", "--unseen", "3000", "--validation", "5%", "--json")
    #expect(imported.status == 0, "\(imported.errors)")
    #expect(try violations(imported, "import") == [])
    let trained = try Tool.run(
      "train", fresh, folder.path("trained.h5"), "--epochs", "2", "--batch", "32", "--json")
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(try violations(trained, "train") == [])
    let inspected = try Tool.run("inspect", folder.path("trained.h5"), "--json")
    #expect(try violations(inspected, "inspect") == [])
    let evaluated = try Tool.run("evaluate", folder.path("trained.h5"), "--json")
    #expect(try violations(evaluated, "evaluate") == [])
    let predicted = try Tool.run(
      "predict", folder.path("trained.h5"), folder.path("p.npy"), "--split", "test", "--json")
    #expect(try violations(predicted, "predict") == [])
    #expect(try predicted.json()["shape"] as? [Int] == [1797, 10])
    let exported = try Tool.run(
      "export", folder.path("trained.h5"), folder.path("all.npz"), "--json")
    #expect(try violations(exported, "export") == [])
  }

  @Test func whatIsExportedComesBackBitForBit() throws {
    let archive = folder.path("digits.npz")
    #expect(try Tool.run("export", digits, archive, "-q").status == 0)
    let again = folder.path("again.h5")
    let result = try Tool.run(
      "import", archive, again, "--architecture",
      JSONSchema.folder.deletingLastPathComponent()
        .appendingPathComponent("tools/benchmarks/networks/digits-cnn.json").path,
      "--scale", "1/16", "-q")
    #expect(result.status == 0, "\(result.errors)")
    let (first, second) = (try Checkpoint(reading: digits), try Checkpoint(reading: again))
    #expect(try first.parameters() == second.parameters())
    for (old, new) in zip(first.splits, second.splits) {
      #expect(old.name == new.name && old.layout.count == new.layout.count)
      #expect(try first.identifiers(of: old) == second.identifiers(of: new))
    }
    let evaluations = try [digits, again].map { try Tool.run("evaluate", $0).output }
    #expect(evaluations[0] == evaluations[1])
  }
}
