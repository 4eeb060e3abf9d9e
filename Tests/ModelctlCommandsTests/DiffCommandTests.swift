import Checkpoints
import Foundation
import ModelCore
import TestSupport
import Testing
import Zip

/// `modelctl diff` as an interface.
@Suite struct DiffCommandTests {
  private let folder: TemporaryDirectory
  private let samples = JSONSchema.folder.deletingLastPathComponent()
    .appendingPathComponent("samples")

  init() throws { folder = try TemporaryDirectory() }

  private var digits: String { samples.appendingPathComponent("digits.h5").path }

  private func small(_ name: String, _ change: (inout SmallCheckpoint) -> Void = { _ in }) throws
    -> String
  {
    var small = SmallCheckpoint()
    change(&small)
    let path = folder.path(name)
    try small.write(to: path)
    return path
  }

  /// Runs with `--json`, checks the status and the schema, and returns the report.
  private func diff(
    _ status: Int32, _ arguments: String..., at location: SourceLocation = #_sourceLocation
  ) throws -> JSONValue {
    let result = try Tool.run(["diff"] + arguments + ["--json"])
    #expect(result.status == status, "\(result.errors)\(result.output)", sourceLocation: location)
    let violations = try JSONSchema("report/diff-1.schema.json").violations(try result.json())
    #expect(violations == [], sourceLocation: location)
    let report = try JSONValue(parsing: result.output)
    #expect(report["same"]?.boolean == (status == 0), sourceLocation: location)
    return report
  }

  private func tensor(_ report: JSONValue, _ name: String) throws -> JSONValue {
    try #require(report["tensors"]?.array?.first { $0["name"]?.string == name })
  }

  // MARK: The same

  @Test(arguments: [
    "keras3_sequential", "keras3_nested", "keras3_attention", "keras3_mixed_bfloat16",
    "keras3_non_ascii", "tfkeras_functional", "tfkeras_lstm", "tfkeras_weights_only",
    "keras2_list_config", "keras3_sequential.weights",
  ])
  func aFileIsTheSameAsItself(_ name: String) throws {
    let path = Fixtures.path("keras/\(name).h5")
    let report = try diff(0, path, path)
    #expect(report["totals"]?["changed"]?.integer == 0)
    #expect((report["totals"]?["same"]?.integer ?? 0) > 0)
  }

  @Test(arguments: [
    "big_endian", "gzip_shuffle", "libver_latest", "fixed_strings", "variable_strings",
    "split_names",
  ])
  func storageIsNoDifference(_ name: String) throws {
    // The file with split names has a list of names that would not fit one attribute.
    let other = Fixtures.path("keras/keras3_\(name).h5")
    let first = name == "split_names" ? other : Fixtures.path("keras/keras3_sequential.h5")
    _ = try diff(0, first, other)
  }

  @Test(arguments: [
    "keras/keras3_sequential.h5", "keras/tfkeras_functional.h5", "keras/tfkeras_lstm.h5",
    "keras/keras3_mixed_bfloat16.h5", "keras/keras3_float16.h5",
  ])
  func aModelIsTheSameAsItsExport(_ name: String) throws {
    let archive = folder.path("export.npz")
    #expect(try Tool.run("export", Fixtures.path(name), archive).status == 0)
    let report = try diff(0, Fixtures.path(name), archive)
    #expect(report["notCompared"]?.array?.isEmpty == false)
    _ = try diff(0, archive, Fixtures.path(name))
  }

  /// The export has a record of its own, which is told and is no difference unless asked for.
  @Test(arguments: ["h5", "keras", "weights.h5"])
  func aCheckpointIsTheSameAsItsExportInAnyFlavour(_ flavour: String) throws {
    let (export, back) = (folder.path("export.\(flavour)"), folder.path("back.h5"))
    #expect(try Tool.run("export", digits, export).status == 0)
    for pair in [(digits, export), (export, digits)] {
      let report = try diff(0, pair.0, pair.1)
      #expect(report["totals"]?["same"]?.integer == 8)
    }
    // A file of weights alone needs its architecture again.
    guard flavour != "weights.h5" else { return }
    #expect(try Tool.run("export", export, back).status == 0)
    let report = try diff(0, digits, back)
    #expect(report["provenance"]?["isContinued"]?.boolean == true)
    let text = try Tool.run("diff", digits, back)
    #expect(text.output.contains("one goes on where the other ends"))
    _ = try diff(1, digits, back, "--provenance")
    _ = try diff(0, digits, back, "--provenance", "--ignore", "provenance")
  }

