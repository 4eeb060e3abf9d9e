import Foundation
import TestSupport
import Testing

@testable import Checkpoints

/// Files and folders that are models of a kind that is not read.
@Suite struct StrangerTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  @Test(arguments: [
    (["m/saved_model.pb"], "m", "SavedModel; model.export()", "model.save('model.keras')"),
    (["m/saved_model.pb", "m/keras_metadata.pb"], "m", "of Keras 2", "tf_keras.models.load_model"),
    (["m.keras/config.json"], "m.keras", "parts of a .keras", "zip -r"),
    (["run.index", "run.data-00000-of-00001"], "run", "checkpoint format", "save_weights"),
    (["run.index"], "run.index", "checkpoint format", "save_weights"),
    (["m/saved_model.pb"], "m/saved_model.pb", "SavedModel", "model.save('model.keras')"),
    (["net.onnx"], "net.onnx", "ONNX", "Keras model"),
  ])
  func aKnownKindIsNamedWithItsRemedy(
    _ files: [String], _ opened: String, _ kind: String, _ remedy: String
  ) throws {
    for file in files {
      let url = URL(fileURLWithPath: folder.path(file))
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data([8, 1, 18, 4, 5, 6, 7, 8]).write(to: url)
    }
    let path = folder.path(opened)
    let error = #expect(throws: CheckpointError.self) { try Checkpoint(reading: path) }
    let text = error?.description ?? ""
    #expect(text.contains(kind) && text.contains(remedy), "\(text)")
    #expect(error?.kind == .badInput)
  }

  @Test func firstBytesTell() throws {
    for (name, bytes, kind) in [
      ("a.pkl", [0x80, 0x04, 0x95, 0x00], Stranger.pickle),
      ("model.json", Array("{\"a\"".utf8), .architecture),
      ("net.tflite", [0x1C, 0, 0, 0] + Array("TFL3".utf8), .tensorFlowLite),
    ] {
      let path = folder.path(name)
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      #expect(Stranger(at: path) == kind)
    }
  }

  /// What is HDF5, or nothing at all, is left to those who read it.
  @Test func aNameAloneIsNoReasonToRefuse() throws {
    let path = folder.path("weights.onnx")
    try FileManager.default.copyItem(atPath: Flavours.path("plain.h5"), toPath: path)
    #expect(Stranger(at: path) == nil)
    #expect(try Checkpoint(reading: path).storedWeights.count == 4)
    #expect(Stranger(at: folder.path("absent")) == nil)
    #expect(Stranger(at: folder.path("")) == nil)
  }
}
