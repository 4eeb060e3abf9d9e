import Foundation
import HDF5
import ModelCore
import TestSupport
import Testing
import Zip

@testable import Checkpoints

@Suite struct FlavourRewriteTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  /// A checkpoint with samples in any flavour.
  private func source(_ flavour: CheckpointFlavour) throws -> Checkpoint {
    let draft = try SmallModel.draft { .string("person-\($0)") }
    let path = folder.path("whole.h5")
    try draft.write(to: path)
    let whole = try Checkpoint(reading: path)
    guard flavour != .wholeModel else { return whole }
    let converted = folder.path("in" + flavour.fileExtension)
    try whole.prepareConversion(to: flavour, CheckpointChanges(), at: converted).commit()
    return try Checkpoint(
      reading: converted, architecture: flavour == .weights ? SmallModel.config : nil)
  }

  private func bytes(_ path: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: path))
  }

  @Test(arguments: [CheckpointFlavour.wholeModel, .weights, .archive])
  func whatWasForgottenIsNowhereInTheFile(_ flavour: CheckpointFlavour) throws {
    let source = try source(flavour)
    // The chunk as it is packed, with the row that goes in it.
    let column = try source.file.dataset(at: "/modelctl/splits/train/x")
    let secret = Data(try #require(try column.storedChunk(atRow: 0)).bytes)
    #expect(try bytes(source.path).range(of: secret) != nil)
    #expect(try bytes(source.path).range(of: Data("person-13".utf8)) != nil)
    var changes = CheckpointChanges()
    changes.removedRows = ["train": [13]]
    changes.dropsOptimizerState = true
    changes.provenance = ProvenanceEntry(operation: "unlearn")
    var parameters = try source.parameters()
    parameters.update { _, values in values[0] += 1 }
    changes.parameters = parameters
    let path = folder.path("out" + flavour.fileExtension)
    let receipt = try source.rewrite(changes, to: path)
    let written = try bytes(path)
    #expect(written.range(of: secret) == nil)
    #expect(written.range(of: Data("person-13".utf8)) == nil)
    #expect(written.range(of: Data("person-12".utf8)) != nil)
    let result = try Checkpoint(
      reading: path, architecture: flavour == .weights ? SmallModel.config : nil)
    #expect(result.flavour == flavour)
    #expect(try result.parameters() == parameters)
    #expect(
      try SmallModel.rows(result, "train") == CheckpointRewriteTests.filled(20, without: [13]))
    #expect(result.contentDigest == receipt.contentDigest)
    #expect(try result.computeManifest() == result.manifest)
    #expect(receipt.byteCount == written.count)
    // Again, and the same bytes.
    let again = folder.path("again" + flavour.fileExtension)
    try source.rewrite(changes, to: again)
    #expect(try bytes(again) == written)
    #expect(try folder.contents.allSatisfy { !$0.hasSuffix(".tmp") })
  }

  @Test func anArchiveKeepsItsOtherMembers() throws {
    var members = try Flavours.members(of: Flavours.path("deep.keras"))
    members.append(("assets/words/vocabulary.txt", Array("a\nb\n".utf8)))
    members.append(("somebody's notes.txt", [0, 1, 2, 255]))
    let path = folder.path("in.keras")
    try Flavours.write(members, to: path)
    let source = try Checkpoint(reading: path)
    var changes = CheckpointChanges()
    changes.dropsOptimizerState = true
    let out = folder.path("out.keras")
    try source.rewrite(changes, to: out)
    let written = try Flavours.members(of: out)
    #expect(written.map(\.name) == members.map(\.name))
    for (old, new) in zip(members, written) where old.name != "model.weights.h5" {
      #expect(old.bytes == new.bytes, "\(old.name)")
    }
    let archive = try ZipArchive(path: out)
    #expect(archive.members.filter { !$0.isStored }.isEmpty)
    let result = try Checkpoint(reading: out)
    #expect(!result.hasOptimizerState)
    #expect(try Flavours.weights(of: result) == Flavours.notes["deep.keras"]?.weights)
    #expect(result.manifest?["config.json"] != nil)
  }

  /// tf-keras loads no weights into a trained model without finding its metrics' variables.
  @Test(arguments: ["tfkeras_deep.keras", "tfkeras_deep.weights.h5"])
  func metricsStartAnewAndTheOptimizerGoes(_ name: String) throws {
    let source = try Flavours.open(name)
    let metrics = ["/metrics/mean/vars/0", "/metrics/mean/vars/1"]
    #expect(source.hasOptimizerState)
    #expect(try source.metricsWithTraces() == metrics)
    var changes = CheckpointChanges()
    changes.dropsOptimizerState = true
    let path = folder.path(name)
    try source.rewrite(changes, to: path)
    let result = try Checkpoint(reading: path)
    #expect(!result.hasOptimizerState)
    #expect(try result.metricsWithTraces() == [])
    for path in metrics {
      let (old, new) = (try source.file.dataset(at: path), try result.file.dataset(at: path))
      #expect(new.type == old.type && new.shape == old.shape)
      #expect(try new.bytes().allSatisfy { $0 == 0 })
    }
  }

  /// A model inside that was trained by itself keeps the state of that run, which goes too.
  @Test(arguments: ["inside.keras", "tfkeras_inside.keras"])
  func aModelInsideForgetsItsTrainingToo(_ name: String) throws {
    let source = try Flavours.open(name)
    let inner = "/layers/sequential"
    #expect(source.optimizerStates == ["\(inner)/optimizer", "/optimizer"])
    // The loss of zeros is zero; how many samples there were is not.
    let metrics = name == "inside.keras" ? [] : [inner, ""].map { "\($0)/metrics/mean/vars/1" }
    #expect(try source.metricsWithTraces() == metrics)
    var changes = CheckpointChanges()
    changes.dropsOptimizerState = true
    let path = folder.path(name)
    try source.rewrite(changes, to: path)
    let result = try Checkpoint(reading: path)
    #expect(result.optimizerStates == [])
    #expect(try result.metricsWithTraces() == [])
    #expect(result.file.paths.filter { $0.contains("/optimizer") } == [])
    #expect(try Flavours.weights(of: result) == Flavours.notes[name]?.weights)
  }

  /// Keras marks its bfloat16 by an attribute, without which it would read something else.
  @Test(arguments: ["bfloat16", "float16", "float64"])
  func newWeightsKeepTheirType(_ name: String) throws {
    let source = try Flavours.open("\(name).keras")
    var changes = CheckpointChanges()
    var parameters = try source.parameters()
    parameters.update { _, values in values[0] = 0.5 }
    changes.parameters = parameters
    let path = folder.path("out.keras")
    try source.rewrite(changes, to: path)
    let result = try Checkpoint(reading: path)
    #expect(result.storedWeights == source.storedWeights)
    #expect(try result.parameters() == parameters)
    if name == "bfloat16" {
      let dataset = try result.file.dataset(at: "/layers/dense/vars/0")
      #expect(dataset.type == .opaque(byteCount: 2))
      #expect(try dataset.string(attribute: "dtype") == "bfloat16")
    }
  }

  @Test(arguments: [
    ("plain.keras", "out.h5"), ("plain.keras", "out.weights.h5"), ("plain.h5", "out.keras"),
    ("plain.weights.h5", "out.h5"), ("plain.h5", "out.weights.h5"),
  ])
  func aNameThatPromisesAnotherFlavourIsRefused(_ name: String, _ out: String) throws {
    let source = try Flavours.open(name)
    let error = #expect(throws: CheckpointError.self) {
      try source.rewrite(CheckpointChanges(), to: folder.path(out))
    }
    #expect(error?.problem == .otherFlavour(source.flavour))
    #expect(try folder.contents.isEmpty)
  }

  @Test func anInterruptionLeavesNothing() throws {
    struct Stop: Error {}
    let source = try Flavours.open("deep.keras")
    for limit in [0, 3, 10, 30] {
      var count = 0
      var options = WriteOptions()
      options.checkInterruption = {
        count += 1
        if count > limit { throw Stop() }
      }
      #expect(throws: Stop.self) {
        try source.rewrite(CheckpointChanges(), to: folder.path("out.keras"), options: options)
      }
      #expect(try folder.contents.isEmpty)
    }
  }

  /// What other tools keep beside a model comes along, whatever its type is.
  @Test(arguments: ["strangers.h5", "strangers.weights.h5"])
  func strangersComeAlong(_ name: String) throws {
    let source = try Flavours.open(name)
    let path = folder.path(name)
    var changes = CheckpointChanges()
    changes.dropsOptimizerState = true
    try source.rewrite(changes, to: path)
    let result = try Checkpoint(reading: path)
    #expect(try result.file.root.string(attribute: "tool") == "somebody's")
    let names = source.file.names(in: "/notes")
    #expect(names.count == 12 && Set(result.file.names(in: "/notes")) == Set(names))
    for name in names {
      let (old, new) = (
        try source.file.dataset(at: "/notes/\(name)"), try result.file.dataset(at: "/notes/\(name)")
      )
      #expect(old.type == new.type && old.shape == new.shape, "\(name)")
      if old.type == .variableString {
        #expect(try old.strings() == new.strings(), "\(name)")
      } else if old.type.byteCount != nil, old.description.elementCount > 0 {
        #expect(try old.bytes() == new.bytes(), "\(name)")
      }
    }
    let (old, new) = (try source.file.group(at: "/notes"), try result.file.group(at: "/notes"))
    #expect(try old.attributeNames() == new.attributeNames())
    #expect(try new.numbers(attribute: "numbers") == [0, 1, 2])
    #expect(try new.strings(attribute: "words") == ["a", "bc"])
  }
}
