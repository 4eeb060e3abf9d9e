import Foundation
import HDF5
import ModelCore
import TestSupport
import Testing
import Zip

@testable import Checkpoints

@Suite struct FlavourReadingTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  /// Keras 2 does not write the layers' names beside the weights: only an architecture has them.
  @Test(
    arguments: Flavours.notes.keys.filter {
      !($0.hasPrefix("tfkeras_") && $0.hasSuffix(".weights.h5"))
    }.sorted())
  func findsTheWeightsUnderKerassNames(_ name: String) throws {
    let checkpoint = try Flavours.open(name)
    let note = try #require(Flavours.notes[name])
    #expect(checkpoint.flavour.rawValue == note.flavour)
    #expect(try Flavours.weights(of: checkpoint) == note.weights)
  }

  @Test func allFilesAreThere() { #expect(Flavours.notes.count >= 20) }

  @Test func theFlavourFollowsFromTheContent() throws {
    for (name, flavour) in [
      ("plain.keras", CheckpointFlavour.archive), ("plain.weights.h5", .weights),
      ("plain.h5", .wholeModel),
    ] {
      let path = folder.path("model.bin")
      try? FileManager.default.removeItem(atPath: path)
      try FileManager.default.copyItem(atPath: Flavours.path(name), toPath: path)
      #expect(try Checkpoint(reading: path).flavour == flavour)
    }
    let legacy = try Checkpoint(reading: Fixtures.path("keras/tfkeras_weights_only.h5"))
    #expect(legacy.flavour == .legacyWeights)
  }

  @Test func allFlavoursHoldOneModel() throws {
    let whole = try Flavours.open("plain.h5").parameters()
    #expect(try Flavours.open("plain.keras").parameters() == whole)
    let bare = try Flavours.open("plain.weights.h5")
    #expect(
      #expect(throws: CheckpointError.self) { try bare.parameters() }?.problem == .noArchitecture)
    let given = try Flavours.open("plain.weights.h5", architecture: "plain.json")
    #expect(try given.parameters() == whole)
    #expect(given.configPath == nil)
  }

  /// Keras counts its layers and not its operations, though both may be called `Add`.
  @Test func operationsOwnNoWeights() throws {
    let (archive, whole) = (
      try Checkpoint(reading: Fixtures.path("networks/operations/model.keras")),
      try Checkpoint(reading: Fixtures.path("networks/operations/keras3.h5"))
    )
    #expect(try archive.parameters() == whole.parameters())
    #expect(archive.architecture == whole.architecture)
    // An .h5 does not say which is which; converted, its weights are where Keras has them.
    let converted = folder.path("model.keras")
    try whole.prepareConversion(to: .archive, CheckpointChanges(), at: converted).commit()
    #expect(try Checkpoint(reading: converted).parameters() == whole.parameters())
  }

  @Test func twoArchitecturesAreOneTooMany() throws {
    let error = #expect(throws: CheckpointError.self) {
      try Flavours.open("plain.h5", architecture: "plain.json")
    }
    #expect(error?.problem == .hasArchitecture)
  }

  /// Keras 2 leaves the names out, so the order of the architecture is all there is.
  @Test func keras2IsMatchedByItsArchitecture() throws {
    let config = try #require(Flavours.open("tfkeras_deep.keras").modelConfig)
    let path = Flavours.path("tfkeras_deep.weights.h5")
    let note = try #require(Flavours.notes["tfkeras_deep.weights.h5"])
    #expect(
      try Flavours.weights(of: Checkpoint(reading: path, architecture: config)) == note.weights)
    let labels = try Checkpoint(reading: path).storedWeights.map(\.layer)
    #expect(labels.contains("sequential/dense") && labels.contains("dense_1"))
  }

  /// A layer with two directions has its inner layer twice; one in another is none of Keras's.
  @Test(arguments: [#""layer": "#, #""layer": {"class_name": "RNN", "config": {"cell": "#])
  func partsDoNotDoubleWithoutEnd(_ link: String) throws {
    let depth = 20
    let ends = link.contains("cell") ? "}}}}" : "}}"
    let text =
      String(repeating: #"{"class_name": "Bidirectional", "config": {"# + link, count: depth)
      + #"{"class_name": "LSTM", "config": {}}"# + String(repeating: ends, count: depth)
    let entry = try #require(KerasLayerEntry(parsing: text))
    #expect(KerasObject.all(of: entry).count < 10)
  }

  @Test func anArchitectureWithOtherLayersIsNamed() throws {
    for (find, replace, words) in [
      ("\"hidden\"", "\"veiled\"", ["veiled", "hidden", "/layers/dense"]),
      ("\"Dense\"", "\"Conv2D\"", ["conv2d", "dense"]),
    ] {
      let text = try Fixtures.text("flavours/plain.json")
        .replacing(find, with: replace)
      let error = #expect(throws: CheckpointError.self) {
        try Checkpoint(reading: Flavours.path("plain.weights.h5"), architecture: text)
      }
      let message = error?.description ?? ""
      #expect(words.allSatisfy { message.contains($0) }, "\(message)")
      #expect(error?.kind == .badInput)
    }
  }

  @Test func optimizerStateIsNoticedInEveryFlavour() throws {
    for name in ["plain.keras", "plain.weights.h5", "plain.h5", "tfkeras_deep.keras"] {
      #expect(try Flavours.open(name).hasOptimizerState, "\(name)")
    }
    #expect(try !Flavours.open("twelve.weights.h5").hasOptimizerState)
  }

  @Test(arguments: [
    ("Conv2D", "conv2d"), ("BatchNormalization", "batch_normalization"), ("ReLU", "re_lu"),
    ("PReLU", "p_re_lu"), ("MaxPooling2D", "max_pooling2d"), ("LSTM", "lstm"),
    ("GRUCell", "gru_cell"), ("SimpleRNNCell", "simple_rnn_cell"), ("InputLayer", "input_layer"),
    ("Conv2DTranspose", "conv2d_transpose"), ("TextVectorization", "text_vectorization"),
  ])
  func classesInSnakeCase(_ name: String, _ expected: String) {
    #expect(KerasLayerEntry.snakeCase(name) == expected)
  }

  @Test func variablesAreSortedByNumber() throws {
    let path = folder.path("many.weights.h5")
    let file = try HDF5File(creating: path)
    let layer = try file.root.createGroup("layers").createGroup("odd")
    let variables = try layer.createGroup("vars")
    for number in (0..<12).reversed() {
      let dataset = try variables.createDataset(
        String(number), type: .number(.int32), shape: [number + 1])
      try [UInt8](repeating: 0, count: 4 * (number + 1)).withUnsafeBytes {
        try dataset.write(from: $0)
      }
    }
    try file.close()
    let weights = try Checkpoint(reading: path).storedWeights
    #expect(weights.map(\.shape.elementCount) == Array(1...12))
    #expect(weights.map(\.role) == (0..<12).map(String.init))
  }

  @Test func nothingIsLeftInTheTemporaryFolder() throws {
    let temporary = FileManager.default.temporaryDirectory.path
    func leftovers() throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: temporary).filter {
        $0.hasPrefix("modelctl.") && $0.count == 15
      }
    }
    let before = Set(try leftovers())
    let checkpoint = try Flavours.open("plain.keras")
    _ = try checkpoint.parameters()
    // Other tests may be unpacking right now; what is ours has no name at all.
    #expect(Set(try leftovers()).subtracting(before).count < 20)
    #expect(checkpoint.file.path.hasSuffix("plain.keras:model.weights.h5"))
  }
}

