internal import Foundation

/// A file or folder of a known kind that holds a model in a way that is not read here, and what to
/// do about it.
///
/// Only names and first bytes are looked at: this is for the sentence that refuses it.
public enum Stranger: String, Hashable, Sendable {
  case savedModel, kerasSavedModel, unpackedArchive, tensorFlowCheckpoint, architecture, pickle
  case onnx, tensorFlowLite

  /// - Returns: nil for what is none of them, or is not there.
  init?(at path: String) {
    var isFolder: ObjCBool = false
    let isThere = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    if isFolder.boolValue {
      guard let kind = Self.folder(path) else { return nil }
      self = kind
    } else if !isThere {
      // TensorFlow's name for a checkpoint is what its files' names begin with.
      guard FileManager.default.fileExists(atPath: path + ".index") else { return nil }
      self = .tensorFlowCheckpoint
    } else {
      guard let kind = Self.file(path) else { return nil }
      self = kind
    }
  }

  private static func folder(_ path: String) -> Stranger? {
    func has(_ name: String) -> Bool {
      FileManager.default.fileExists(atPath: path + "/" + name)
    }
    if has("saved_model.pb") { return has("keras_metadata.pb") ? .kerasSavedModel : .savedModel }
    return has(KerasArchive.configuration) ? .unpackedArchive : nil
  }

  private static func file(_ path: String) -> Stranger? {
    let name = path.split(separator: "/").last.map { $0.lowercased() } ?? ""
    guard let handle = FileHandle(forReadingAtPath: path) else { return nil }
    defer { try? handle.close() }
    let start = Array((try? handle.read(upToCount: 8)).flatMap { $0 } ?? Data())
    // A name alone is no reason to refuse what may be read.
    if start == [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A] { return nil }
    if name == "saved_model.pb" { return .savedModel }
    if name.hasSuffix(".index") || name.contains(".data-0") { return .tensorFlowCheckpoint }
    // These bytes may also begin the user block of an HDF5 file; not behind such a name.
    let isPickle = [".pkl", ".pickle", ".pt", ".pth", ".joblib"].contains(where: name.hasSuffix)
    if isPickle, start.first == 0x80 { return .pickle }
    if start.dropFirst(4).elementsEqual("TFL3".utf8) { return .tensorFlowLite }
    if name.hasSuffix(".onnx") { return .onnx }
    return name.hasSuffix(".json") && start.first == UInt8(ascii: "{") ? .architecture : nil
  }

  /// What it is.
  var kind: String {
    switch self {
    case .savedModel: "a TensorFlow SavedModel"
    case .kerasSavedModel: "a TensorFlow SavedModel of Keras 2"
    case .unpackedArchive: "a folder with the parts of a .keras file"
    case .tensorFlowCheckpoint: "weights in TensorFlow's checkpoint format"
    case .architecture: "a JSON text"
    case .pickle: "a Python pickle, which can run code when it is read"
    case .onnx: "an ONNX model"
    case .tensorFlowLite: "a TensorFlow Lite model"
    }
  }

  /// What makes of it something that can be read.
  var remedy: String {
    switch self {
    case .savedModel:
      "model.export() leaves out what Keras knows of it; save the model itself with "
        + "model.save('model.keras')"
    case .kerasSavedModel:
      "open it with tf_keras.models.load_model and save it with model.save('model.keras')"
    case .unpackedArchive: "pack its contents into one again: cd FOLDER && zip -r ../model.keras ."
    case .tensorFlowCheckpoint:
      "read it with model.load_weights and save it with model.save_weights('model.weights.h5')"
    case .architecture: "an architecture goes with a file of weights, as --architecture model.json"
    case .pickle: "save its arrays as .npz or .safetensors"
    case .onnx, .tensorFlowLite: "use the Keras model that it was made from"
    }
  }
}
