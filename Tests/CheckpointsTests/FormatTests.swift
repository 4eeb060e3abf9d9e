import Foundation
import HDF5
import ModelCore
import TestSupport
import Testing

@testable import Checkpoints

@Suite struct FormatTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  /// A file of samples alone, made by hand so that each part can be wrong.
  private func file(
    version: String = "1.0", role: String? = "train", inputs: Int = 4, targets: Int = 4,
    identifiers: [String]? = nil, labels: [Int32] = [0, 1, 0, 1],
    _ change: (HDF5Group) throws -> Void = { _ in }
  ) throws -> String {
    let path = folder.path("format.h5")
    try? FileManager.default.removeItem(atPath: path)
    let file = try HDF5File(creating: path)
    let root = try file.root.createGroup("modelctl")
    try root.setAttribute("encoding-type", to: "modelctl-checkpoint")
    try root.setAttribute("encoding-version", to: version)
    let splits = try root.createGroup("splits")
    try splits.setAttribute("class-names", to: ["a", "b"])
    let split = try splits.createGroup("train")
    if let role { try split.setAttribute("role", to: role) }
    _ = try split.createDataset("x", type: .number(.float32), shape: [inputs, 2])
    let y = try split.createDataset("y", type: .number(.int32), shape: [targets])
    if targets == labels.count { try labels.withUnsafeBytes { try y.write(from: $0) } }
    if let identifiers {
      try split.createDataset("id", type: .variableString, shape: [identifiers.count])
        .write(strings: identifiers)
    } else {
      let id = try split.createDataset("id", type: .number(.int64), shape: [4])
      try [Int64](0..<4).withUnsafeBytes { try id.write(from: $0) }
    }
    try change(root)
    try file.close()
    return path
  }

  private func problem(_ path: String) -> CheckpointError.Problem? {
    #expect(throws: CheckpointError.self) { try Checkpoint(reading: path) }?.problem
  }

  private func malformed(_ path: String) -> String? {
    guard case .malformed(let object, _, let found) = problem(path) else { return nil }
    return "\(object): \(found)"
  }

  @Test func aNewerMajorVersionIsRefused() throws {
    #expect(problem(try file(version: "2.0")) == .newerVersion(found: "2.0", supported: "1.0"))
    #expect(try Checkpoint(reading: file(version: "1.7")).formatVersion?.minor == 7)
    #expect(malformed(try file(version: "new")) == "/modelctl: 'new'")
  }

  @Test func aNewerMinorVersionSurvivesARewrite() throws {
    let source = try Checkpoint(reading: file(version: "1.7"))
    try source.rewrite(CheckpointChanges(), to: folder.path("out.h5"))
    #expect(try Checkpoint(reading: folder.path("out.h5")).formatVersion?.minor == 7)
  }

  @Test func theRoleIsTheNameUnlessItIsGiven() throws {
    #expect(try Checkpoint(reading: file(role: nil)).splits.first?.role == .train)
    #expect(try Checkpoint(reading: file(role: "unseen")).splits.first?.role == .unseen)
    #expect(malformed(try file(role: "holdout")) == "/modelctl/splits/train: 'holdout'")
  }

  @Test func columnsGoTogether() throws {
    #expect(
      malformed(try file(inputs: 5)) == "/modelctl/splits/train: 5 inputs, 4 targets, 4 ids")
    #expect(
      malformed(try file(targets: 3)) == "/modelctl/splits/train: 4 inputs, 3 targets, 4 ids")
    let noTargets = try file { root in
      let extra = try root.file.group(at: "/modelctl/splits").createGroup("test")
      _ = try extra.createDataset("x", type: .number(.float32), shape: [4, 2])
    }
    #expect(malformed(noTargets) == "/modelctl/splits/test: no 'y'")
  }

  @Test func idsOccurOnceInAllSplits() throws {
    let path = try file(identifiers: ["a", "b", "c", "a"])
    let checkpoint = try Checkpoint(reading: path)
    #expect(
      throws: CheckpointError(
        path, .duplicateIdentifier(split: "train", row: 3, otherSplit: "train"))
    ) { try checkpoint.validateSplits() }
  }

  @Test func idsAreOfOneKind() throws {
    let path = try file { root in
      let split = try root.file.group(at: "/modelctl/splits").createGroup("test")
      _ = try split.createDataset("x", type: .number(.float32), shape: [1, 2])
      _ = try split.createDataset("y", type: .number(.int32), shape: [1])
      try split.createDataset("id", type: .variableString, shape: [1]).write(strings: ["a"])
    }
    #expect(malformed(path)?.contains("strings in 'test', integers in 'train'") == true)
  }

  @Test(arguments: [[0, 1, 2, 1], [0, -1, 0, 1]] as [[Int32]])
  func classesAreKnown(_ labels: [Int32]) throws {
    let path = try file(labels: labels)
    let checkpoint = try Checkpoint(reading: path)
    let row = labels[2] == 2 ? 2 : 1
    let expected = CheckpointError(
      path, .classOutOfRange(split: "train", row: row, classCount: 2))
    #expect(throws: expected) { try checkpoint.validateSplits() }
    #expect(throws: expected) {
      try checkpoint.samples(of: checkpoint.split(named: "train")).readTargets(0..<4)
    }
  }

  @Test func scalesFitTheChannels() throws {
    let path = try file { root in
      try root.file.group(at: "/modelctl/splits")
        .setAttribute("input-scale", to: [Float(1), 2, 3])
    }
    #expect(malformed(path) == "/modelctl/splits: 3 values")
  }

  @Test(arguments: ["training", "manifest"])
  func documentsAreWhatTheySay(_ name: String) throws {
    for text in ["{", #"{"schema": "other"}"#, #"{"schema": 1, "schema": 2}"#] {
      let path = try file { root in
        try root.createDataset(name, type: .variableString, shape: []).write(strings: [text])
      }
      #expect(malformed(path)?.hasPrefix("/modelctl/\(name)") == true)
    }
  }

  @Test(arguments: [
    TrainingRecipe(epochs: 5), TrainingRecipe(epochs: 0, optimizer: .sgd(momentum: 0.9)),
    TrainingRecipe(
      epochs: 200, batchSize: 1, optimizer: .adam(beta1: 0.8, beta2: 0.95, epsilon: 1e-7),
      learningRate: 3e-4, schedule: .constant, seed: .max),
  ])
  func recipesComeBack(_ recipe: TrainingRecipe) throws {
    let text = recipe.json.text
    #expect(TrainingRecipe(try JSONValue(parsing: text)) == recipe)
    let schema = try JSONSchema("json/training.schema.json")
    let object = try JSONSerialization.jsonObject(with: Data(text.utf8))
    #expect(schema.violations(object) == [])
  }

  /// The number was computed by hashlib from the definition in `Format.md`.
  @Test func digestsAreThoseOfTheDefinition() throws {
    var numbers = ArrayDigest(type: "float32", shape: [2, 3])
    try Tensor(floats: [0, 1, 2, 3, 4, 5], shape: Shape([2, 3])).bytes.withUnsafeBytes {
      numbers.update($0)
    }
    var strings = ArrayDigest(type: "string", shape: [2])
    strings.update(["a", "ü"])
    let entries = [strings.entry(at: "/b"), numbers.entry(at: "/a")]
    #expect(entries[1].sha256 == "ae39d5002e2db69af02e2051f64eedaa613d7ba778fd26cc1717cf8be7781204")
    #expect(entries[0].sha256 == "e0f99ef2ca64027ac77ab82cbff366f85e85d6076282bb2cfe053b8454612b98")
    #expect(entries[0].byteCount == 3 && entries[1].byteCount == 24)
    #expect(
      Manifest(entries).contentDigest
        == "sha256:98cd493a65e09dc1700be7e6bcc85060d11bf9c3727674ae0a9aaeb9639d1746")
  }

  @Test func theDigestDoesNotDependOnTheStorage() throws {
    let plain = try Checkpoint(reading: Fixtures.path("keras/keras3_sequential.h5"))
    let digest = try plain.computeManifest()
    for name in ["big_endian", "gzip_shuffle", "libver_latest", "fixed_strings"] {
      let other = try Checkpoint(reading: Fixtures.path("keras/keras3_\(name).h5"))
      #expect(try other.computeManifest() == digest, "\(name)")
    }
  }
}

