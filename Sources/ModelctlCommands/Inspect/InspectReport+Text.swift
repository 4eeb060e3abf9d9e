internal import Checkpoints
internal import Foundation
internal import ModelCore

extension InspectReport: CustomStringConvertible {
  var description: String {
    var sections = [heading]
    if !findings.isEmpty { sections.append(warningText) }
    if !layers.isEmpty { sections.append(architectureText) }
    if !weights.isEmpty { sections.append(weightText) }
    if !arrays.isEmpty { sections.append(arrayText) }
    if !splits.isEmpty { sections.append(splitText) }
    if hidden > 0 { sections.append("\(hidden.grouped) layers and arrays do not match --filter") }
    sections.append(provenanceText)
    return sections.joined(separator: "\n\n")
  }

  private var heading: String {
    var lines = ["\(file.quoted): \(format), \(Self.size(bytes))"]
    if let contentDigest { lines.append("content digest \(contentDigest.unquoted)") }
    if let unsupported { lines.append("the engine cannot run this model: \(unsupported.unquoted)") }
    return lines.joined(separator: "\n")
  }

  private var warningText: String {
    "warning: loading this model elsewhere may run code, import modules or open files "
      + "(\(findings.count.grouped("finding")))\n" + findings.table
  }

  // MARK: Architecture

  private var architectureText: String {
    var table = TextTable([
      ("layer", .left), ("type", .left), ("output shape", .left), ("parameters", .right),
      ("share", .right), ("reads from", .left),
    ])
    let shown = layers.reduce(0) { $0 + $1.parameters }
    let total = hidden > 0 ? totals.parameters : shown
    for (layer, name, count, sources) in shownLayers {
      table.rows.append([
        name.unquoted + (count > 1 ? " x \(count)" : ""), layer.type.unquoted,
        layer.outputShape.map(Self.text) ?? "?", (layer.parameters * count).grouped,
        Self.share(layer.parameters * count, of: total), sources.unquoted,
      ])
    }
    let title = "architecture" + (model.map { " \($0.quoted)" } ?? "")
    guard hidden == 0 else {
      return "\(title)\n\(table)\n\(shown.grouped) of \(total.grouped("parameter")) in "
        + layers.count.grouped("layer")
    }
    let trainable = totals.trainable.map { ", \($0.grouped) of them trainable" } ?? ""
    return "\(title)\n\(table)\n\(total.grouped("parameter")) in "
      + "\(layers.count.grouped("layer"))\(trainable)"
  }

  /// Each layer or group of alike ones, with what it reads from where that is not the row above.
  private var shownLayers: [(LayerRow, name: String, count: Int, sources: String)] {
    let rows = layers.enumerated().map { index, layer in
      // A layer that reads from the one above says nothing new.
      let isChain = layer.inputs == (index > 0 ? [layers[index - 1].name] : [])
      return (layer: layer, sources: isChain ? "" : layer.inputs.joined(separator: ", "))
    }
    guard !showsAll else { return rows.map { ($0.layer, $0.layer.name, 1, $0.sources) } }
    let repeated = RepeatedNames(rows, name: \.layer.name) { row in
      Alike(
        type: row.layer.type, shape: row.layer.outputShape, parameters: row.layer.parameters,
        isChain: row.sources.isEmpty)
    }
    return repeated.groups.map { group in
      let sources = group.count > 1 && !group.row.sources.isEmpty ? "…" : group.row.sources
      return (group.row.layer, group.name, group.count, sources)
    }
  }

  /// What layers of one line share.
  private struct Alike: Hashable {
    let type: String
    let shape: [Int]?
    let parameters: Int
    let isChain: Bool
  }

  // MARK: Weights

  private var weightText: String {
    let stored = totals.storedBytes.map {
      $0 == totals.bytes ? "" : ", \(Self.size($0)) in the file"
    }
    let table = Self.table(weights, "weight", showsAll: showsAll)
    let all = "\(totals.parameters.grouped("number")), \(Self.size(totals.bytes))\(stored ?? "")"
    guard hidden > 0 else { return "\(table)\n\(all)" }
    return "\(table)\n\(weights.reduce(0) { $0 + $1.parameters }.grouped) of \(all)"
  }

