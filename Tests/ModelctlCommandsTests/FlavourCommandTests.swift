import Checkpoints
import Foundation
import ModelCore
import TestSupport
import Testing

/// The commands on every flavour, and on samples in a file of their own.
@Suite struct FlavourCommandTests {
  private let folder: TemporaryDirectory
  private let whole: String
  private let json: String

  init() throws {
    folder = try TemporaryDirectory()
    whole = folder.path("whole.h5")
    json = folder.path("model.json")
    try SmallCheckpoint().write(to: whole)
    try Data(SmallCheckpoint.json.utf8).write(to: URL(fileURLWithPath: json))
  }

  @discardableResult
  private func run(_ arguments: String..., status: Int32 = 0) throws -> Tool.Result {
    let result = try Tool.run(arguments)
    #expect(result.status == status, "\(arguments): \(result.output) \(result.errors)")
    return result
  }

  private func check(_ document: [String: Any], _ schema: String) throws {
    let violations = try JSONSchema("report/\(schema).schema.json").violations(document)
    #expect(violations.isEmpty, "\(violations)")
  }

  @Test(arguments: [".keras", ".weights.h5"])
  func aModelIsTrainedAskedAndUnlearnedInItsFlavour(_ suffix: String) throws {
    let model = folder.path("in\(suffix)")
    let trained = folder.path("trained\(suffix)")
    let out = folder.path("out\(suffix)")
    let options = suffix == ".keras" ? [] : ["--architecture", json]
    func run(_ arguments: String...) throws -> Tool.Result {
      let result = try Tool.run(arguments + options)
      #expect([0, 1].contains(result.status), "\(arguments): \(result.output) \(result.errors)")
      return result
    }
    #expect(try Tool.run("export", whole, model).status == 0)
    _ = try run("train", model, trained, "--epochs", "30", "--seed", "1")
    let evaluation = try run("evaluate", trained, "--split", "test", "--json").json()
    try check(evaluation, "evaluate-1")
    _ = try run("predict", trained, folder.path("p.npy"), "--split", "test")
    let inspected = try run("inspect", trained)
    #expect(inspected.output.contains("hidden/kernel"))
    let ids = folder.path("ids.txt")
    try Data("1003\n1004\n1017\n".utf8).write(to: URL(fileURLWithPath: ids))
    let unlearned = try run("unlearn", trained, out, "--forget", ids, "--keep", "--json").json()
    try check(unlearned, "unlearn-1")
    let result = try Checkpoint(
      reading: out, architecture: suffix == ".keras" ? nil : SmallCheckpoint.json)
    #expect(result.flavour.fileExtension == suffix)
    #expect(try result.split(named: "train").layout.count == 57)
    #expect(result.provenance.compactMap(\.operation) == ["export", "train", "unlearn"])
  }

  @Test func weightsAloneAskForTheirArchitecture() throws {
    let model = folder.path("in.weights.h5")
    try run("export", whole, model)
    for command in ["evaluate", "train", "unlearn", "predict"] {
      var arguments = [command, model]
      if command == "train" { arguments.append(folder.path("out.weights.h5")) }
      if command == "predict" { arguments += [folder.path("p.npy"), "--split", "test"] }
      if command == "unlearn" {
        arguments += [folder.path("out.weights.h5"), "--forget-class", "ash"]
      }
      let result = try Tool.run(arguments)
      #expect(result.status == 65, "\(command): \(result.output)")
      #expect(result.errors.contains("--architecture model.json"), "\(result.errors)")
    }
  }

  @Test func samplesInAFileOfTheirOwn() throws {
    let (model, data) = (folder.path("model.keras"), folder.path("data.h5"))
    let (out, less) = (folder.path("out.keras"), folder.path("less.h5"))
    try run("export", whole, model, "--weights-only")
    try run("export", whole, folder.path("all.npz"))
    let splits = try Checkpoint(reading: whole)
    var draft = CheckpointDraft(modelConfig: nil)
    draft.classNames = splits.classNames
    draft.splits = try splits.splits.map {
      DraftSplit(
        name: $0.name, role: $0.role, samples: try splits.samples(of: $0),
        identifiers: try splits.identifiers(of: $0))
    }
    try draft.write(to: data)
    let refused = try Tool.run("evaluate", model)
    #expect(refused.status == 65 && refused.errors.contains("--data"))
    let own = try run("evaluate", whole, "--json").json()["splits"] as? NSArray
    let other = try run("evaluate", model, "--data", data, "--json").json()["splits"] as? NSArray
    #expect(own != nil && own == other)
    let ids = folder.path("ids.txt")
    try Data("1003\n1004\n".utf8).write(to: URL(fileURLWithPath: ids))
    let left = try run(
      "unlearn", model, out, "--data", data, "--forget", ids, "--keep",
      status: unlearnStatus(model, data, ids))
    #expect(left.output.contains("still holds these records"), "\(left.output)")
    let both = try Tool.run(
      "unlearn", model, out, "--data", data, "--data-out", less, "--forget", ids, "--keep", "--json"
    )
    let json = try both.json()
    try check(json, "unlearn-1")
    let report = try #require(json["data"] as? [String: Any])
    #expect(report["output"] as? String == less)
    #expect((report["removedRows"] as? [String: Int]) == ["train": 2])
    #expect(try Checkpoint(reading: less).split(named: "train").layout.count == 58)
    #expect(try Checkpoint(reading: data).split(named: "train").layout.count == 60)
    #expect(try Checkpoint(reading: less).provenance.last?.operation == "unlearn")
    let misuse = try Tool.run(
      "unlearn", whole, out, "--data-out", less, "--forget", ids)
    #expect(misuse.status == 64 && misuse.errors.contains("--data"))
  }

