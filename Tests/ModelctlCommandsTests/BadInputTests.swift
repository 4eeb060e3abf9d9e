import Checkpoints
import Foundation
import ModelCore
import TestSupport
import Testing

/// Bad input is normal input: a documented exit status, one clear sentence, nothing left behind.
@Suite struct BadInputTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  /// Runs and checks the status, that stderr is one sentence about it, and that no file appeared.
  private func expect(
    _ status: Int32, _ words: String, _ arguments: String..., input: String? = nil,
    at location: SourceLocation = #_sourceLocation
  ) throws {
    let before = try folder.contents
    let result = try Tool.run(arguments, input: input)
    #expect(result.status == status, "\(result.errors)", sourceLocation: location)
    #expect(result.errors.contains(words), "\(result.errors)", sourceLocation: location)
    #expect(result.output.isEmpty, sourceLocation: location)
    if status != 64 {
      #expect(result.errors.split(separator: "\n").count == 1, sourceLocation: location)
      #expect(result.errors.hasPrefix("modelctl: "), sourceLocation: location)
    }
    #expect(try folder.contents == before, sourceLocation: location)
  }

  private func checkpoint(_ checkpoint: SmallCheckpoint = SmallCheckpoint()) throws -> String {
    let path = folder.path("in.h5")
    try checkpoint.write(to: path)
    return path
  }

  private func ids(_ text: String) throws -> String {
    let path = folder.path("ids.txt")
    try text.write(toFile: path, atomically: false, encoding: .utf8)
    return path
  }

  private var out: String { folder.path("out.h5") }

  @Test(arguments: ["unlearn", "inspect", "train", "evaluate", "export", "predict"])
  func aMissingFile(_ command: String) throws {
    let absent = folder.path("absent.h5")
    var arguments = [command, absent]
    switch command {
    case "unlearn": arguments += [out, "--forget", try ids("1000")]
    case "train": arguments += [out]
    case "export": arguments += [folder.path("out.npz")]
    case "predict": arguments += [folder.path("out.npy"), "--split", "test"]
    default: break
    }
    let result = try Tool.run(arguments)
    #expect(result.status == 66, "\(result.errors)")
    #expect(result.errors.contains("absent.h5"))
    #expect(try !folder.contents.contains("out.h5"))
  }

  @Test func notHDF5() throws {
    let path = folder.path("in.h5")
    for (start, words) in [("SQLite", "not an HDF5 file"), ("PK\u{3}\u{4}", "a whole ZIP archive")]
    {
      try Data("\(start) not at all".utf8).write(to: URL(fileURLWithPath: path))
      try expect(65, words, "inspect", path)
      try expect(65, words, "unlearn", path, out, "--forget", "-", input: "1000\n")
    }
  }

  @Test(arguments: [0.1, 0.5, 0.9, 0.999])
  func aTruncatedFile(_ share: Double) throws {
    let path = try checkpoint()
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    try bytes.prefix(Int(Double(bytes.count) * share)).write(to: URL(fileURLWithPath: path))
    try expect(65, "truncated", "inspect", path)
    try expect(65, "truncated", "unlearn", path, out, "--forget", "-", input: "1000\n")
  }

  @Test func noSplits() throws {
    let path = Fixtures.path("networks/mlp/keras3.h5")
    try expect(65, "holds no splits", "unlearn", path, out, "--forget", "-", input: "1\n")
    try expect(65, "holds no splits", "evaluate", path)
  }

  @Test func noUnseenSplit() throws {
    var small = SmallCheckpoint()
    small.splits.removeAll { $0.role == .unseen }
    try expect(
      65, "no split with the role 'unseen'", "unlearn", try checkpoint(small), out, "--forget",
      "-", input: "1000\n")
  }

  @Test func unknownIds() throws {
    let path = try checkpoint()
    let list = try ids("1000\n99999\n77777\n")
    try expect(65, "'99999' (line 2), '77777' (line 3)", "unlearn", path, out, "--forget", list)
    try expect(
      65, "none of the records is in the training split", "unlearn", path, out, "--forget",
      try ids("1070"))
  }

  @Test(arguments: ["", "# only a comment\n"])
  func anEmptyListOfIds(_ text: String) throws {
    try expect(65, "names no ids", "unlearn", try checkpoint(), out, "--forget", try ids(text))
  }

  @Test func aMissingListOfIds() throws {
    try expect(
      66, "no such file", "unlearn", try checkpoint(), out, "--forget", folder.path("none.txt"))
  }

  @Test func anUnknownClass() throws {
    try expect(
      65, "has no class 'oak'", "unlearn", try checkpoint(), out, "--forget-class", "oak")
  }

  @Test func anUnsupportedLayer() throws {
    let path = Fixtures.path("keras/keras3_lstm.h5")
    try expect(65, "(LSTM)", "predict", path, folder.path("out.npy"), "--input", path)
    // Whoever has only the model hears of the layer, not of the samples that are missing.
    try expect(65, "(LSTM)", "evaluate", path)
    try expect(65, "(LSTM)", "train", path, out)
    try expect(65, "(LSTM)", "unlearn", path, out, "--forget-class", "1")
    try expect(65, "(LSTM)", "tune", path, "--forget-class", "1")
    try expect(65, "(LSTM)", "audit", path, path, "--forget-class", "1")
  }

  @Test func samplesThatDoNotFitTheModel() throws {
    var small = SmallCheckpoint()
    small.features = 5
    try expect(65, "[5]", "evaluate", try checkpoint(small))
    try expect(
      65, "[5]", "unlearn", try checkpoint(small), out, "--forget", "-", input: "1000\n")
  }

  @Test(arguments: [Float.nan, .infinity])
  func weightsThatAreNoNumbers(_ value: Float) throws {
    // Nothing that writes checkpoints writes these, so the bytes of one weight are changed.
    let marked: Float = 0.123_456
    var small = SmallCheckpoint()
    small.change = { parameters in
      parameters.update { name, values in
        if name == ParameterName(layer: "hidden", role: "bias") { values[0] = marked }
      }
    }
    let path = try checkpoint(small)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    func pattern(_ value: Float) -> Data {
      withUnsafeBytes(of: value.bitPattern.littleEndian) { Data($0) }
    }
    let place = try #require(bytes.range(of: pattern(marked)))
    bytes.replaceSubrange(place, with: pattern(value))
    try bytes.write(to: URL(fileURLWithPath: path))
    try expect(65, "hidden/bias", "unlearn", path, out, "--forget", "-", input: "1000\n")
  }

  @Test func theOutputIsTheInput() throws {
    let path = try checkpoint()
    let before = try Data(contentsOf: URL(fileURLWithPath: path))
    try expect(64, "--in-place", "unlearn", path, path, "--forget", "-", input: "1000\n")
    let link = folder.path("link.h5")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
    try expect(64, "--in-place", "unlearn", path, link, "--forget", "-", input: "1000\n")
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
  }

  @Test func anOutputThatCannotBe() throws {
    let path = try checkpoint()
    try expect(
      73, "there is no folder", "unlearn", path, folder.path("no/such/out.h5"), "--forget", "-",
      input: "1000\n")
    try expect(73, "it is a folder", "train", path, folder.url.path)
    try Data("old".utf8).write(to: URL(fileURLWithPath: out))
    try expect(73, "it exists", "train", path, out, "--no-clobber")
  }

  @Test(arguments: [
    ["unlearn", "a.h5", "b.h5"], ["unlearn", "a", "b", "--forget", "x", "--forget-class", "1"],
    ["train"], ["no-such-command"], ["evaluate", "a", "--threads", "-1"],
    ["unlearn", "a", "b", "--forget", "x", "--max-cost", "0"],
    ["unlearn", "a", "b", "--forget", "x", "--max-cost", "nan"],
  ])
  func misuse(_ arguments: [String]) throws {
    let result = try Tool.run(arguments)
    #expect(result.status == 64, "\(result.errors)")
    #expect(result.output.isEmpty)
  }

  @Test func anUnknownMethod() throws {
    try expect(
      65, "there is no method 'magic'", "unlearn", try checkpoint(), out, "--forget", "-",
      "--method", "magic", input: "1000\n")
  }

  @Test func helpAndVersionAreNoErrors() throws {
    for arguments in [["--help"], ["--version"], ["unlearn", "--help"]] {
      let result = try Tool.run(arguments)
      #expect(result.status == 0)
      #expect(!result.output.isEmpty)
      #expect(result.errors.isEmpty)
    }
  }

  /// An archive without arrays, as `numpy.savez` writes it when it is given none.
  @Test func nothingIsNotImported() throws {
    let (empty, out) = (folder.path("empty.npz"), folder.path("out.h5"))
    let end: [UInt8] = [0x50, 0x4B, 5, 6] + [UInt8](repeating: 0, count: 18)
    try Data(end).write(to: URL(fileURLWithPath: empty))
    let result = try Tool.run("import", empty, out)
    #expect(result.status == 65 && result.errors.contains("no arrays"), "\(result.errors)")
    #expect(try folder.contents == ["empty.npz"])
  }

  @Test func shardsAreReadAndNeverWritten() throws {
    let shards = Fixtures.path("flavours/sharded.weights.json")
    for command in ["inspect", "validate"] {
      let result = try Tool.run(command, shards)
      #expect(result.status == 0, "\(result.output)\(result.errors)")
    }
    #expect(try Tool.run("diff", shards, Fixtures.path("flavours/sharded.weights.h5")).status == 0)
    let refused = try Tool.run("export", shards, folder.path("out.weights.json"))
    #expect(refused.status == 64 && refused.errors.contains(".weights.h5"), "\(refused.errors)")
    #expect(try Tool.run("export", shards, folder.path("out.weights.h5")).status == 0)
    #expect(try folder.contents == ["out.weights.h5"])
  }

  /// Known kinds are named by every command, also by those that show any HDF5 file.
  @Test func otherKindsOfModelsAreNamed() throws {
    let model = folder.path("exported")
    try FileManager.default.createDirectory(atPath: model, withIntermediateDirectories: true)
    try Data([8, 1, 18]).write(to: URL(fileURLWithPath: model + "/saved_model.pb"))
    for arguments in [
      ["inspect", model], ["validate", model], ["diff", model, model], ["evaluate", model],
      ["export", model, folder.path("out.h5")],
    ] {
      let result = try Tool.run(arguments)
      #expect(
        result.status == 65 && result.errors.contains("model.save('model.keras')"),
        "\(arguments): \(result.errors)")
    }
  }
}