/// Archives that somebody made to do harm, or that a disk has damaged.
@Suite struct HostileArchiveTests {
  private let folder: TemporaryDirectory
  private let path: String

  init() throws {
    folder = try TemporaryDirectory()
    path = folder.path("model.keras")
  }

  private func message(
    _ change: (inout [(name: String, bytes: [UInt8])]) -> Void
  ) throws -> String {
    var members = try Flavours.members(of: Flavours.path("plain.keras"))
    change(&members)
    try Flavours.write(members, to: path)
    let error = #expect(throws: CheckpointError.self) { try Checkpoint(reading: path) }
    #expect(error?.kind == .badInput)
    return error?.description ?? ""
  }

  @Test(arguments: ["../out", "a/../../b", "/etc/passwd", "assets\\..\\x", "a//b", "a\nb", "."])
  func namesThatLeadElsewhere(_ name: String) throws {
    let message = try message { $0.append((name, [1])) }
    #expect(message.contains("one that leads elsewhere"), "\(message)")
    #expect(!message.contains("\n"))
  }

  @Test func aMissingMember() throws {
    #expect(try message { $0.removeAll { $0.name == "config.json" } }.contains("no .keras"))
    let npz = try message { members in
      members.removeAll { $0.name == "model.weights.h5" }
      members.append(("model.weights.npz", [1]))
    }
    #expect(npz.contains("weights_format"))
  }

  @Test func weightsThatAreNoHDF5() throws {
    let message = try message { members in
      members = members.map { $0.name == "model.weights.h5" ? ($0.name, [1, 2, 3]) : $0 }
    }
    #expect(message.contains("model.keras:model.weights.h5': not an HDF5 file"), "\(message)")
  }

  @Test func textThatIsNotUTF8() throws {
    let message = try message { members in
      members = members.map { $0.name == "config.json" ? ($0.name, [0xFF, 0xFE]) : $0 }
    }
    #expect(message.contains("UTF-8"))
  }

  @Test func damagedBytesAreNoticed() throws {
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: Flavours.path("plain.keras"))))
    // Somewhere in the stored weights, where only the checksum can tell.
    bytes[bytes.count - 3000] ^= 0xFF
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let error = #expect(throws: CheckpointError.self) { try Checkpoint(reading: path) }
    #expect(error?.kind == .badInput)
  }

  @Test(arguments: [10, 500, 5000, 20_000])
  func cutShort(_ count: Int) throws {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: Flavours.path("plain.keras")))
    try bytes.prefix(count).write(to: URL(fileURLWithPath: path))
    let error = #expect(throws: CheckpointError.self) { try Checkpoint(reading: path) }
    #expect(error?.kind == .badInput)
  }

  /// A file inside that leads out is refused by the same gate as outside.
  @Test(arguments: ["external_link", "external_storage", "soft_link", "huge_chunked"])
  func hostileWeights(_ name: String) throws {
    let inner = [UInt8](try Fixtures.data("malformed/\(name).h5"))
    _ = try message { members in
      members = members.map { $0.name == "model.weights.h5" ? ($0.name, inner) : $0 }
    }
  }
}
