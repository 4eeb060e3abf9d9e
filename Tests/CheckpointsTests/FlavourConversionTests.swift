import Foundation
import HDF5
import ModelCore
import TestSupport
import Testing
import Zip

@testable import Checkpoints

@Suite struct FlavourConversionTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private func convert(
    _ source: Checkpoint, to flavour: CheckpointFlavour, _ name: String = "out"
  ) throws -> String {
    let path = folder.path(name + flavour.fileExtension)
    try source.prepareConversion(to: flavour, CheckpointChanges(), at: path).commit()
    return path
  }

  /// An `.h5` has the weights of LoRA beside a kernel, the other flavours have them added to it.
  @Test func adaptedLayersStayInTheirFlavour() throws {
    for (name, flavour) in [
      ("adapted.keras", CheckpointFlavour.wholeModel), ("adapted.h5", .archive),
    ] {
      let error = #expect(throws: CheckpointError.self) {
        try convert(Flavours.open(name), to: flavour)
      }
      #expect(error?.description.contains("'wide'") == true, "\(error?.description ?? "")")
    }
    let whole = try convert(Flavours.open("adapted.h5"), to: .wholeModel)
    #expect(
      try Flavours.weights(of: Checkpoint(reading: whole)) == Flavours.notes["adapted.h5"]?.weights)
  }

  /// An `.h5` has a group of that name for the weights that belong to no layer.
  @Test func aReservedNameIsRefusedWhereItHasNoPlace() throws {
    let source = try Flavours.open("reserved.keras")
    let error = #expect(throws: CheckpointError.self) { try convert(source, to: .wholeModel) }
    #expect(
      error?.description.hasSuffix(
        "'the architecture': expected layers whose names an .h5 has a place for, found one called "
          + "'top_level_model_weights'; a .keras or a .weights.h5 can hold it") == true,
      "\(error?.description ?? "")")
    #expect(error?.kind == .badInput)
    #expect(try folder.contents == [])
    let weights = try convert(source, to: .weights)
    let result = try Checkpoint(reading: weights, architecture: source.standaloneConfig())
    #expect(try result.parameters() == source.parameters())
  }

  /// A class that saves its variables itself may give them names instead of numbers.
  @Test func namedVariablesKeepTheirNames() throws {
    let source = try Flavours.open("words.keras")
    let weight = try #require(source.storedWeights.first { $0.layer == "words" })
    #expect(weight.role == "idf_weights" && weight.path.hasSuffix("/vars/idf_weights"))
    #expect(source.placesOfWeights()[weight.path]?.role == "idf_weights")
    let weights = try convert(source, to: .weights)
    let result = try Checkpoint(reading: weights, architecture: source.standaloneConfig())
    #expect(try Flavours.weights(of: result) == Flavours.weights(of: source))
    #expect(result.storedWeights.map(\.path) == source.storedWeights.map(\.path))
    // An .h5 has a place neither for them nor for the vocabulary.
    for checkpoint in [source, result] {
      #expect(throws: CheckpointError.self) { try convert(checkpoint, to: .wholeModel) }
    }
    #expect(source.assets.count == 2 && result.assets.isEmpty)
  }

  @Test(arguments: ["plain.h5", "plain.keras", "mixed_bfloat16.keras", "float64.keras"])
  func everyWayKeepsEveryBit(_ name: String) throws {
    let source = try Flavours.open(name)
    let weights = try Flavours.weights(of: source)
    for flavour in [CheckpointFlavour.wholeModel, .weights, .archive] {
      let path = try convert(source, to: flavour)
      let architecture = flavour == .weights ? try source.standaloneConfig() : nil
      let result = try Checkpoint(reading: path, architecture: architecture)
      #expect(result.flavour == flavour)
      #expect(try Flavours.weights(of: result) == weights, "\(flavour)")
      let keepsPlaces = flavour == source.flavour || (flavour.storesObjects && name != "plain.h5")
      #expect(result.hasOptimizerState == (source.hasOptimizerState && keepsPlaces))
      #expect(try result.parameters() == source.parameters())
      #expect(try result.computeManifest() == result.manifest)
      // And back to where it came from.
      let back = try convert(result, to: source.flavour, "back")
      #expect(try Flavours.weights(of: Checkpoint(reading: back)) == weights)
    }
  }

  /// Everything that Keras itself keeps of a training run in both of them.
  @Test(arguments: ["tfkeras_deep", "deep", "plain"])
  func theStateOfATrainingRunGoesBetweenArchivesAndWeights(_ name: String) throws {
    let path = try convert(Flavours.open("\(name).keras"), to: .weights)
    let ours = try Self.trainingState(Checkpoint(reading: path).file)
    let kept = try Self.trainingState(Flavours.open("\(name).weights.h5").file)
    #expect(ours == kept)
    #expect(!kept.isEmpty)
  }

  private static func trainingState(_ file: HDF5File) throws -> [String: [UInt8]] {
    var state: [String: [UInt8]] = [:]
    for path in file.paths where path.hasPrefix("/optimizer/") || path.hasPrefix("/metrics/") {
      guard case .dataset = file.node(at: path) else { continue }
      state[path] = try file.dataset(at: path).bytes()
    }
    return state
  }

  /// The same places that Keras itself gives the weights.
  @Test func objectsLieWhereKerasPutsThem() throws {
    let path = try convert(Flavours.open("plain.h5"), to: .weights)
    let (ours, keras) = (try Checkpoint(reading: path), try Flavours.open("plain.weights.h5"))
    #expect(Set(ours.storedWeights) == Set(keras.storedWeights))
    let groups = { (file: HDF5File) in
      Set(file.paths.filter { $0.hasPrefix("/layers") || $0.hasPrefix("/vars") })
    }
    #expect(groups(ours.file) == groups(keras.file))
    for name in ["/vars", "/layers/dense/vars", "/layers/dense_1/vars"] {
      #expect(
        try ours.file.group(at: name).string(attribute: "name")
          == keras.file.group(at: name).string(attribute: "name"))
    }
  }

  @Test func nestedModelsLieWhereKerasPutsThem() throws {
    let given = try Flavours.open("deep.weights.h5", architecture: "deep.json")
    let archive = try convert(given, to: .archive)
    let (ours, keras) = (try Checkpoint(reading: archive), try Flavours.open("deep.keras"))
    #expect(ours.storedWeights == keras.storedWeights)
    let whole = try Checkpoint(reading: try convert(given, to: .wholeModel))
    let names = try whole.file.group(at: "/model_weights/encoder").strings(
      attribute: "weight_names")
    #expect(
      names == [
        "encoder/dense/kernel", "encoder/dense/bias", "encoder/batch_normalization/gamma",
        "encoder/batch_normalization/beta", "encoder/batch_normalization/moving_mean",
        "encoder/batch_normalization/moving_variance",
      ])
  }

  @Test func samplesAndProvenanceComeAlong() throws {
    let path = folder.path("whole.h5")
    try SmallModel.draft { .integer(Int64($0)) }.write(to: path)
    let source = try Checkpoint(reading: path)
    var changes = CheckpointChanges()
    changes.provenance = ProvenanceEntry(operation: "export")
    let out = folder.path("out.keras")
    try source.prepareConversion(to: .archive, changes, at: out).commit()
    let result = try Checkpoint(reading: out)
    #expect(result.splits.map(\.name) == source.splits.map(\.name))
    #expect(try SmallModel.rows(result, "train") == SmallModel.rows(source, "train"))
    #expect(result.provenance.count == source.provenance.count + 1)
    #expect(ProvenanceRecord.firstBreak(in: result.provenance) == nil)
    #expect(result.provenance.last?.contentBefore == source.contentDigest)
    changes.keepsSplits = false
    let bare = folder.path("bare.keras")
    try source.prepareConversion(to: .archive, changes, at: bare).commit()
    #expect(try Checkpoint(reading: bare).splits.isEmpty)
    #expect(try Checkpoint(reading: bare).computeManifest() == Checkpoint(reading: bare).manifest)
  }

  @Test func strangersComeAlongToo() throws {
    let path = try convert(Flavours.open("strangers.h5"), to: .weights)
    let result = try Checkpoint(reading: path)
    #expect(try result.file.root.string(attribute: "tool") == "somebody's")
    #expect(result.file.names(in: "/notes").count == 12)
    #expect(result.file.node(at: "/model_weights") == nil)
    #expect(try !result.file.root.hasAttribute("model_config"))
  }

  /// Wrappers, attention, stacks of cells, and models in them: each way comes to what Keras wrote.
  @Test(arguments: ["composite", "shared", "custom_own"])
  func partsLieWhereKerasPutsThem(_ name: String) throws {
    let (whole, archive) = (try Flavours.open("\(name).h5"), try Flavours.open("\(name).keras"))
    let objects = try Checkpoint(reading: convert(whole, to: .archive))
    #expect(objects.storedWeights.map(\.path) == archive.storedWeights.map(\.path))
    #expect(try digests(objects) == digests(archive))
    #expect(objects.storedWeights.map(\.name) == archive.storedWeights.map(\.name))
    let lists = try Checkpoint(reading: convert(archive, to: .wholeModel))
    #expect(lists.storedWeights.map(\.layer) == whole.storedWeights.map(\.layer))
    #expect(try digests(lists) == digests(whole))
    let bare = try convert(lists, to: .weights)
    let config = try lists.standaloneConfig()
    #expect(try digests(Checkpoint(reading: bare, architecture: config)) == digests(archive))
  }

  @Test(arguments: ["composite", "shared"])
  func partsOfKeras2AreFoundToo(_ name: String) throws {
    let archive = try Flavours.open("tfkeras_\(name).keras")
    let whole = try Flavours.open("tfkeras_\(name).h5")
    let lists = try Checkpoint(reading: convert(archive, to: .wholeModel))
    #expect(try digests(lists) == digests(whole))
    let objects = try convert(whole, to: .weights)
    let config = try whole.standaloneConfig()
    #expect(try digests(Checkpoint(reading: objects, architecture: config)) == digests(archive))
  }

  /// In the file's order.
  private func digests(_ checkpoint: Checkpoint) throws -> [String] {
    try checkpoint.storedWeights.map { sha256(of: try checkpoint.tensor($0).bytes) }
  }

  /// An attribute of 64 KiB is where HDF5's older layout ends; these are longer, both as text and
  /// as a list.
  @Test func longListsAndConfigurationsAreWritten() throws {
    let root = try JSONValue(parsing: Fixtures.text("flavours/plain.json"))
    var (model, config) = (try #require(root.object), try #require(root["config"]?.object))
    let names = (0..<5000).map { "an_activation_that_does_nothing_\($0)" }
    let layers = names.map { name in
      JSONValue.object(["class_name": .string("ReLU"), "config": .object(["name": .string(name)])])
    }
    config["layers"] = .array((config["layers"]?.array ?? []) + layers)
    model["config"] = .object(config)
    let given = try Checkpoint(
      reading: Flavours.path("plain.weights.h5"), architecture: JSONValue.object(model).text)
    let whole = try Checkpoint(reading: convert(given, to: .wholeModel))
    #expect(
      whole.modelConfig == given.modelConfig && (whole.modelConfig?.utf8.count ?? 0) > 300_000)
    let listed = try whole.file.group(at: "/model_weights").strings(attribute: "layer_names")
    #expect(listed.suffix(5000) == names[...])
    #expect(try whole.parameters() == Flavours.open("plain.h5").parameters())
    let again = folder.path("again.h5")
    try whole.prepare(CheckpointChanges(), to: again).commit()
    #expect(try Checkpoint(reading: again).contentDigest == whole.contentDigest)
  }

  /// Between the two flavours in which objects own weights nothing has to be known about them.
  @Test(arguments: ["custom_inside", "custom_own", "composite", "tfkeras_composite", "recurrent"])
  func placesAreKeptWhereTheyCanBe(_ name: String) throws {
    let source = try Flavours.open("\(name).keras")
    let bare = try Checkpoint(
      reading: convert(source, to: .weights), architecture: source.standaloneConfig())
    #expect(bare.storedWeights == source.storedWeights)
    #expect(try digests(bare) == digests(source))
    #expect(try bare.computeManifest() == bare.manifest)
    guard !name.hasPrefix("tfkeras") else { return }
    let back = try Checkpoint(reading: convert(bare, to: .archive, "back"))
    #expect(back.storedWeights == source.storedWeights)
    #expect(back.modelConfig == source.modelConfig)
  }

  @Test(arguments: [
    ("custom_inside.keras", CheckpointFlavour.wholeModel), ("custom_inside.h5", .archive),
  ])
  func whatOnlyItsClassKnowsIsRefused(name: String, flavour: CheckpointFlavour) throws {
    let error = #expect(throws: CheckpointError.self) {
      try convert(Flavours.open(name), to: flavour)
    }
    guard case .noPlace(let weight, "twofold", let className?) = error?.problem else {
      Issue.record("unexpected: \(String(describing: error))")
      return
    }
    #expect(weight.contains("inner") && className.hasSuffix("Twofold"))
    #expect(error?.description.contains("save it there") == true)
    #expect(try folder.contents.isEmpty)
  }

  /// The weights `scale/scale/kernel:0` of a layer named `scale` are those of something inside it,
  /// and a file that took them for its own would be refused by Keras.
  @Test(arguments: [CheckpointFlavour.weights, .archive])
  func aLayerInsideAnotherOfItsNameIsNotTakenForIt(_ flavour: CheckpointFlavour) throws {
    let error = #expect(throws: CheckpointError.self) {
      try convert(Flavours.open("tfkeras_custom_alike.h5"), to: flavour)
    }
    guard case .noPlace("scale/scale/kernel:0", "scale", "mine>Hiding") = error?.problem else {
      Issue.record("unexpected: \(String(describing: error))")
      return
    }
    #expect(try folder.contents.isEmpty)
  }

  /// Keras itself cannot load what it writes then; from these it can.
  @Test(arguments: [CheckpointFlavour.weights, .archive])
  func bfloat16OfAnH5GetsItsMark(_ flavour: CheckpointFlavour) throws {
    let source = try Flavours.open("bfloat16.h5")
    let path = try convert(source, to: flavour)
    let result = try Checkpoint(
      reading: path, architecture: flavour == .weights ? source.standaloneConfig() : nil)
    #expect(try Flavours.weights(of: result) == Flavours.notes["bfloat16.keras"]?.weights)
    for weight in result.storedWeights {
      let dataset = try result.file.dataset(at: weight.path)
      #expect(try dataset.string(attribute: "dtype") == "bfloat16")
    }
    #expect(try result.computeManifest() == result.manifest)
  }

  @Test func attentionOfKeras2IsNotPutIntoAnArchive() throws {
    let json = """
      {"class_name": "Functional", "config": {"name": "m", "layers": [{"class_name":
      "MultiHeadAttention", "name": "a", "config": {"name": "a", "num_heads": 2, "key_dim": 4,
      "query_shape": [null, 5, 8]}, "inbound_nodes": []}]}}
      """
    let path = folder.path("in.h5")
    let file = try HDF5File(creating: path)
    try file.root.setAttribute("model_config", to: json)
    try file.root.setAttribute("keras_version", to: "2.15.0")
    try file.root.createGroup("model_weights").setAttribute("layer_names", to: [String]())
    try file.close()
    let error = #expect(throws: CheckpointError.self) {
      try convert(Checkpoint(reading: path), to: .archive)
    }
    #expect(error?.description.contains("the layer 'a' with settings of an older form") == true)
  }

  @Test func whatKerasReadsFromNoSuchFileIsRefused() throws {
    #expect(throws: CheckpointError.self) {
      try convert(Flavours.open("bfloat16.keras"), to: .wholeModel)
    }
    #expect(throws: CheckpointError.self) {
      try convert(Flavours.open("plain.weights.h5"), to: .archive)
    }
    let bare = try Checkpoint(reading: Fixtures.path("keras/keras2_list_config.h5"))
    #expect(throws: CheckpointError.self) { try convert(bare, to: .archive) }
    #expect(try folder.contents.isEmpty)
  }
}
