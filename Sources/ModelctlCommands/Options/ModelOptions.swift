internal import ArgumentParser
internal import Checkpoints
internal import Foundation
internal import ModelCore

/// Where a model's architecture and its samples are, when they are not in the file itself.
struct ModelOptions: ParsableArguments {
  @Option(
    help: """
      The network, as Keras's model.to_json() writes it, for a file that holds weights alone \
      (.weights.h5).
      """, completion: .file())
  var architecture: String?

  @Option(
    help: "A file with the splits, where the model's own file does not hold them.",
    completion: .file())
  var data: String?

  /// Opens a file whose model will be run.
  ///
  /// - Throws: `CheckpointError`, also when it cannot be run: nobody should have to name samples
  ///   first to hear that; `CommandError` when the architecture cannot be read.
  func openModel(_ path: String) throws -> Checkpoint {
    let checkpoint = try Checkpoint(
      reading: path, architecture: architecture.map { try ArchitectureFile($0).text })
    try checkpoint.parameterSpecifications()
    return checkpoint
  }

  /// The file with the samples: the one that is named, or the model's own.
  func openData(for model: Checkpoint) throws -> Checkpoint {
    guard let data else { return model }
    let samples = try Checkpoint(
      reading: data, classCount: try? model.architecture?.classCount())
    if let layer = model.architecture?.inputScaling, samples.inputScale != [1] {
      warn(
        "\(model.path.quoted) scales its inputs itself (layer \(layer.name.quoted), "
          + "\(layer.kind.className)), and \(samples.path.quoted) has the samples scaled before that; "
          + "if that is once too often, import them with --scale 1")
    }
    return samples
  }

  /// All files that a run reads besides the model's own.
  var inputs: [String] { [architecture, data].compactMap { $0 } }
}

/// An architecture in a file of its own.
struct ArchitectureFile {
  let text: String

  /// - Throws: `CommandError` when the file is missing, or no text.
  init(_ path: String) throws {
    guard FileManager.default.fileExists(atPath: path) else {
      throw CommandError(.inputMissing, "cannot open \(path.quoted): no such file")
    }
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw CommandError(.badInput, "\(path.quoted) is not a text file")
    }
    self.text = text
  }
}