  @Test func anotherHistoryIsADifference() throws {
    let (direct, archive) = (folder.path("direct.h5"), folder.path("archive.keras"))
    let detour = folder.path("detour.h5")
    for (source, target) in [(digits, direct), (digits, archive), (archive, detour)] {
      #expect(try Tool.run("export", source, target).status == 0)
    }
    let report = try diff(1, direct, detour)
    #expect(report["provenance"]?["isContinued"]?.boolean == false)
    _ = try diff(0, direct, detour, "--ignore", "provenance")
  }

  @Test func aCheckpointWithSamplesIsTheSameAsItsExport() throws {
    let archive = folder.path("export.npz")
    #expect(try Tool.run("export", digits, archive).status == 0)
    let report = try diff(0, digits, archive)
    #expect(report["splits"]?.array?.count == 4)
    #expect(report["splits"]?.array?.allSatisfy { $0["isSame"]?.boolean == true } == true)
  }

  @Test(arguments: ["lenet", "batchnorm", "functional_branches", "residual"])
  func keras2AndKeras3AreOneModel(_ name: String) throws {
    let paths = ["keras2", "keras3"].map { Fixtures.path("networks/\(name)/\($0).h5") }
    let report = try diff(0, paths[0], paths[1], "--ignore", "optimizer_weights/*")
    #expect(report["layers"]?.array?.isEmpty == true)
    #expect((report["totals"]?["same"]?.integer ?? 0) > 3)
  }

  @Test(arguments: ["keras", "weights.h5"], ["plain", "deep"])
  func aModelIsTheSameInEveryFlavour(_ flavour: String, name: String) throws {
    let archive = Fixtures.path("flavours/\(name).keras")
    let report = try diff(0, archive, Fixtures.path("flavours/\(name).\(flavour)"))
    #expect((report["totals"]?["same"]?.integer ?? 0) > 3)
    #expect(report["totals"]?["renamed"]?.integer == 0)
  }

  /// What Keras 2 and Keras 3 call by two names, and names that are one path for two layers.
  @Test(arguments: ["tfkeras_depthwise", "depthwise", "tfkeras_slashed"])
  func namesOfAFlavourAreNoDifference(_ name: String) throws {
    let archive = Fixtures.path("flavours/\(name).keras")
    let json = folder.path("model.json")
    #expect(try Tool.run("export", archive, json).status == 0)
    for flavour in ["h5", "weights.h5"] {
      let export = folder.path("export.\(flavour)")
      #expect(try Tool.run("export", archive, export).status == 0)
      let options = flavour == "h5" ? [] : ["--architecture", json]
      for pair in [[archive, export], [export, archive]] {
        let result = try Tool.run(["diff"] + pair + options)
        #expect(result.status == 0, "\(result.output)\(result.errors)")
      }
    }
    guard name != "tfkeras_slashed" else { return }
    let whole = Fixtures.path("flavours/\(name).h5")
    let report = try diff(0, whole, archive)
    #expect(report["totals"]?["same"]?.integer == 8)
    #expect(report["totals"]?["renamed"]?.integer == 0)
    for (model, other) in [(whole, archive), (archive, whole)] {
      let arrays = folder.path("arrays.npz")
      #expect(try Tool.run("export", model, arrays).status == 0)
      _ = try diff(0, model, arrays)
      _ = try diff(0, arrays, other)
    }
  }

  /// Two models inside a model of its own class may have one name; their places in the file differ.
  @Test func namesThatOccurTwiceAreToldApartByTheirPlaces() throws {
    let weights = Fixtures.path("flavours/again.weights.h5")
    let report = try diff(0, weights, weights)
    #expect(report["totals"]?["same"]?.integer == 8)
  }

