import Foundation
import TestSupport
import Testing

/// `audit` and `tune` as a user runs them.
@Suite struct AuditCommandTests {
  private let folder: TemporaryDirectory
  private let file: String
  private let other: String

  init() throws {
    folder = try TemporaryDirectory()
    file = folder.path("file.h5")
    other = folder.path("other.h5")
    try SmallCheckpoint().write(to: folder.path("fresh.h5"))
    // Ten passes more make another model, which has seen the same.
    for (path, epochs) in [(file, "60"), (other, "10")] {
      let trained = try Tool.run(
        "train", folder.path("fresh.h5"), path, "--epochs", epochs, "--batch", "16", "-q")
      #expect(trained.status == 0, "\(trained.errors)")
    }
  }

  private var ids: String {
    (0..<60).filter { $0 % 3 == 1 }.map { "\(1000 + $0)" }.joined(separator: "\n")
  }

  private func audit(_ arguments: String..., input: String? = nil) throws -> Tool.Result {
    try Tool.run(
      ["audit", file, other, "--resamples", "20", "--forget", "-"] + arguments, input: input ?? ids)
  }

  private func violations(_ result: Tool.Result, _ schema: String) throws -> [String] {
    try JSONSchema("report/\(schema)-1.schema.json").violations(try result.json())
  }

  @Test func aResultFitsItsSchema() throws {
    let result = try audit(
      "--json", "--retrained", other, "--retrained", file, "--run", file, "--shadows", "2",
      "--relearn", "--compat", "supreme")
    #expect([0, 1].contains(result.status), "\(result.errors)")
    #expect(try violations(result, "audit") == [])
    let json = try result.json()
    #expect((json["models"] as? [[String: Any]])?.count == 6)
    #expect(json["klom"] != nil && json["perExample"] != nil && json["copied"] != nil)
    #expect((json["remarks"] as? [String])?.contains { $0.contains("still stores 20") } == true)
  }

  @Test func withoutPowerItCannotTellAndSaysSo() throws {
    let arguments = ["audit", file, file, "--forget", "-", "--resamples", "0"]
    let result = try Tool.run(arguments + ["--json"], input: "1001\n")
    #expect(result.status == 1)
    #expect(try violations(result, "audit") == [])
    let verdict = try result.json()["verdict"] as? [String: Any]
    #expect(verdict?["outcome"] as? String == "cannot-tell")
    #expect(try Tool.run(arguments + ["--accept-undecided", "-q"], input: "1001\n").status == 0)
  }

  @Test func shadowModelsAreKeptAndChecked() throws {
    let cache = folder.path("cache")
    let options = ["--shadows", "2", "--shadow-cache", cache, "--json"]
    func run() throws -> (trained: Int?, auc: Double?, errors: String) {
      let result = try Tool.run(
        ["audit", file, other, "--resamples", "0", "--forget", "-"] + options, input: ids)
      let found = try result.json()["perExample"] as? [String: Any]
      let outcome = found?["unlearned"] as? [String: Any]
      return (found?["trained"] as? Int, outcome?["auc"] as? Double, result.errors)
    }
    let first = try run()
    #expect(first.trained == 2)
    let names = try FileManager.default.contentsOfDirectory(atPath: cache).sorted()
    #expect(names.count == 2)
    let second = try run()
    #expect(second.trained == 0 && second.auc == first.auc)
    // Weights that are another model's under the same name are not trusted.
    let one = URL(fileURLWithPath: cache).appendingPathComponent(names[0])
    try FileManager.default.removeItem(at: one)
    try FileManager.default.copyItem(atPath: other, toPath: one.path)
    let third = try run()
    #expect(third.trained == 1 && third.auc == first.auc)
    #expect(third.errors.contains("training it again"))
    // Other records to forget are other training data.
    let fewer = try Tool.run(
      ["audit", file, other, "--resamples", "0", "--forget", "-"] + options,
      input: "1001\n1004\n")
    let found = try fewer.json()["perExample"] as? [String: Any]
    #expect(found?["trained"] as? Int == 2)
  }

  @Test func aPageHoldsItsPicturesAndNothingFromElsewhere() throws {
    let page = folder.path("a.html")
    let report = folder.path("a.json")
    let result = try audit("--html", page, "--report", report, "--json")
    let text = try String(contentsOfFile: page, encoding: .utf8)
    #expect(text.components(separatedBy: "<svg").count == 4)
    #expect(!text.contains("http") && !text.contains("<script") && !text.contains("nan"))
    #expect(try String(contentsOfFile: report, encoding: .utf8) == result.output)
  }

  @Test func aTriggerIsStamped() throws {
    let trigger = folder.path("trigger.npz")
    let missing = try audit("--trigger", trigger)
    #expect(missing.status == 66)
    let wrong = Fixtures.path("numpy/stored.npz")
    let refused = try audit("--trigger", wrong)
    #expect(refused.status == 65 && refused.errors.contains("'patch'"))
  }

  private static let nonsense: [(String, Int32)] = [
    ("--shadows 1", 64), ("--shadow-cache x", 64), ("--compat nobody", 64),
    ("--trigger-class ash", 64), ("--strangers nowhere", 65),
  ]

  @Test(arguments: nonsense)
  func whatMakesNoSenseIsRefused(_ options: String, status: Int32) throws {
    let result = try Tool.run(
      ["audit", file, other, "--forget", "-"] + options.split(separator: " ").map(String.init),
      input: ids)
    #expect(result.status == status, "\(result.errors)")
    #expect(result.output.isEmpty)
  }

  @Test func anotherNetworkIsRefused() throws {
    let sample = JSONSchema.folder.deletingLastPathComponent()
      .appendingPathComponent("samples/digits.h5").path
    let result = try Tool.run(["audit", file, sample, "--forget", "-"], input: ids)
    #expect(result.status == 65 && result.errors.contains("another network"))
    let unknown = try audit(input: "nobody\n")
    #expect(unknown.status == 65 && unknown.errors.contains("does not have"))
  }

  @Test func tuningPrintsTheWinnersOptions() throws {
    let before = try Data(contentsOf: URL(fileURLWithPath: file))
    let result = try Tool.run(
      [
        "tune", file, "--forget", "-", "--method", "finetune", "--max-cost", "20%", "--budget",
        "80%",
        "--json",
      ], input: ids)
    #expect([0, 1].contains(result.status), "\(result.errors)")
    #expect(try violations(result, "tune") == [])
    let json = try result.json()
    let options = try #require(json["options"] as? [String])
    #expect(options.starts(with: ["--method", "finetune"]))
    #expect(try #require(json["cost"] as? Double) <= 1.2)
    #expect((json["trials"] as? [[String: Any]])?.isEmpty == false)
    #expect(result.errors.contains("no validation split"))
    #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == before)
    let text = try Tool.run(
      [
        "tune", file, "--forget", "-", "--method", "finetune", "--max-cost", "20%", "--budget",
        "20%",
      ],
      input: ids)
    #expect(text.output.contains("--method finetune") && text.output.contains("near forgotten"))
  }

  @Test func aBudgetThatPaysForNothingIsRefused() throws {
    let result = try Tool.run(
      ["tune", file, "--forget", "-", "--budget", "1%"], input: ids)
    #expect(result.status == 65 && result.errors.contains("does not pay"))
    let retrain = try Tool.run(["tune", file, "--forget", "-", "--method", "retrain"], input: ids)
    #expect(retrain.status == 65 && retrain.errors.contains("no settings to tune"))
  }
}
