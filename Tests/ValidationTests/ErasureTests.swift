import Checkpoints
import Foundation
import HDF5
import ModelCore
import TestSupport
import Testing

@testable import Validation

/// Rewriting a checkpoint without some records passes the search for them, and nothing else does.
@Suite struct ErasureTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private static let config = """
    {"class_name": "Sequential", "config": {"name": "small", "layers": [\
    {"class_name": "InputLayer", "config": {"batch_shape": [null, 6], "name": "input"}}, \
    {"class_name": "Dense", "config": {"name": "dense", "units": 2, "activation": "softmax"}}]}}
    """

  private func samples(_ count: Int, seed: UInt64) throws -> MemorySource {
    var random = SeededGenerator(seed: seed, stream: "samples")
    return try MemorySource(
      inputs: (0..<count * 6).map { _ in Float(random.nextNormal()) }, sampleShape: [6],
      labels: (0..<count).map { Int32($0 % 2) }, classCount: 2)
  }

  private func identifier(_ number: Int, usesText: Bool) -> SampleIdentifier {
    usesText ? .string("person-\(number)") : .integer(Int64(1_000_000_000 + number))
  }

  /// A checkpoint of two splits, large enough for a few chunks of ids.
  private func write(_ name: String, count: Int, usesText: Bool, seed: UInt64) throws -> String {
    let network = try KerasConfiguration(parsing: Self.config).architecture
    var draft = CheckpointDraft(
      modelConfig: Self.config,
      parameters: Parameters(initializing: try network.parameterSpecifications(), seed: seed))
    draft.splits = [
      DraftSplit(
        name: "train", role: .train, samples: try samples(count, seed: seed),
        identifiers: (0..<count).map { identifier($0, usesText: usesText) }),
      DraftSplit(
        name: "test", role: .test, samples: try samples(20, seed: seed &+ 1),
        identifiers: (count..<count + 20).map { identifier($0, usesText: usesText) }),
    ]
    draft.recipe = TrainingRecipe(epochs: 1)
    draft.provenance = ProvenanceEntry(operation: "import")
    let path = folder.path(name)
    try draft.write(to: path)
    return path
  }

  @Test(arguments: 0..<12)
  func whatWasRewrittenWithoutRecordsIsClean(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed, stream: "requests")
    let usesText = seed % 2 == 0
    let count = Int(20 + random.next() % 300)
    let original = try write("in.h5", count: count, usesText: usesText, seed: seed)
    let checkpoint = try Checkpoint(reading: original)
    let removed = Set(
      (0..<Int(1 + random.next() % 30)).map { _ in Int(random.next() % UInt64(count)) })
    let erased = removed.map { identifier($0, usesText: usesText).description }
    var changes = CheckpointChanges()
    changes.removedRows = ["train": removed]
    changes.dropsOptimizerState = true
    changes.provenance = ProvenanceEntry(
      operation: "unlearn", details: .object(["forgotten": .integer(Int64(removed.count))]))
    let output = folder.path("out.h5")
    try checkpoint.rewrite(changes, to: output)

    let request = Validation.Request(erased: erased, original: original)
    let clean = try Validation.run(output, request)
    #expect(clean.findings.kept == [])
    let summary = try #require(clean.erasure)
    #expect(summary.originalRowCount == removed.count)
    #expect(summary.specificIdentifierCount == removed.count)
    #expect(summary.comparedRowCount == count - removed.count + 20)
    #expect(summary.searchedFileByteCount == clean.storage.fileByteCount)

    let untouched = try Validation.run(original, request)
    #expect(untouched.findings.counts["MC030"] == removed.count)
    #expect(untouched.findings.counts["MC032"] == removed.count)
    #expect(untouched.findings.counts["MC033"] != nil)
  }

  @Test func theStateOfATrainingRunIsFoundOut() throws {
    let original = Fixtures.path("flavours/tfkeras_deep.weights.h5")
    let request = Validation.Request(erased: ["person-4"])
    let found = try Validation.run(original, request).findings.kept.filter { $0.rule == "MC035" }
    #expect(found.map(\.path) == ["/optimizer", "/metrics/mean/vars/0", "/metrics/mean/vars/1"])
    var changes = CheckpointChanges()
    changes.dropsOptimizerState = true
    let path = folder.path("out.weights.h5")
    try Checkpoint(reading: original).rewrite(changes, to: path)
    #expect(try Validation.run(path, request).findings.counts["MC035"] == nil)
  }

  @Test func anInputThatWasNotTouchedIsFoundOut() throws {
    let path = try write("in.h5", count: 30, usesText: true, seed: 3)
    let result = try Validation.run(path, Validation.Request(erased: ["person-4", "person-31"]))
    #expect(result.findings.kept.map(\.rule) == ["MC030", "MC030"])
    #expect(
      result.findings.kept.map(\.path) == [
        "/modelctl/splits/test/id[1]", "/modelctl/splits/train/id[4]",
      ]
        || result.findings.kept.map(\.path) == [
          "/modelctl/splits/train/id[4]", "/modelctl/splits/test/id[1]",
        ])
  }

  /// Bytes behind the end that HDF5 knows are nobody's, wherever they come from.
  @Test func recordsBehindTheEndOfTheFileAreFound() throws {
    let original = try write("in.h5", count: 30, usesText: true, seed: 5)
    let checkpoint = try Checkpoint(reading: original)
    var changes = CheckpointChanges()
    changes.removedRows = ["train": [4]]
    changes.provenance = ProvenanceEntry(operation: "unlearn")
    let output = folder.path("out.h5")
    try checkpoint.rewrite(changes, to: output)
    let row = try HDF5File(reading: original).dataset(at: "/modelctl/splits/train/x").bytes(4..<5)
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
    try handle.seekToEnd()
    try handle.write(
      contentsOf: Data([UInt8](repeating: 9, count: 5) + row + Array("person-4".utf8)))
    try handle.close()
    let result = try Validation.run(
      output, Validation.Request(erased: ["person-4"], original: original))
    #expect(Set(result.findings.counts.keys) == ["MC015", "MC031", "MC034"])
  }

  /// Chunks in which no row goes are copied as they are stored, but not what hides in them.
  @Test(arguments: ["behind", "inside", "elsewhere"])
  func whatNoReaderSeesIsNotCopied(_ place: String) throws {
    let original = Fixtures.path("validate/MC015-\(place)-chunk.h5")
    for removed: Set<Int> in [[], [11]] {
      var changes = CheckpointChanges()
      changes.removedRows = ["train": removed]
      let output = folder.path("out.h5")
      try Checkpoint(reading: original).rewrite(changes, to: output)
      #expect(try Validation.run(original).findings.counts["MC015"] == 1)
      #expect(try Validation.run(output).findings.counts["MC015"] == nil)
      #expect(try Data(contentsOf: URL(fileURLWithPath: output)).range(of: Self.hidden) == nil)
      let path = place == "elsewhere" ? "/extra/x" : "/modelctl/splits/train/x"
      let rows = try [original, output].map { try HDF5File(reading: $0).dataset(at: path).bytes() }
      #expect(rows[0].starts(with: rows[1]) && rows[1].count > 300)
    }
  }

  private static let hidden = Data("of a forgotten record".utf8)

  @Test func plainRecordsAreCountedAndNotSearched() throws {
    let path = folder.path("plain.h5")
    var draft = CheckpointDraft(modelConfig: nil)
    let plain = try MemorySource(
      inputs: [Float](repeating: 0, count: 60), sampleShape: [6],
      labels: [Int32](repeating: 0, count: 10), classCount: 2)
    draft.splits = [
      DraftSplit(
        name: "train", role: .train, samples: plain,
        identifiers: (0..<10).map { .string("person-\($0)") })
    ]
    try draft.write(to: path)
    var changes = CheckpointChanges()
    changes.removedRows = ["train": [2]]
    let output = folder.path("out.h5")
    try Checkpoint(reading: path).rewrite(changes, to: output)
    let result = try Validation.run(
      output, Validation.Request(erased: ["person-2"], original: path))
    #expect(result.findings.kept == [])
    #expect(result.erasure?.trivialRowCount == 1)
  }

  /// Ids are compared in passes, so that a file of any size fits the memory.
  @Test(arguments: [1, 7, 100, 4 << 20])
  func duplicatesAreFoundInAnyNumberOfPasses(_ idsPerPass: Int) throws {
    let checkpoint = try Checkpoint(reading: Fixtures.path("validate/MC003.h5"))
    var findings = Findings()
    try IdentifierRule(
      checkpoint: checkpoint, checkInterruption: {}, idsPerPass: idsPerPass
    ).run(&findings)
    #expect(findings.counts == ["MC003": 1])
  }
}
