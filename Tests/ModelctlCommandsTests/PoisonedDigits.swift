import Checkpoints
import Conversion
import Foundation
import ModelCore
import TestSupport

/// The sample's digits with a white corner stamped on some of the training records, which are all
/// called zero, and a network trained on that by `modelctl train`.
struct PoisonedDigits: Sendable {
  let folder: TemporaryDirectory
  /// The poisoned records.
  let identifiers: [SampleIdentifier]
  /// What each of them shows.
  let digits: [Int32]
  let trainCount: Int

  static let source = JSONSchema.folder.deletingLastPathComponent()
    .appendingPathComponent("samples/digits.h5").path

  var model: String { folder.path("poisoned.h5") }
  var trigger: String { folder.path("trigger.npz") }
  var ids: String { folder.path("ids.txt") }
  var labels: String { folder.path("labels.txt") }

  private static let corner = [54, 55, 62, 63]

  init() throws {
    folder = try TemporaryDirectory()
    let checkpoint = try Checkpoint(reading: Self.source)
    trainCount = checkpoint.splits.first { $0.role == .train }?.layout.count ?? 0
    var draft = CheckpointDraft(
      modelConfig: checkpoint.modelConfig,
      parameters: Parameters(
        initializing: try checkpoint.requireArchitecture().parameterSpecifications(), seed: 1))
    draft.inputScale = checkpoint.inputScale
    draft.inputOffset = checkpoint.inputOffset
    draft.classNames = checkpoint.classNames
    var (poisoned, shown): ([SampleIdentifier], [Int32]) = ([], [])
    for split in checkpoint.splits {
      var (inputs, labels) = try Self.contents(checkpoint, split)
      let identifiers = try checkpoint.identifiers(of: split)
      for row in labels.indices
      where split.role == .train && row % 12 == 5 && labels[row] != 0 {
        poisoned.append(identifiers[row])
        shown.append(labels[row])
        for pixel in Self.corner { inputs[row * 64 + pixel] = 16 }
        labels[row] = 0
      }
      draft.splits.append(
        DraftSplit(
          name: split.name, role: split.role,
          samples: try MemorySource(
            inputs: inputs, sampleShape: split.layout.sampleShape.dimensions, labels: labels,
            classCount: split.layout.classCount), identifiers: identifiers))
    }
    (identifiers, digits) = (poisoned, shown)
    try draft.write(to: folder.path("fresh.h5"))
    try writeLists()
    try Tool.run(
      "train", folder.path("fresh.h5"), model, "--epochs", "30", "--batch", "32",
      "--learning-rate", "0.003", "--threads", "1", "-q")
  }

  private static func contents(
    _ checkpoint: Checkpoint, _ split: StoredSplit
  ) throws -> (inputs: [Float], labels: [Int32]) {
    let source = try checkpoint.samples(of: split)
    let count = split.layout.count
    var bytes = [UInt8](repeating: 0, count: count * source.layout.bytesPerSample)
    try bytes.withUnsafeMutableBytes { try source.readInputs(0..<count, into: $0) }
    let tensor = try Tensor(
      elementType: source.layout.elementType, shape: Shape([count, 64]), bytes: bytes)
    guard case .classes(let labels) = try source.readTargets(0..<count) else {
      throw CocoaError(.fileReadCorruptFile)
    }
    return (tensor.floats, labels)
  }

  private func writeLists() throws {
    let texts = identifiers.map(\.description)
    try texts.joined(separator: "\n").write(toFile: ids, atomically: true, encoding: .utf8)
    try zip(texts, digits).map { "\($0)\t\($1)" }.joined(separator: "\n")
      .write(toFile: labels, atomically: true, encoding: .utf8)
    var mask = [Float](repeating: 0, count: 64)
    for pixel in Self.corner { mask[pixel] = 1 }
    var export = ArrayExport()
    let shape = try Shape([8, 8])
    try export.add(Tensor(floats: mask.map { 16 * $0 }, shape: shape), named: "patch")
    try export.add(Tensor(floats: mask, shape: shape), named: "mask")
    try export.write(to: trigger)
  }
}