  /// Small models may or may not pass the test; either way the text is what is looked at.
  private func unlearnStatus(_ model: String, _ data: String, _ ids: String) throws -> Int32 {
    try Tool.run(
      "unlearn", model, folder.path("x.keras"), "--data", data, "--forget", ids, "--keep"
    ).status
  }

  @Test func arraysGoOutAndComeBack() throws {
    for suffix in ["npz", "safetensors"] {
      let arrays = folder.path("arrays.\(suffix)")
      let back = folder.path("back-\(suffix).h5")
      let exported = try run("export", whole, arrays, "--json").json()
      try check(exported, "export-1")
      let imported = try run("import", arrays, back, "--architecture", json, "--json").json()
      try check(imported, "import-1")
      let (old, new) = (try Checkpoint(reading: whole), try Checkpoint(reading: back))
      #expect(try old.parameters() == new.parameters())
      for split in old.splits {
        let other = try new.split(named: split.name)
        #expect(try old.identifiers(of: split) == new.identifiers(of: other))
        #expect(
          try old.samples(of: split).readTargets(0..<5)
            == new.samples(of: other).readTargets(0..<5))
      }
    }
    try run("export", whole, folder.path("one.npz"), "--split", "test")
    let one = try run("import", folder.path("one.npz"), folder.path("one.h5"), "--json").json()
    try check(one, "import-1")
    #expect(one["model"] == nil)
    #expect(try Checkpoint(reading: folder.path("one.h5")).flavour == .data)
    try run("export", whole, folder.path("m.json"))
    let text = try String(contentsOfFile: folder.path("m.json"), encoding: .utf8)
    #expect(try KerasConfiguration(parsing: text).architecture.name == "small")
    try run("export", whole, folder.path("x.txt"), status: 64)
    try run("export", whole, folder.path("x.h5"), "--split", "test", status: 64)
  }

  @Test func tablesAreImported() throws {
    let rows = [("ash", 1.0), ("birch", 2.0), ("cedar", 3.0), ("ash", 1.5)]
    func write(_ name: String, _ rows: [(String, Double)]) throws -> String {
      let lines = rows.map { "\($0.1),0,1,2,\($0.0)" }
      let path = folder.path(name)
      try Data((["a,b,c,d,kind"] + lines).joined(separator: "\n").utf8)
        .write(to: URL(fileURLWithPath: path))
      return path
    }
    let (train, test) = (try write("train.csv", rows), try write("test.csv", [rows[1]]))
    let out = folder.path("table.h5")
    try run("import", test, train, out, "--architecture", json)
    let checkpoint = try Checkpoint(reading: out)
    #expect(checkpoint.classNames == ["ash", "birch", "cedar"])
    #expect(
      try checkpoint.samples(of: checkpoint.split(named: "train")).readTargets(0..<4)
        == .classes([0, 1, 2, 0]))
    #expect(
      try checkpoint.samples(of: checkpoint.split(named: "test")).readTargets(0..<1)
        == .classes([1]))
    let odd = try write("validation.csv", [("elm", 1)])
    let refused = try Tool.run("import", train, odd, out, "--architecture", json)
    #expect(refused.status == 65 && refused.errors.contains("'elm'"), "\(refused.errors)")
    let batch = folder.path("data_batch_1.bin")
    try Data(count: 3073 * 2).write(to: URL(fileURLWithPath: batch))
    let images = try run("import", batch, folder.path("images.h5"), "--json").json()
    try check(images, "import-1")
    let shape = try Checkpoint(reading: folder.path("images.h5")).splits.first?.layout.sampleShape
    #expect(shape?.dimensions == [32, 32, 3])
  }

  /// They are what a request to forget will name.
  @Test func idsOfATableAreKept() throws {
    let lines = (0..<40).map { "P-\($0),\(Double($0 % 2) - 0.5),0,1,\($0 % 3),\($0 % 2),note" }
    let table = folder.path("people.csv")
    try Data((["person,a,b,c,d,kind,remark"] + lines).joined(separator: "\n").utf8)
      .write(to: URL(fileURLWithPath: table))
    let out = folder.path("people.h5")
    let options = [
      "--label-column", "kind", "--id-column", "person", "--ignore-columns", "remark",
      "--class-names", "no,yes",
    ]
    let refused = try Tool.run("import", table, out, "--label-column", "kind")
    #expect(
      refused.status == 65
        && refused.errors.contains("line 2, column 1 ('person'), found text (are these ids"),
      "\(refused.errors)")
    let unknown = try Tool.run(["import", table, out] + options)
    #expect(unknown.status == 65 && unknown.errors.contains("labels out of 'no', 'yes'"))
    let made = try Tool.run(["import", table, out] + options.dropLast(2))
    #expect(made.status == 0, "\(made.errors)")
    let ids = try run("inspect", out, "--ids", "train").output.split(separator: "\n")
    #expect(ids == (0..<40).map { "P-\($0)" })
  }

  @Test func aFlavourKeepsItsName() throws {
    let result = try Tool.run(
      "train", whole, folder.path("out.keras"), "--epochs", "1")
    #expect(result.status == 73 && result.errors.contains("modelctl export"), "\(result.errors)")
    #expect(try !folder.contents.contains("out.keras"))
  }
}
