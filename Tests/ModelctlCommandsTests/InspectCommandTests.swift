import Checkpoints
import Foundation
import ModelCore
import TestSupport
import Testing

/// `modelctl inspect` as an interface.
@Suite struct InspectCommandTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private func inspect(
    _ path: String, _ options: String..., status: Int32 = 0,
    at location: SourceLocation = #_sourceLocation
  ) throws -> JSONValue {
    let result = try Tool.run(["inspect", path, "--json"] + options)
    #expect(result.status == status, "\(result.errors)", sourceLocation: location)
    let violations = try JSONSchema("report/inspect-1.schema.json").violations(try result.json())
    #expect(violations == [], sourceLocation: location)
    return try JSONValue(parsing: result.output)
  }

  private static let realFiles: [String] = {
    let files = FileManager.default
    let keras = (try? files.contentsOfDirectory(atPath: Fixtures.path("keras"))) ?? []
    return keras.filter { $0.hasSuffix(".h5") }.sorted().map { "keras/\($0)" } + [
      "foreign/parts.h5"
    ]
  }()

  @Test(arguments: realFiles)
  func everyRealFileCanBeShown(_ name: String) throws {
    let report = try inspect(Fixtures.path(name), "--stats")
    let rows = (report["weights"]?.array ?? []) + (report["arrays"]?.array ?? [])
    #expect(!rows.isEmpty)
    #expect(rows.contains { $0["stats"] != nil })
    let text = try Tool.run("inspect", Fixtures.path(name), "--all")
    #expect(text.status == 0)
    for row in rows {
      let shown = try #require(row["name"]?.string)
      #expect(text.output.contains(shown), "\(shown)")
    }
  }

  @Test func layersThatCannotBeRunAreListedByClass() throws {
    let report = try inspect(Fixtures.path("keras/keras3_attention.h5"))
    let types = report["layers"]?.array?.compactMap { $0["type"]?.string }
    #expect(types?.contains("MultiHeadAttention") == true && types?.contains("Lambda") == true)
    #expect(report["unsupported"]?.string?.contains("double") == true)
    let names = report["weights"]?.array?.compactMap { $0["name"]?.string } ?? []
    #expect(Set(names).count == names.count && names.contains("attention/query/kernel"))
  }

  @Test(arguments: ["recurrent.keras", "deep.keras", "deep.weights.h5", "bfloat16.keras"])
  func everyFlavourIsShown(_ name: String) throws {
    let report = try inspect(Fixtures.path("flavours/\(name)"))
    let counts = report["layers"]?.array?.compactMap { $0["parameters"]?.integer } ?? []
    let total = report["totals"]?["parameters"]?.integer
    #expect(counts.isEmpty || name.hasPrefix("deep") || counts.reduce(0, +) == total)
    #expect((total ?? 0) > 0)
  }

  @Test func aModelOfAnUnknownClassIsListedToo() throws {
    let path = folder.path("custom.h5")
    var small = SmallCheckpoint()
    small.splits = []
    try small.write(to: path, changing: "Sequential", to: "Sequentiel")
    let report = try inspect(path)
    #expect(
      report["layers"]?.array?.compactMap { $0["name"]?.string } == ["input", "hidden", "scores"])
    #expect(report["layers"]?.array?[1]["parameters"]?.integer == 80)
    #expect(report["unsupported"]?.string?.contains("Sequentiel") == true)
  }

  @Test func statisticsAreOfTheElements() throws {
    let path = folder.path("a.h5")
    var small = SmallCheckpoint()
    small.change = { parameters in
      parameters.update { name, values in
        guard name.description == "hidden/bias" else { return }
        values = [Float](repeating: 2, count: 16)
        values.replaceSubrange(0..<6, with: [0, -0.0, 1e30, 1e31, 1e32, -6])
      }
    }
    let odd: [(Float, Float)] = [(1e30, .nan), (1e31, .infinity), (1e32, -.infinity)]
    try small.write(
      to: path, changing: odd.map { (SmallCheckpoint.bytes($0), SmallCheckpoint.bytes($1)) })
    let report = try inspect(path, "--stats", "--filter", "hidden/b*")
    let rows = try #require(report["weights"]?.array)
    #expect(rows.compactMap { $0["name"]?.string } == ["hidden/bias"])
    #expect(report["layers"] == .array([]) && report["hidden"]?.integer == 6)
    let stats = try #require(rows[0]["stats"])
    #expect(stats["min"]?.number == -6 && stats["max"]?.number == 2)
    #expect(stats["zeros"]?.integer == 2 && stats["nans"]?.integer == 1)
    #expect(stats["infinities"]?.integer == 2)
    // Ten twos, two zeros and a -6: 14 / 13, and the squares add up to 76.
    let mean = 14.0 / 13
    #expect(abs(try #require(stats["mean"]?.number) - mean) < 1e-12)
    let variance = 76.0 / 13 - mean * mean
    #expect(abs(try #require(stats["sd"]?.number) - variance.squareRoot()) < 1e-12)
  }

  @Test(arguments: [
    ("file", ["hidden/kernel", "hidden/bias", "scores/kernel", "scores/bias"]),
    ("name", ["hidden/bias", "hidden/kernel", "scores/bias", "scores/kernel"]),
    ("size", ["hidden/kernel", "hidden/bias", "scores/kernel", "scores/bias"]),
  ])
  func rowsAreSorted(_ order: String, expected: [String]) throws {
    let path = folder.path("a.h5")
    try SmallCheckpoint().write(to: path)
    let names = try inspect(path, "--sort", order)["weights"]?.array?.compactMap {
      $0["name"]?.string
    }
    if order == "size" {
      #expect(
        names == ["hidden/kernel", "scores/kernel", "hidden/bias", "scores/bias"]
          || names == expected)
      let bytes = try inspect(path, "--sort", order)["weights"]?.array?.compactMap {
        $0["bytes"]?.integer
      }
      #expect(bytes == bytes?.sorted(by: >))
    } else {
      #expect(names == expected)
    }
  }

  @Test func storageIsTold() throws {
    let report = try inspect(Fixtures.path("keras/keras3_gzip_shuffle.h5"))
    let kernel = try #require(report["weights"]?.array?.first)
    #expect(kernel["storage"]?["layout"]?.string == "chunked")
    #expect(kernel["storage"]?["filters"] == .array([.string("shuffle"), .string("deflate 6")]))
    let totals = try #require(report["totals"])
    #expect(totals["parameters"]?.integer == 200 && totals["bytes"]?.integer == 800)
    #expect(totals["trainable"]?.integer == 194)
    let shares = report["weights"]?.array?.compactMap { $0["share"]?.number } ?? []
    #expect(abs(shares.reduce(0, +) - 1) < 1e-12)
  }

  @Test func aFilterChangesNoShare() throws {
    let path = Fixtures.path("flavours/composite.keras")
    func shares(_ report: JSONValue) -> [String: Double] {
      let rows = (report["weights"]?.array ?? []).compactMap { row in
        row["name"]?.string.flatMap { name in row["share"]?.number.map { (name, $0) } }
      }
      return Dictionary(rows, uniquingKeysWith: +)
    }
    let (whole, part) = (shares(try inspect(path)), shares(try inspect(path, "--filter", "both/*")))
    #expect(part.count == 6)
    #expect(part.allSatisfy { whole[$0.key] == $0.value })
    let text = try Tool.run("inspect", path, "--filter", "both/*", "--filter", "both").output
    #expect(text.contains("112 of 429 parameters in 1 layer\n"), "\(text)")
    #expect(text.contains("112 of 429 numbers, 1.7 KiB"), "\(text)")
  }

  /// An .h5 lists the weights of the outermost layers alone.
  @Test(arguments: ["shared.h5", "shared.keras", "tfkeras_shared.h5", "tfkeras_shared.keras"])
  func weightsCountForTheLayersThatTheyAreIn(_ name: String) throws {
    let layers = try inspect(Fixtures.path("flavours/\(name)"))["layers"]?.array ?? []
    let counts = layers.compactMap { layer in
      layer["name"]?.string.flatMap { name in layer["parameters"]?.integer.map { (name, $0) } }
    }.filter { $0.1 > 0 }
    #expect(
      Dictionary(counts, uniquingKeysWith: +) == [
        "twice": 20, "block/core/deep": 15, "block/core/bn": 12, "block/wide": 16, "out": 10,
      ])
  }

  @Test func anArchiveCanBeShown() throws {
    let archive = folder.path("a.npz")
    let digits = JSONSchema.folder.deletingLastPathComponent().appendingPathComponent(
      "samples/digits.h5")
    #expect(try Tool.run("export", digits.path, archive).status == 0)
    let (old, new) = (try inspect(digits.path), try inspect(archive))
    #expect(new["weights"]?.array?.map { $0["name"] } == old["weights"]?.array?.map { $0["name"] })
    #expect(
      new["splits"]?.array?.map { $0["classes"] } == old["splits"]?.array?.map { $0["classes"] })
    #expect(try Tool.run("inspect", Fixtures.path("numpy/little-f4.npy")).status == 0)
  }

  // MARK: The scan

  @Test func findingsAreWarningsUnlessAskedFor() throws {
    let lambda = Fixtures.path("keras/keras3_attention.h5")
    let clean = Fixtures.path("keras/keras3_sequential.h5")
    let shown = try Tool.run("inspect", lambda)
    #expect(shown.status == 0 && shown.output.contains("warning: "))
    #expect(try inspect(lambda)["scan"]?.array?.count == 3)
    _ = try inspect(lambda, "--scan", status: 1)
    let scan = try Tool.run("inspect", lambda, "--scan")
    #expect(scan.status == 1)
    #expect(scan.output.contains("model_config.config.layers[1].config.function.config.code"))
    #expect(try Tool.run("inspect", clean, "--scan").status == 0)
    #expect(try Tool.run("inspect", clean).output.contains("warning") == false)
    let weights = try Tool.run("inspect", Fixtures.path("keras/tfkeras_weights_only.h5"), "--scan")
    #expect(weights.status == 0 && weights.output.contains("nothing to scan"))
  }

  @Test func aConfigurationThatCannotBeReadIsAFinding() throws {
    let path = folder.path("twice.h5")
    var small = SmallCheckpoint()
    small.json = SmallCheckpoint.json.replacingOccurrences(
      of: #""name": "small""#, with: #""name": "small", "mane": "large""#)
    small.splits = []
    try small.write(to: path, changing: "mane", to: "name")
    let report = try inspect(path, "--scan", status: 1)
    #expect(report["scan"]?.array?.first?["rule"]?.string == "unreadable")
  }

  @Test func namesCannotDriveATerminal() throws {
    let path = folder.path("evil.h5")
    var small = SmallCheckpoint()
    small.json = SmallCheckpoint.json.replacingOccurrences(
      of: #""name": "small""#, with: #""name": "a-rather-longer-name", "vocabulary": "long-enough""#
    )
    small.splits = []
    let changes = [
      ("a-rather-longer-name", #"\u001b]0;x\u0007name"#), ("long-enough", #"\u001b[2J/x"#),
      ("InputLayer", #"I\u001b[1m"#),
    ]
    try small.write(to: path, changing: changes.map { (Data($0.utf8), Data($1.utf8)) })
    for options in [[], ["--scan"], ["--all"]] {
      let result = try Tool.run(["inspect", path] + options)
      #expect(result.status == 0 || options == ["--scan"])
      let controls = result.output.unicodeScalars.filter { $0.value < 0x20 && $0 != "\n" }
      #expect(controls.isEmpty, "\(result.output)")
    }
  }
}
