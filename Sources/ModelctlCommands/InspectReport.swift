internal import Foundation
internal import ModelCore

/// What is in a checkpoint, for people and for programs.
///
/// - SeeAlso: `Schemas/report/inspect-1.schema.json`.
struct InspectReport: Encodable {
  struct LayerRow: Encodable {
    let name: String
    let type: String
    /// Without the batch axis; absent where the shape cannot be told.
    let outputShape: [Int]?
    let parameters: Int
    let inputs: [String]
  }

  struct WeightRow: Encodable {
    let name: String
    let dtype: String
    let shape: [Int]
    let bytes: Int
  }

  struct SplitRow: Encodable {
    let name: String
    let role: String
    let samples: Int
    let x: ArrayRow
    let idType: String
    /// How many samples each class has, by class; absent for soft targets.
    let classes: [String: Int]?
  }

  struct ArrayRow: Encodable {
    let dtype: String
    let shape: [Int]
  }

  let schema = "modelctl/inspect/1"
  let file: String
  let bytes: Int
  let format: String
  let model: String?
  let layers: [LayerRow]
  let weights: [WeightRow]
  let splits: [SplitRow]
  let optimizerState: Bool
  let training: TrainingRecipe?
  let provenance: [JSONValue]
  let contentDigest: String?
  /// What keeps the engine from running this model, in one sentence.
  let unsupported: String?
}

extension InspectReport: CustomStringConvertible {
  var description: String {
    var sections = [heading]
    if !layers.isEmpty { sections.append(architectureText) }
    if !weights.isEmpty { sections.append(weightText) }
    if !splits.isEmpty { sections.append(splitText) }
    sections.append(provenanceText)
    return sections.joined(separator: "\n\n")
  }

  private var heading: String {
    var lines = ["\(file.quoted): \(format), \(Self.size(bytes))"]
    if let contentDigest { lines.append("content digest \(contentDigest)") }
    if let unsupported { lines.append("the engine cannot run this model: \(unsupported)") }
    return lines.joined(separator: "\n")
  }

  private var architectureText: String {
    var table = TextTable([
      ("layer", .left), ("type", .left), ("output shape", .left), ("parameters", .right),
      ("reads from", .left),
    ])
    for (index, layer) in layers.enumerated() {
      // A layer that reads from the one above says nothing new.
      let isChain = layer.inputs == (index > 0 ? [layers[index - 1].name] : [])
      table.rows.append([
        layer.name.unquoted, layer.type.unquoted, layer.outputShape.map { "\($0)" } ?? "?",
        layer.parameters.grouped, isChain ? "" : layer.inputs.joined(separator: ", ").unquoted,
      ])
    }
    let total = layers.reduce(0) { $0 + $1.parameters }
    let title = "architecture" + (model.map { " \($0.quoted)" } ?? "")
    return "\(title)\n\(table)\n\(total.grouped) parameters in \(layers.count) layers"
  }

  private var weightText: String {
    var table = TextTable([
      ("weight", .left), ("type", .left), ("shape", .left), ("bytes", .right),
    ])
    for weight in weights {
      table.rows.append([
        weight.name.unquoted, weight.dtype, "\(weight.shape)", weight.bytes.grouped,
      ])
    }
    let total = weights.reduce(0) { $0 + $1.bytes }
    let optimizer = optimizerState ? "; the optimizer's state is in the file too" : ""
    return "\(table)\n\(Self.size(total)) in \(weights.count) weights\(optimizer)"
  }

  private var splitText: String {
    var table = TextTable([
      ("split", .left), ("role", .left), ("samples", .right), ("x", .left), ("ids", .left),
      ("classes", .left),
    ])
    for split in splits {
      table.rows.append([
        split.name.unquoted, split.role, split.samples.grouped,
        "\(split.x.dtype) \(split.x.shape)", split.idType,
        split.classes.map(Self.summary) ?? "soft targets",
      ])
    }
    return "\(table)"
  }

  private var provenanceText: String {
    guard !provenance.isEmpty else { return "no provenance: no operation of modelctl on record" }
    let lines = provenance.enumerated().map { index, record in
      let operation = record["operation"]?.string ?? "?"
      let producer = record["producer"]?.string ?? "?"
      let summary = record["details"]?["summary"]?.string.map { ": \($0)" } ?? ""
      return "  \(index + 1). \(operation.unquoted) by \(producer.unquoted)\(summary.unquoted)"
    }
    return "provenance\n" + lines.joined(separator: "\n")
  }

  /// How many classes there are, and the fewest and most samples that one has.
  private static func summary(_ classes: [String: Int]) -> String {
    let counts = classes.values
    guard let least = counts.min(), let most = counts.max() else { return "none" }
    let range = least == most ? "\(least)" : "\(least) to \(most)"
    return "\(classes.count) of \(range)"
  }

  static func size(_ bytes: Int) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
    var value = Double(bytes)
    var unit = 0
    while value >= 1024, unit + 1 < units.count {
      value /= 1024
      unit += 1
    }
    return unit == 0 ? "\(bytes) bytes" : String(format: "%.1f %@", value, units[unit])
  }
}

extension String {
  /// The text as it is, but for control characters, which are escaped.
  var unquoted: String { String(quoted.dropFirst().dropLast()) }
}

extension Int {
  /// With a thin separator between thousands: `235 146`.
  var grouped: String {
    let digits = String(magnitude)
    var result = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { result.append(" ") }
      result.append(digit)
    }
    return (self < 0 ? "-" : "") + result
  }
}