  /// Beside a model, such arrays are an optimizer's, and are told by their folder.
  private var arrayText: String {
    guard !weights.isEmpty, !showsAll else {
      return Self.table(arrays, "array", showsAll: showsAll)
    }
    let folders = Dictionary(grouping: arrays) { row in
      row.name.split(separator: "/", maxSplits: 1).first.map(String.init) ?? row.name
    }
    return folders.sorted { $0.key < $1.key }.map { folder, rows in
      "\(rows.count.grouped) other arrays in \(folder.quoted), "
        + "\(Self.size(rows.reduce(0) { $0 + $1.bytes })) (--all lists them)"
    }.joined(separator: "\n")
  }

  private static func table(_ rows: [WeightRow], _ title: String, showsAll: Bool) -> String {
    let hasStats = rows.contains { $0.stats != nil }
    let hasStorage = rows.contains { !($0.storage?.isPlain ?? true) }
    var columns: [(String, TextTable.Alignment)] = [
      (title, .left), ("type", .left), ("shape", .left), ("bytes", .right), ("share", .right),
    ]
    if hasStorage { columns.append(("storage", .left)) }
    if hasStats {
      columns += ["min", "max", "mean", "sd", "zeros", "NaN", "inf"].map { ($0, .right) }
    }
    var table = TextTable(columns)
    for (row, name, count) in grouped(rows, showsAll: showsAll) {
      var cells = [
        name.unquoted + (count > 1 ? " x \(count)" : ""), row.dtype.unquoted, text(row.shape),
        (row.bytes * count).grouped, (row.share * Double(count)).percent,
      ]
      if hasStorage { cells.append(row.storage?.text(of: row.bytes) ?? "") }
      if hasStats { cells += row.stats?.cells ?? .init(repeating: "", count: 7) }
      table.rows.append(cells)
    }
    return "\(table)"
  }

  private static func grouped(
    _ rows: [WeightRow], showsAll: Bool
  ) -> [(WeightRow, name: String, count: Int)] {
    guard !showsAll else { return rows.map { ($0, $0.name, 1) } }
    return RepeatedNames(rows, name: \.name) { row in
      WeightKind(dtype: row.dtype, shape: row.shape, storage: row.storage)
    }.groups.map { ($0.row, $0.name, $0.count) }
  }

  private struct WeightKind: Hashable {
    let dtype: String
    let shape: [Int]
    let storage: Storage?
  }

  private static func share(_ part: Int, of total: Int) -> String {
    total > 0 ? (Double(part) / Double(total)).percent : "-"
  }

  // MARK: Splits and provenance

  private var splitText: String {
    var table = TextTable([
      ("split", .left), ("role", .left), ("samples", .right), ("x", .left), ("ids", .left),
      ("classes", .left),
    ])
    for split in splits {
      let uncounted = split.targets == "classes" ? "not counted" : "soft targets"
      table.rows.append([
        split.name.unquoted, split.role.unquoted, split.samples.grouped,
        "\(split.x.dtype) \(Self.text(split.x.shape))", split.idType,
        split.classes.map(Self.summary) ?? uncounted,
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
    let range = least == most ? "\(least.grouped)" : "\(least.grouped) to \(most.grouped)"
    return "\(classes.count.grouped) of \(range)"
  }

  /// The array's own description first finds out how to print its elements, which takes longer.
  private static func text(_ shape: [Int]) -> String {
    "[" + shape.map(String.init).joined(separator: ", ") + "]"
  }

  static func size(_ bytes: Int) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
    var value = Double(bytes)
    var unit = 0
    while value >= 1024, unit + 1 < units.count {
      value /= 1024
      unit += 1
    }
    return unit == 0 ? "\(bytes) bytes" : value.printed("%.1f") + " " + units[unit]
  }
}

extension InspectReport.Storage {
  /// Whether there is nothing to say about it.
  fileprivate var isPlain: Bool { layout == "contiguous" }

  /// - Parameter size: what the elements take in memory.
  fileprivate func text(of size: Int) -> String {
    guard let chunk else { return layout }
    let steps = (["chunks \(chunk)"] + filters).joined(separator: ", ")
    guard !filters.isEmpty, size > 0 else { return steps }
    return "\(steps): \((Double(bytes) / Double(size)).percent)"
  }
}

extension InspectReport.Statistics {
  fileprivate var cells: [String] {
    [
      min?.text ?? "-", max?.text ?? "-", mean?.short ?? "-", sd?.text ?? "-", zeros.grouped,
      nans.grouped, infinities.grouped,
    ]
  }
}
