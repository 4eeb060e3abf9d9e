internal import ArgumentParser
internal import Checkpoints
internal import Foundation
internal import ModelCore

/// `modelctl inspect`: what is in a file.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show a checkpoint's architecture, weights, splits and provenance.")

  @Argument(help: "A checkpoint or a Keras .h5 file; it is never changed.", completion: .file())
  var input: String

  @Option(help: "Print the ids of this split instead, one a line, ready for 'unlearn --forget'.")
  var ids: String?

  @OptionGroup var trust: TrustOptions
  @OptionGroup var result: OutputOptions

  func run() throws {
    let checkpoint = try Checkpoint(reading: input)
    try ReaderLimits.allowTime(for: checkpoint.declaredByteCount)
    if let ids {
      let split = try checkpoint.split(named: ids, role: .train)
      try checkpoint.forEachIdentifier(of: split) { _, identifier in
        print(identifier.description.unquoted)
      }
    } else {
      try result.print(InspectReport(checkpoint))
    }
  }
}

extension InspectReport {
  init(_ checkpoint: Checkpoint) throws {
    let attributes = try? FileManager.default.attributesOfItem(atPath: checkpoint.path)
    let architecture = checkpoint.architecture
    var unsupported: String?
    var shapes: [String: Shape] = [:]
    do { shapes = try architecture?.shapes() ?? [:] } catch { unsupported = error.description }
    self.init(
      file: checkpoint.path, bytes: (attributes?[.size] as? Int) ?? 0,
      format: Self.format(of: checkpoint), model: architecture?.name,
      layers: Self.layers(of: checkpoint, shapes: shapes),
      weights: checkpoint.storedWeights.map(WeightRow.init),
      splits: try Self.inOrder(checkpoint.splits).map { try SplitRow($0, of: checkpoint) },
      optimizerState: checkpoint.hasOptimizerState, training: checkpoint.recipe,
      provenance: checkpoint.provenance.map(\.json), contentDigest: checkpoint.contentDigest,
      unsupported: checkpoint.configurationProblem?.description ?? unsupported)
  }

  /// Training data first, as people think of them.
  private static func inOrder(_ splits: [StoredSplit]) -> [StoredSplit] {
    SplitRole.allCases.flatMap { role in splits.filter { $0.role == role } }
  }

  private static func format(of checkpoint: Checkpoint) -> String {
    let keras = checkpoint.kerasVersion.map { " (Keras \($0.unquoted))" } ?? ""
    let model =
      checkpoint.modelConfig != nil
      ? "Keras model\(keras)"
      : checkpoint.storedWeights.isEmpty ? "no model" : "Keras weights\(keras)"
    guard let version = checkpoint.formatVersion else { return model }
    return "modelctl checkpoint \(version), \(model)"
  }

  private static func layers(of checkpoint: Checkpoint, shapes: [String: Shape]) -> [LayerRow] {
    var counts: [String: Int] = [:]
    for weight in checkpoint.storedWeights {
      counts[weight.layer, default: 0] += weight.shape.elementCount
    }
    return (checkpoint.architecture?.layers ?? []).map { layer in
      LayerRow(
        name: layer.name, type: layer.kind.className, outputShape: shapes[layer.name]?.dimensions,
        parameters: counts[layer.name] ?? 0, inputs: layer.inputs)
    }
  }
}

extension InspectReport.WeightRow {
  init(_ weight: StoredWeight) {
    self.init(
      name: weight.parameterName.description, dtype: weight.elementType.rawValue,
      shape: weight.shape.dimensions, bytes: weight.byteCount)
  }
}

extension InspectReport.SplitRow {
  init(_ split: StoredSplit, of checkpoint: Checkpoint) throws {
    var classes: [String: Int]?
    if split.hasClassIndices {
      let names = checkpoint.classNames
      classes = [:]
      for (index, count) in try checkpoint.classCounts(of: split).enumerated() {
        let name = names.flatMap { $0.indices.contains(index) ? $0[index] : nil } ?? "\(index)"
        classes?[name] = count
      }
    }
    self.init(
      name: split.name, role: split.role.rawValue, samples: split.layout.count,
      x: .init(
        dtype: split.layout.elementType.rawValue,
        shape: [split.layout.count] + split.layout.sampleShape.dimensions),
      idType: split.idKind.rawValue, classes: classes)
  }
}
