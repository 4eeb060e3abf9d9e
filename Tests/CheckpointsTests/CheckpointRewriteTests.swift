import Foundation
import HDF5
import ModelCore
import TestSupport
import Testing

@testable import Checkpoints

@Suite struct CheckpointRewriteTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private func written(_ draft: CheckpointDraft, _ name: String = "in.h5") throws -> Checkpoint {
    let path = folder.path(name)
    try draft.write(to: path)
    return try Checkpoint(reading: path)
  }

  @Test(arguments: [
    [0], [19], [3, 4, 5], [0, 7, 19], Array(0..<20), Array(stride(from: 0, to: 20, by: 2)),
  ])
  func theLastRowsFillTheGaps(_ removed: [Int]) throws {
    for makesText in [false, true] {
      let draft = try SmallModel.draft {
        makesText ? .string("id-\($0)") : .integer(Int64($0))
      }
      let source = try written(draft)
      var changes = CheckpointChanges()
      changes.removedRows = ["train": Set(removed)]
      let path = folder.path("out.h5")
      let receipt = try source.rewrite(changes, to: path)
      let result = try Checkpoint(reading: path)
      let kept = Self.filled(20, without: Set(removed))
      #expect(try SmallModel.rows(result, "train") == kept)
      #expect(try SmallModel.rows(result, "test") == Array(1000..<1005))
      let train = try result.split(named: "train")
      #expect(
        try result.identifiers(of: train).map(\.description)
          == kept.map { makesText ? "id-\($0)" : "\($0)" })
      #expect(
        try result.samples(of: train).readTargets(0..<kept.count)
          == .classes(kept.map { Int32($0 % 2) }))
      #expect(receipt.sourceDigest == source.contentDigest)
      #expect(receipt.contentDigest != source.contentDigest)
      #expect(try result.computeManifest().contentDigest == receipt.contentDigest)
    }
  }

  /// The rows of a new column: where one has gone, the first of the last ones that stay.
  static func filled(_ count: Int, without removed: Set<Int>) -> [Int] {
    let remaining = count - removed.count
    var last = (remaining..<count).filter { !removed.contains($0) }[...]
    return (0..<remaining).map { removed.contains($0) ? last.removeFirst() : $0 }
  }

  /// Several chunks: some are taken over as they are stored, the others packed anew.
  @Test(arguments: [
    (ElementType.uint8, [16, 16, 3], []), (.uint8, [16, 16, 3], [2005, 2006, 2999]),
    (.float32, [7, 11], [0]), (.float32, [7, 11], [1234, 8000, 8001, 8999]),
    (.uint8, [16, 16, 3], Array(300..<2900)),
    (.float64, [300], Array(stride(from: 0, to: 9000, by: 450))),
  ])
  func chunksInWhichNothingChangesStay(
    type: ElementType, shape: [Int], removed: [Int]
  ) throws {
    let count = type == .uint8 ? 3000 : 9000
    let source = PatternSource(count: count, shape: try Shape(shape), type: type)
    var draft = CheckpointDraft(modelConfig: nil)
    draft.splits = [
      DraftSplit(
        name: "train", role: .train, samples: source,
        identifiers: (0..<count).map { .integer(Int64($0)) })
    ]
    let input = try written(draft)
    var changes = CheckpointChanges()
    changes.removedRows = ["train": Set(removed)]
    let path = folder.path("out.h5")
    let receipt = try input.rewrite(changes, to: path)
    let result = try Checkpoint(reading: path)
    let kept = Self.filled(count, without: Set(removed))
    let column = try result.file.dataset(at: "/modelctl/splits/train/x")
    #expect(try column.bytes() == kept.flatMap { try source.bytes($0) })
    let split = try result.split(named: "train")
    #expect(try result.identifiers(of: split) == kept.map { .integer(Int64($0)) })
    // By the library alone, without what unpacks chunks here.
    var digest = try ArrayDigest(of: column)
    try column.bytes().withUnsafeBytes { digest.update($0) }
    #expect(result.manifest?["modelctl/splits/train/x"] == digest.entry(at: column.path))
    #expect(receipt.sourceDigest == input.contentDigest)
    #expect(try result.computeManifest() == result.manifest)

    let old = try input.file.dataset(at: column.path)
    let size = old.description.rowsPerChunk
    try #require(size * 3 < count)
    for start in stride(from: 0, to: kept.count, by: size)
    where kept[start..<min(start + size, kept.count)].elementsEqual(start..<start + size) {
      #expect(try old.storedChunk(atRow: start) == column.storedChunk(atRow: start))
    }
  }

  /// Other writers than Keras store it as integers with the mark of Keras's archives.
  @Test(arguments: ["unmarked", "marked", "integers"])
  func bfloat16IsReadInEveryForm(_ form: String) throws {
    let file = try Checkpoint(reading: Fixtures.path("validate/bfloat16-\(form).h5"))
    #expect(file.storedWeights.map(\.elementType) == [.bfloat16, .bfloat16])
    let parameters = try file.parameters()
    let bias = try #require(parameters.all.first { $0.name.role == "bias" })
    #expect(bias.values == [0.5, -0.5])
  }

  @Test func newWeightsKeepTheirStoredType() throws {
    for name in [
      "keras/keras3_float16", "keras/keras3_float64", "keras/keras3_big_endian",
      "keras/tfkeras_sequential", "validate/bfloat16-unmarked", "validate/bfloat16-integers",
    ] {
      let source = try Checkpoint(reading: Fixtures.path("\(name).h5"))
      var changes = CheckpointChanges()
      var parameters = try source.parameters()
      let first = try #require(parameters.all.first?.name)
      parameters.update { name, values in if name == first { values[0] += 1 } }
      changes.parameters = parameters
      let path = folder.path("out.h5")
      try source.rewrite(changes, to: path)
      let result = try Checkpoint(reading: path)
      #expect(result.storedWeights == source.storedWeights)
      for (old, new) in zip(source.storedWeights, result.storedWeights) {
        let (before, after) = (try source.tensor(old).bytes, try result.tensor(new).bytes)
        guard old.parameterName == first else {
          #expect(before == after)
          continue
        }
        let width = old.elementType.byteCount
        #expect(before.prefix(width) != after.prefix(width))
        #expect(before.dropFirst(width) == after.dropFirst(width))
        #expect(
          source.file.node(at: old.path).map(storage) == result.file.node(at: new.path).map(storage)
        )
      }
      #expect(result.modelConfig == source.modelConfig)
    }
  }

  private func storage(_ node: HDF5Node) -> HDF5Type? {
    guard case .dataset(let description) = node else { return nil }
    return description.type
  }

  @Test func valuesThatDoNotFitAreRefused() throws {
    let source = try Checkpoint(reading: Fixtures.path("keras/keras3_float16.h5"))
    let path = folder.path("out.h5")
    for (value, isOverflow) in [(Float(1e6), true), (.nan, false)] {
      var changes = CheckpointChanges()
      var parameters = try source.parameters()
      parameters.update { _, values in values[0] = value }
      changes.parameters = parameters
      let error = #expect(throws: CheckpointError.self) { try source.rewrite(changes, to: path) }
      switch error?.problem {
      case .overflow: #expect(isOverflow)
      case .notFinite: #expect(!isOverflow)
      default: Issue.record("unexpected: \(String(describing: error))")
      }
    }
    #expect(try folder.contents.isEmpty)
  }

  @Test func optimizerStateGoes() throws {
    let source = try Checkpoint(reading: Fixtures.path("networks/mlp/keras3.h5"))
    let state = try #require(source.file.paths.first { $0.contains("dense_relu_kernel_momentum") })
    let bytes = Data(try source.file.dataset(at: state).bytes())
    #expect(try fileBytes(source.path).range(of: bytes) != nil)
    var changes = CheckpointChanges()
    changes.dropsOptimizerState = true
    let path = folder.path("out.h5")
    try source.rewrite(changes, to: path)
    let result = try Checkpoint(reading: path)
    #expect(!result.hasOptimizerState)
    #expect(try fileBytes(path).range(of: bytes) == nil)
    #expect(try result.parameters() == source.parameters())
    #expect(try result.file.root.hasAttribute("training_config"))
  }

  @Test func whatWasForgottenIsNotInTheFile() throws {
    let source = try withUnknownParts(try written(SmallModel.draft { .string("person-\($0)") }))
    let secret = try Tensor(floats: [13, 13.25, -13], shape: Shape(vector: 3)).bytes
    #expect(try fileBytes(source.path).range(of: Data(secret)) != nil)
    var changes = CheckpointChanges()
    changes.removedRows = ["train": [13]]
    changes.provenance = ProvenanceEntry(operation: "unlearn")
    let path = folder.path("out.h5")
    try source.rewrite(changes, to: path)
    let bytes = try fileBytes(path)
    #expect(bytes.range(of: Data(secret)) == nil)
    #expect(bytes.range(of: Data("person-13".utf8)) == nil)
    #expect(bytes.range(of: Data("person-12".utf8)) != nil)
    // A column that somebody added has a row for each sample too.
    let weights = try Checkpoint(reading: path).file.dataset(at: "/modelctl/splits/train/weight")
    #expect(try weights.bytes() == Self.filled(20, without: [13]).map { UInt8($0) })
  }

  /// The same checkpoint with its inputs unpacked, and things that this version does not know.
  private func withUnknownParts(_ source: Checkpoint) throws -> Checkpoint {
    let path = folder.path("unknown.h5")
    let file = try HDF5File(creating: path)
    let x = "/modelctl/splits/train/x"
    let inputs = try source.file.dataset(at: x)
    try TreeCopy(
      source: source.file, target: file,
      edits: [
        x: .replace { group, name in
          let copy = try group.createDataset(name, type: inputs.type, shape: inputs.shape)
          try inputs.bytes().withUnsafeBytes { try copy.write(from: $0) }
        }
      ], droppedAttributes: [:], checkInterruption: {}
    ).run()
    try file.root.setAttribute("author", to: "somebody")
    let extra = try file.root.createGroup("extra").createGroup("deep")
    try extra.setAttribute("note", to: ["a", "b"])
    try file.group(at: "/modelctl").createGroup("future").setAttribute("kind", to: "new")
    let column = try file.group(at: "/modelctl/splits/train").createDataset(
      "weight", type: .number(.uint8), shape: [20])
    try (0..<20).map { UInt8($0) }.withUnsafeBytes { try column.write(from: $0) }
    try file.close()
    return try Checkpoint(reading: path)
  }

  @Test func whatIsNotUnderstoodIsKept() throws {
    let source = try withUnknownParts(try written(SmallModel.draft()))
    var changes = CheckpointChanges()
    changes.removedRows = ["test": [0]]
    changes.recipe = TrainingRecipe(epochs: 9, optimizer: .sgd(momentum: 0.5), seed: .max)
    let path = folder.path("out.h5")
    try source.rewrite(changes, to: path)
    let result = try Checkpoint(reading: path)
    #expect(try result.file.root.string(attribute: "author") == "somebody")
    #expect(try result.file.group(at: "/extra/deep").strings(attribute: "note") == ["a", "b"])
    #expect(try result.file.group(at: "/modelctl/future").string(attribute: "kind") == "new")
    #expect(result.recipe == changes.recipe)
    let train = try result.split(named: "train")
    #expect(try result.file.group(at: train.path).string(attribute: "role") == "train")
  }

  /// Types, layouts and orders that this program has no use for go through unchanged.
  @Test func foreignPartsAreKept() throws {
    let source = try Checkpoint(reading: Fixtures.path("foreign/parts.h5"))
    let path = folder.path("out.h5")
    try source.rewrite(CheckpointChanges(), to: path)
    let result = try Checkpoint(reading: path)
    #expect(result.file.names(in: "/x") == source.file.names(in: "/x"))
    #expect(source.file.names(in: "/x").first == "zebra")
    for name in source.file.names(in: "/x") {
      let (old, new) = (
        try source.file.dataset(at: "/x/\(name)"), try result.file.dataset(at: "/x/\(name)")
      )
      #expect(new.type == old.type && new.shape == old.shape)
      if old.type.byteCount != nil { #expect(try new.bytes() == old.bytes(), "\(name)") }
      #expect(try new.attributeNames() == old.attributeNames())
    }
    let (old, new) = (try source.file.group(at: "/x"), try result.file.group(at: "/x"))
    for name in ["pair", "ragged"] {
      #expect(try new.attributeType(name).type == old.attributeType(name).type)
      #expect(try new.attributeType(name).shape == old.attributeType(name).shape)
    }
  }

  @Test func equalChangesMakeEqualFiles() throws {
    let source = try Checkpoint(reading: Fixtures.path("networks/batchnorm/keras2.h5"))
    var changes = CheckpointChanges()
    var parameters = try source.parameters()
    parameters.update { _, values in values[0] *= 0.5 }
    changes.parameters = parameters
    changes.dropsOptimizerState = true
    changes.provenance = ProvenanceEntry(operation: "unlearn")
    let paths = ["1.h5", "2.h5"].map { folder.path($0) }
    for path in paths {
      try source.rewrite(changes, to: path)
      Thread.sleep(forTimeInterval: 1.1)
    }
    #expect(try fileBytes(paths[0]) == fileBytes(paths[1]))
  }

  @Test func everyFixtureCanBeRewritten() throws {
    for network in KerasConfigurationTests.networks {
      let source = try Checkpoint(reading: Fixtures.path("networks/\(network)/keras3.h5"))
      var changes = CheckpointChanges()
      changes.parameters = try source.parameters()
      let path = folder.path("\(network).h5")
      let receipt = try source.rewrite(changes, to: path)
      #expect(receipt.contentDigest == receipt.sourceDigest)
      let result = try Checkpoint(reading: path)
      #expect(try result.parameters() == source.parameters())
      #expect(result.storedWeights == source.storedWeights)
      let added = Set(["/modelctl", "/modelctl/manifest"])
      #expect(Set(result.file.paths).subtracting(source.file.paths) == added)
    }
  }

  @Test func unknownSplitsAndRowsAreRefused() throws {
    let source = try written(SmallModel.draft())
    var changes = CheckpointChanges()
    changes.removedRows = ["absent": [0]]
    #expect(throws: CheckpointError(source.path, .unknownSplit("absent"))) {
      try source.rewrite(changes, to: folder.path("out.h5"))
    }
    changes.removedRows = ["train": [20]]
    #expect(throws: CheckpointError(source.path, .rows(split: "train", count: 20))) {
      try source.rewrite(changes, to: folder.path("out.h5"))
    }
  }
}