  @Test func aVocabularyIsPartOfTheModel() throws {
    let archive = Fixtures.path("flavours/words.keras")
    let (other, weights) = (folder.path("other.keras"), folder.path("words.weights.h5"))
    let source = try ZipArchive(path: archive)
    let members = source.members.map { member in
      let isVocabulary = member.name.hasSuffix("/vocabulary.txt")
      return ZipContent(
        name: member.name, byteCount: isVocabulary ? 3 : member.size, chunkCount: 1
      ) { _ in
        guard !isVocabulary else { return Array("dog".utf8) }
        return try ZipMemberStream(member, of: source).bytes(at: 0, count: member.size)
      }
    }
    try ZipWriter.write(members, to: other, for: other)
    _ = try diff(0, archive, archive)
    let report = try diff(1, archive, other)
    #expect(report["settings"]?.array?.compactMap { $0["name"]?.string } == ["assets"])
    _ = try diff(0, archive, other, "--ignore", "assets")
    let exported = try Tool.run("export", archive, weights)
    #expect(exported.status == 0 && exported.errors.contains("stays behind"), "\(exported.errors)")
    let parts = try diff(0, archive, weights)["notCompared"]?.array?.compactMap {
      $0["part"]?.string
    }
    #expect(parts?.contains("assets") == true)
    let refused = try Tool.run("export", archive, folder.path("words.h5"))
    #expect(
      refused.status == 65 && refused.errors.contains("which an .h5 has no place for"),
      "\(refused.errors)")
  }

  @Test func aKernelIsNotAnotherLayersKernel() throws {
    let archive = Fixtures.path("flavours/tfkeras_slashed.keras")
    let (json, swapped) = (folder.path("model.json"), folder.path("swapped.json"))
    #expect(try Tool.run("export", archive, json).status == 0)
    let text = try String(contentsOfFile: json, encoding: .utf8)
    // The layer inside and the one outside of it change their names, and keep their weights.
    try text.replacing(#""name": "b""#, with: #""name": "c""#).write(
      toFile: swapped, atomically: true, encoding: .utf8)
    let weights = Fixtures.path("flavours/tfkeras_slashed.weights.h5")
    _ = try diff(0, weights, archive, "--architecture", json)
    let report = try diff(1, weights, archive, "--architecture", swapped)
    #expect(report["totals"]?["renamed"]?.integer == 2)
  }

  /// Keras 2 numbers the layers of a `.weights.h5`; only an architecture has their names.
  @Test func anArchitectureNamesTheLayersOfNumberedWeights() throws {
    let archive = Fixtures.path("flavours/tfkeras_deep.keras")
    let weights = Fixtures.path("flavours/tfkeras_deep.weights.h5")
    let json = folder.path("model.json")
    #expect(try Tool.run("export", archive, json).status == 0)
    for pair in [(archive, weights), (weights, archive), (weights, weights)] {
      let report = try diff(0, pair.0, pair.1, "--architecture", json)
      #expect(report["totals"]?["same"]?.integer == 11)
      #expect(report["notes"] == .array([]))
    }
    let report = try diff(1, archive, weights)
    #expect(report["totals"]?["same"]?.integer == 0)
    let text = try Tool.run("diff", archive, weights)
    #expect(text.output.contains("note: '\(weights)' holds weights without an architecture"))
    #expect(text.output.contains("--architecture model.json"))
    #expect(try Tool.run("help", "diff").output.contains("--architecture <architecture>"))
  }

  @Test func anArchitectureHasToBelongToSomething() throws {
    let archive = Fixtures.path("flavours/tfkeras_deep.keras")
    let weights = Fixtures.path("flavours/tfkeras_deep.weights.h5")
    let (own, other) = (folder.path("own.json"), folder.path("other.json"))
    #expect(try Tool.run("export", archive, own).status == 0)
    #expect(try Tool.run("export", Fixtures.path("flavours/plain.keras"), other).status == 0)
    let unused = try Tool.run("diff", archive, archive, "--architecture", own)
    #expect(unused.status == 64 && unused.errors.contains("leave it out"), "\(unused.errors)")
    let wrong = try Tool.run("diff", archive, weights, "--architecture", other)
    #expect(wrong.status == 65 && wrong.errors.contains("layers of the architecture"))
    let absent = try Tool.run("diff", archive, weights, "--architecture", folder.path("no.json"))
    #expect(absent.status == 66)
  }

  // MARK: Different

  @Test func whatUnlearningDidIsTold() throws {
    let out = folder.path("out.h5")
    let forget = samples.appendingPathComponent("forget.txt")
    #expect(try Tool.run("unlearn", digits, out, "--forget", forget.path, "-q").status == 0)
    let report = try diff(1, digits, out, "--ids")
    #expect(report["totals"]?["changed"]?.integer == 8)
    let train = try #require(report["splits"]?.array?.first { $0["name"]?.string == "train" })
    #expect(train["before"]?.integer == 1000 && train["after"]?.integer == 900)
    let ids = Set(
      try String(contentsOf: forget, encoding: .utf8).split(separator: "\n")
        .filter { !$0.hasPrefix("#") }.map(String.init))
    #expect(Set(train["ids"]?["removed"]?.array?.compactMap(\.string) ?? []) == ids)
    #expect(report["provenance"]?["common"]?.integer == 2)
    #expect(report["provenance"]?["added"] == .array([.string("unlearn")]))
    #expect(report["layers"] == .array([]) && report["settings"] == .array([]))
    let text = try Tool.run("diff", digits, out)
    #expect(text.status == 1)
    #expect(text.output.hasSuffix("the files differ\n"))
    #expect(text.output.contains("100 removed"))
  }

  @Test func oneNumberIsFoundWhereItIs() throws {
    let other = try small("b.h5") { small in
      small.change = { $0.update { name, values in if name.role == "bias" { values[2] += 0.5 } } }
    }
    let report = try diff(1, try small("a.h5"), other)
    let bias = try tensor(report, "hidden/bias")
    let elements = try #require(bias["elements"])
    #expect(elements["differing"]?.integer == 1 && elements["count"]?.integer == 16)
    #expect(elements["maximumAbsolute"]?.number == 0.5)
    #expect(elements["worst"] == .array([.integer(2)]))
    #expect(elements["relativeChange"] == nil, "a fresh bias is all zeros")
    #expect(try tensor(report, "hidden/kernel")["status"]?.string == "same")
    _ = try diff(0, folder.path("a.h5"), other, "--atol", "0.5", "--ignore", "provenance")
    _ = try diff(1, folder.path("a.h5"), other, "--rtol", "0.5")
    _ = try diff(0, folder.path("a.h5"), other, "--rtol", "1")
    _ = try diff(0, folder.path("a.h5"), other, "--ignore", "*/bias")
  }

  @Test func aNumberThatIsNoneIsNoSmallDifference() throws {
    let first = try small("a.h5")
    var source = SmallCheckpoint()
    source.change = {
      $0.update { name, values in if name.role == "bias" { values[0] = 12_345.678 } }
    }
    // The writer refuses such weights, so they are put in afterwards.
    func marked(_ name: String, _ value: Float) throws -> String {
      let change = (SmallCheckpoint.bytes(12_345.678), SmallCheckpoint.bytes(value))
      try source.write(to: folder.path(name), changing: [change])
      return folder.path(name)
    }
    let other = try marked("b.h5", .nan)
    let rules = ["--ignore", "provenance", "--tolerance", "1e30"]
    let report = try diff(1, first, other, rules[0], rules[1], rules[2], rules[3])
    #expect(try tensor(report, "scores/bias")["elements"]?["unmatchedNaNs"]?.integer == 1)
    _ = try diff(0, other, other)
    _ = try diff(1, other, other, "--nan-differs")
    let infinite = try tensor(try diff(1, first, marked("c.h5", .infinity)), "scores/bias")
    #expect(infinite["elements"]?["maximumAbsolute"]?.string == "Infinity")
    #expect(infinite["elements"]?["unmatchedInfinities"]?.integer == 1)
  }

  @Test func aRenamedLayerIsKnownByItsContent() throws {
    let renamed = folder.path("renamed.npz")
    let first = folder.path("plain.npz")
    let model = Fixtures.path("keras/keras3_sequential.h5")
    #expect(try Tool.run("export", model, first).status == 0)
    // Names are read from the archive's members, so a renamed member is a renamed array.
    try renameMember(first, "dense/kernel.npy", "dance/kernel.npy", to: renamed)
    let report = try diff(1, model, renamed)
    let row = try tensor(report, "dense/kernel")
    #expect(row["status"]?.string == "renamed" && row["nameAfter"]?.string == "dance/kernel")
    #expect(row["matchedBy"]?.string == "content")
    _ = try diff(0, model, renamed, "--map", "dense/kernel=dance/kernel")
    _ = try diff(0, model, renamed, "--ignore", "dance/*")
  }

  /// Both names of a ZIP member, in its header and in the directory, are as long as each other.
  private func renameMember(_ path: String, _ old: String, _ new: String, to out: String) throws {
    var data = try Data(contentsOf: URL(fileURLWithPath: path))
    #expect(old.utf8.count == new.utf8.count)
    while let range = data.range(of: Data(old.utf8)) { data.replaceSubrange(range, with: new.utf8) }
    try data.write(to: URL(fileURLWithPath: out))
  }

  @Test func aMappedLayerIsOneLayer() throws {
    let (first, second) = (folder.path("a.h5"), folder.path("b.h5"))
    let network = try KerasConfiguration(parsing: SmallCheckpoint.json).architecture
    let weights = Parameters(initializing: try network.parameterSpecifications(), seed: 1)
    try CheckpointDraft(modelConfig: SmallCheckpoint.json, parameters: weights).write(to: first)
    let json = SmallCheckpoint.json.replacingOccurrences(of: "hidden", with: "covered")
    let renamed = weights.all.map { weight in
      let layer = weight.name.layer == "hidden" ? "covered" : weight.name.layer
      let name = ParameterName(layer: layer, role: weight.name.role)
      return Parameter(name: name, shape: weight.shape, values: weight.values)
    }
    try CheckpointDraft(modelConfig: json, parameters: Parameters(renamed)).write(to: second)
    let report = try diff(1, first, second, "--ignore", "provenance")
    #expect(try tensor(report, "hidden/kernel")["status"]?.string == "renamed")
    let layers = report["layers"]?.array?.compactMap { $0["name"]?.string } ?? []
    #expect(Set(layers) == ["hidden", "covered", "scores"])
    _ = try diff(0, first, second, "--map", "hidden=covered", "--ignore", "provenance")
  }

  @Test func aModelWithoutArchitectureLacksIt() throws {
    let whole = Fixtures.path("keras/keras3_sequential.h5")
    let report = try diff(1, whole, Fixtures.path("keras/tfkeras_weights_only.h5"))
    let model = report["settings"]?.array?.first { $0["name"]?.string == "model" }
    #expect(model?["fields"]?.array?.first?["after"] == nil)
    #expect(model != nil)
    #expect(report["layers"]?.array?.allSatisfy { $0["after"] == nil } == true)
  }

  @Test func shapesAndTypesAreDifferences() throws {
    let float32 = Fixtures.path("keras/keras3_sequential.h5")
    let float16 = Fixtures.path("keras/keras3_float16.h5")
    let report = try diff(1, float32, float16, "--tolerance", "1e9", "--ignore", "@*")
    #expect(try tensor(report, "dense/kernel")["dtypeAfter"]?.string == "float16")
    #expect(try tensor(report, "dense/kernel")["status"]?.string == "changed")
    let other = try diff(1, float32, Fixtures.path("networks/lenet/keras3.h5"))
    #expect(try tensor(other, "head/kernel")["status"]?.string == "shape")
    #expect(try tensor(other, "dense/kernel")["status"]?.string == "removed")
    #expect(try tensor(other, "conv1/kernel")["status"]?.string == "added")
  }

  @Test func samplesMoveAndChange() throws {
    let first = try small("a.h5")
    let second = try small("b.h5") { small in
      small.splits = [("train", .train, 50), ("test", .test, 240)]
      small.recipe = TrainingRecipe(epochs: 30, batchSize: 16)
      small.json = SmallCheckpoint.json.replacingOccurrences(of: "relu", with: "tanh")
    }
    let report = try diff(1, first, second)
    let splits = try #require(report["splits"]?.array)
    let train = try #require(splits.first { $0["name"]?.string == "train" })
    #expect(train["movedTo"]?.array?.first?["samples"]?.integer == 10)
    let unseen = try #require(splits.first { $0["name"]?.string == "unseen" })
    #expect(unseen["after"] == nil && unseen["isSame"]?.boolean == false)
    let settings = report["settings"]?.array?.compactMap { $0["name"]?.string }
    #expect(settings == ["training"])
    let fields = report["layers"]?.array?.first?["fields"]?.array?.first
    #expect(fields?["path"]?.string == "activation")
    #expect(fields?["before"]?.string == "relu" && fields?["after"]?.string == "tanh")
    _ = try diff(
      0, first, second, "--ignore", "splits/*", "--ignore", "layers/*", "--ignore", "training",
      "--ignore", "provenance")
  }

  // MARK: Misuse and bad input

  @Test func badInputHasItsStatus() throws {
    let bad = folder.path("bad.h5")
    try Data("nothing".utf8).write(to: URL(fileURLWithPath: bad))
    #expect(try Tool.run("diff", digits, bad).status == 65)
    #expect(try Tool.run("diff", bad, digits).status == 65)
    #expect(try Tool.run("diff", digits, folder.path("absent.h5")).status == 66)
    #expect(try Tool.run("diff", digits, folder.path("absent.npz")).status == 66)
    #expect(try Tool.run("diff", digits).status == 64)
    #expect(try Tool.run("diff", digits, digits, "--atol", "-1").status == 64)
    #expect(try Tool.run("diff", digits, digits, "--floor", "0").status == 64)
    #expect(try Tool.run("diff", digits, digits, "--map", "x").status == 64)
    #expect(try Tool.run("diff", digits, digits, "--map", "x=y").status == 64)
  }

  @Test func namesCannotDriveATerminal() throws {
    let evil = folder.path("evil.h5")
    try SmallCheckpoint().write(to: evil, changing: "softmax", to: #"\u001b["#)
    let result = try Tool.run("diff", try small("b.h5"), evil)
    #expect(result.status == 1)
    #expect(!result.output.contains("\u{1B}") && result.output.contains(#"\u001b["#))
  }
}
