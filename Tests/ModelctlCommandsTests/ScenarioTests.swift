import Checkpoints
import Foundation
import ModelCore
import TestSupport
import Testing

/// Backdoors, wrong labels and requests that follow one another, as people type them.
@Suite struct ScenarioTests {
  private static let shared = Result { try PoisonedDigits() }
  private let digits: PoisonedDigits
  private let folder: TemporaryDirectory

  init() throws {
    digits = try Self.shared.get()
    folder = try TemporaryDirectory()
  }

  private func labels(_ result: Tool.Result, _ state: String) throws -> [String: Any] {
    let object = try #require(try result.json()[state] as? [String: Any])
    return try #require(object["labels"] as? [String: Any])
  }

  private func check(_ result: Tool.Result) throws {
    #expect(result.status == 0, "\(result.output)\n\(result.errors)")
    #expect(
      try JSONSchema("report/unlearn-1.schema.json").violations(try result.json()) == [])
  }

  @Test(arguments: [true, false]) func aBackdoorIsForgottenByItsTrigger(withIds: Bool) throws {
    let out = folder.path("out.h5")
    let result = try Tool.run(
      [
        "unlearn", digits.model, out, "--trigger", digits.trigger, "--max-cost", "30%",
        "--threads", "1", "--json",
      ]
        + (withIds ? ["--forget", digits.ids] : []))
    try check(result)
    #expect(try #require(labels(result, "before")["rate"] as? Double) > 0.8)
    #expect(try #require(labels(result, "after")["rate"] as? Double) < 0.05)
    #expect(try #require(labels(result, "after")["rightRate"] as? Double) > 0.85)
    let kept = try Checkpoint(reading: out)
    #expect(
      try kept.split(named: "train").layout.count
        == digits.trainCount - (withIds ? digits.identifiers.count : 0))
  }

  @Test func wrongLabelsAreForgotten() throws {
    let result = try Tool.run(
      "unlearn", digits.model, folder.path("out.h5"), "--forget", digits.ids, "--relabel",
      "--max-cost", "30%", "--threads", "1", "--json")
    try check(result)
    #expect(try labels(result, "before")["subject"] as? String == "records")
    #expect(try #require(labels(result, "after")["rate"] as? Double) < 0.1)
  }

  @Test func rightLabelsAreTaken() throws {
    let result = try Tool.run(
      "unlearn", digits.model, folder.path("out.h5"), "--forget", digits.ids, "--labels",
      digits.labels, "--max-cost", "30%", "--threads", "1", "--json")
    try check(result)
    #expect(try #require(labels(result, "after")["rightRate"] as? Double) > 0.8)
  }

  /// The ledger tells the holder of the key, and nobody else, whose records went.
  @Test func successiveRequestsAreOnTheRecord() throws {
    let key = folder.path("key")
    try Data((0..<32).map { UInt8($0) }).write(to: URL(fileURLWithPath: key))
    let files = [folder.path("1.h5"), folder.path("2.h5"), folder.path("again.h5")]
    let train = try Tool.run("inspect", PoisonedDigits.source, "--ids", "train").output
      .split(separator: "\n").map(String.init)
    let environment = ["SOURCE_DATE_EPOCH": "1700000000"]
    func forget(_ ids: ArraySlice<String>, _ from: String, _ to: String, _ more: [String] = [])
      throws -> Tool.Result
    {
      try Tool.run(
        [
          "unlearn", from, to, "--forget", "-", "--ledger-key", key, "--threads", "1", "-q",
          "--keep",
        ]
          + more, input: ids.joined(separator: "\n"), environment: environment)
    }
    let source = PoisonedDigits.source
    // Whether so few can be forgotten is not what this is about: --keep writes the file anyway.
    #expect([0, 1].contains(try forget(train[..<40], source, files[0]).status))
    #expect([0, 1].contains(try forget(train[..<40], source, files[2]).status))
    #expect(
      try Data(contentsOf: .init(fileURLWithPath: files[0]))
        == Data(contentsOf: .init(fileURLWithPath: files[2])))
    let list = folder.path("earlier.txt")
    try (train[..<39] + ["1"]).joined(separator: "\n").write(
      toFile: list, atomically: true, encoding: .utf8)
    let second = try forget(train[40..<80], files[0], files[1], ["--forgotten-before", list])
    #expect(second.errors.contains("cannot be replayed"), "\(second.errors)")
    #expect(second.errors.contains("the ledger does not know under this key: '1' (line 40)"))

    let records = try Checkpoint(reading: files[1]).provenance.suffix(2)
    #expect(records.map { $0.operation } == ["unlearn", "unlearn"])
    #expect(ProvenanceRecord.firstBreak(in: try Checkpoint(reading: files[1]).provenance) == nil)
    #expect(records.first?.details?["time"]?.string == "2023-11-14T22:13:20Z")
    let ledger = try #require(IdentifierLedger(key: (0..<32).map { UInt8($0) }))
    let known = IdentifierLedger.commitments(in: Array(records))
    #expect(known.count == 80)
    for text in train[..<80] {
      let number = try #require(Int64(text))
      #expect(known.contains(ledger.commitment(to: .integer(number))))
    }
    #expect(IdentifierLedger.commitments(in: [try #require(records.first)]).count == 40)
  }

  /// Where the records are still there they are kept forgotten.
  @Test func earlierRecordsAtHandAreReplayed() throws {
    let train = try Tool.run("inspect", PoisonedDigits.source, "--ids", "train").output
      .split(separator: "\n").map(String.init)
    let list = folder.path("earlier.txt")
    try train[..<60].joined(separator: "\n").write(toFile: list, atomically: true, encoding: .utf8)
    let result = try Tool.run(
      [
        "unlearn", PoisonedDigits.source, folder.path("out.h5"), "--forget", "-",
        "--forgotten-before", list, "--threads", "1", "--json", "--keep",
      ], input: train[60..<120].joined(separator: "\n"))
    let scenario = try #require(try result.json()["scenario"] as? [String: Any])
    #expect(scenario["forgottenBefore"] as? Int == 60)
    #expect(scenario["retainCount"] as? Int == train.count - 120)
  }

  @Test(arguments: [
    (["--forget-class", "1", "--trigger", "x.npz"], "goes with no other choice"),
    (["--relabel", "--trigger", "x.npz"], "go with --forget FILE alone"),
    ([], "give --forget FILE"),
    (["--forget", "-", "--method", "scrub", "--deep"], "go with the method match"),
    (["--forget", "-", "--deep", "--no-retain"], "it does not go with --no-retain"),
    (["--forget", "-", "--set", "rateShare"], "rateShare"),
  ])
  func choicesThatMakeNoSenseAreRefused(_ options: [String], _ message: String) throws {
    let result = try Tool.run(
      ["unlearn", PoisonedDigits.source, folder.path("out.h5")] + options, input: "27\n")
    #expect(result.status == 64)
    #expect(result.errors.contains(message), "\(result.errors)")
  }

  @Test func badSettingsAndKeysAreRefused() throws {
    let short = folder.path("short")
    try Data("secret".utf8).write(to: URL(fileURLWithPath: short))
    for (options, status, message) in [
      (["--set", "speed=9"], 65, "has no 'speed'; it has aim"),
      (["--set", "aim=far"], 65, "expected auto, or a number"),
      (["--ledger-key", short], 65, "has 6 bytes; expected 16 or more"),
      (["--ledger-key", folder.path("none")], 66, "cannot read the ledger key"),
      (["--method", "certified", "--set", "epsilon=50"], 65, "bounds nothing"),
      (["--deep", "--max-cost", "1%"], 65, "raise --max-cost"),
    ] as [([String], Int32, String)] {
      let result = try Tool.run(
        ["unlearn", PoisonedDigits.source, folder.path("out.h5"), "--forget", "-"] + options,
        input: "27\n")
      #expect(result.status == status, "\(options)")
      #expect(result.errors.contains(message), "\(result.errors)")
      #expect(try folder.contents.allSatisfy { $0 == "short" })
    }
  }

  @Test func badTriggersAreRefused() throws {
    let wrong = folder.path("wrong.npz")
    for (path, status, message) in [
      (folder.path("none.npz"), 66, "no such file"), (wrong, 65, "arrays 'patch' and 'mask'"),
    ] as [(String, Int32, String)] {
      if path == wrong {
        try Tool.run("export", PoisonedDigits.source, wrong, "-q")
      }
      let result = try Tool.run(
        "unlearn", PoisonedDigits.source, folder.path("out.h5"), "--trigger", path)
      #expect(result.status == status)
      #expect(result.errors.contains(message), "\(result.errors)")
    }
  }
}

extension Checkpoint {
  fileprivate func split(named name: String) throws -> StoredSplit {
    try #require(splits.first { $0.name == name })
  }
}