@Suite struct ProvenanceTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  @Test func recordsFormAChain() throws {
    var checkpoint: Checkpoint?
    for index in 0..<3 {
      let path = folder.path("\(index).h5")
      let options = WriteOptions(producer: "modelctl 9.8.7")
      guard let source = checkpoint else {
        try SmallModel.draft().write(to: path, options: options)
        checkpoint = try Checkpoint(reading: path)
        continue
      }
      var changes = CheckpointChanges()
      changes.removedRows = ["train": [0]]
      changes.provenance = ProvenanceEntry(
        operation: "unlearn", details: .object(["method": .string("match")]))
      let receipt = try source.rewrite(changes, to: path, options: options)
      checkpoint = try Checkpoint(reading: path)
      #expect(receipt.record == checkpoint?.provenance.last)
    }
    let records = try #require(checkpoint?.provenance)
    #expect(records.map(\.operation) == ["import", "unlearn", "unlearn"])
    #expect(records.map(\.producer) == ["modelctl 9.8.7", "modelctl 9.8.7", "modelctl 9.8.7"])
    #expect(records[0].previous == nil && records[0].contentBefore == nil)
    #expect(records[1].previous == records[0].digest)
    #expect(records[2].contentBefore == records[1].contentAfter)
    #expect(records[2].contentAfter == checkpoint?.contentDigest)
    #expect(records[2].details?["method"]?.string == "match")
    #expect(ProvenanceRecord.firstBreak(in: records) == nil)
    #expect(ProvenanceRecord.firstBreak(in: [records[0], records[2]]) == 1)
    #expect(ProvenanceRecord.firstBreak(in: Array(records.dropFirst())) == 0)
    let schema = try JSONSchema("json/provenance-record.schema.json")
    for record in records {
      let object = try JSONSerialization.jsonObject(with: Data(record.text.utf8))
      #expect(schema.violations(object) == [])
    }
    let manifest = try #require(try checkpoint?.computeManifest())
    let object = try JSONSerialization.jsonObject(with: Data(manifest.json.text.utf8))
    #expect(try JSONSchema("json/manifest.schema.json").violations(object) == [])
  }
}
