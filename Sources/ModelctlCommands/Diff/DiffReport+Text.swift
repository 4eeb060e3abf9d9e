internal import ModelCore

extension DiffReport {
  /// The tensors that only one file has, then those that differ most.
  func worstFirst() -> DiffReport {
    let rows = tensors.enumerated().sorted { left, right in
      let (a, b) = (left.element.badness, right.element.badness)
      return a == b ? left.offset < right.offset : a > b
    }
    return DiffReport(
      before: before, after: after, isSame: isSame, rules: rules, tensors: rows.map(\.element),
      totals: totals, arrays: arrays, layerChanges: layerChanges, splits: splits, layers: layers,
      settings: settings, provenance: provenance, notCompared: notCompared, notes: notes,
      showsAll: showsAll)
  }
}

extension DiffReport.Tensor {
  /// What the name begins with.
  fileprivate var folder: String {
    name.split(separator: "/", maxSplits: 1).first.map(String.init) ?? name
  }

  /// What comes first where the worst does.
  fileprivate var badness: [Double] {
    let rank: Double =
      switch status {
      case .removed: 6
      case .added: 5
      case .shape: 4
      case .changed: 3
      case .renamed: 2
      case .same: 1
      }
    guard !isIgnored else { return [0, 0, 0] }
    return [rank, elements?.relativeChange.real ?? 0, elements?.maximumAbsolute.real ?? 0]
  }
}

extension [Double] {
  fileprivate static func > (left: [Double], right: [Double]) -> Bool {
    right.lexicographicallyPrecedes(left)
  }
}

extension ReportNumber? {
  fileprivate var real: Double? { if case .real(let value)? = self { value } else { nil } }
}

extension ReportNumber {
  fileprivate var real: Double? { Optional(self).real }
  fileprivate var percent: String { real?.percent ?? text }
}

extension DiffReport: CustomStringConvertible {
  var description: String {
    let sections = [
      heading, Self.table(tensors, "tensor", showsAll: showsAll), layerChangeText, arrayText,
      splitText, identifierText, architectureText,
      settingText, provenanceText, notComparedText, noteText, totalText,
    ]
    return sections.filter { !$0.isEmpty }.joined(separator: "\n\n")
  }

  private var heading: String {
    [("before", before), ("after ", after)].map { name, file in
      "\(name) \(file.file.quoted): \(file.format), \(file.parameters.grouped) parameters in "
        + "\(file.tensors) tensors"
    }.joined(separator: "\n")
  }

  // MARK: Tensors

  private static func table(_ tensors: [Tensor], _ title: String, showsAll: Bool) -> String {
    let rows = tensors.filter { showsAll || $0.counts }
    guard !rows.isEmpty else { return "" }
    var table = TextTable([
      (title, .left), ("", .left), ("shape", .left), ("differing", .right), ("max abs", .right),
      ("max rel", .right), ("RMS", .right), ("change", .right), ("cosine", .right),
    ])
    table.rows = rows.map(cells)
    return table.description
  }

  /// Arrays of one file only are told by their folder: an optimizer's state has many.
  private var arrayText: String {
    guard !showsAll else { return Self.table(arrays, "array", showsAll: true) }
    let alone = arrays.filter { $0.counts && ($0.status == .removed || $0.status == .added) }
    let folders = Dictionary(grouping: alone) { Folder(name: $0.folder, status: $0.status) }
    let lines = folders.sorted {
      ($0.key.name, $0.key.status.rawValue) < ($1.key.name, $1.key.status.rawValue)
    }
    .map { "\($1.count.grouped) arrays \($0.status.rawValue) in \($0.name.quoted)" }
    let shared = arrays.filter { $0.status != .removed && $0.status != .added }
    return ([Self.table(shared, "array", showsAll: false)] + lines).filter { !$0.isEmpty }
      .joined(separator: "\n")
  }

  private struct Folder: Hashable {
    let name: String
    let status: Status
  }

  private static func cells(_ row: Tensor) -> [String] {
    let name = row.name.unquoted + (row.nameAfter.map { " -> \($0.unquoted)" } ?? "")
    let type = row.dtypeAfter.map { "\(row.dtype) -> \($0)" } ?? row.dtype
    let shape = row.shapeAfter.map { "\(row.shape) -> \($0)" } ?? "\(row.shape)"
    let status = row.isIgnored ? "ignored" : row.status.rawValue
    guard let elements = row.elements else {
      return [name, status, "\(type) \(shape)", "", "", "", "", "", ""]
    }
    let share = elements.count > 0 ? Double(elements.differing) / Double(elements.count) : 0
    let differing = "\(elements.differing.grouped) (\(share.percent))"
    return [
      name, Self.notes(status, elements), "\(type) \(shape)", differing,
      elements.maximumAbsolute.text, elements.maximumRelative.text, elements.rootMeanSquare.text,
      elements.relativeChange?.percent ?? "-", elements.cosine.map(Self.cosine) ?? "-",
    ]
  }

  private static func notes(_ status: String, _ elements: Elements) -> String {
    var notes = [status]
    if elements.unmatchedNaNs > 0 { notes.append("\(elements.unmatchedNaNs.grouped) NaN") }
    if elements.unmatchedInfinities > 0 {
      notes.append("\(elements.unmatchedInfinities.grouped) infinite")
    }
    return notes.joined(separator: ", ")
  }

  /// Near one only the distance from it says anything.
  private static func cosine(_ value: Double) -> String {
    let distance = 1 - value
    return distance > 0 && distance < 1e-3 ? "1 - \(distance.short)" : value.short
  }

  private var layerChangeText: String {
    guard layerChanges.count > 1 else { return "" }
    var table = TextTable([
      ("layer", .left), ("elements", .right), ("differing", .right), ("change", .right),
    ])
    table.rows = layerChanges.map { layer in
      [
        layer.layer.unquoted, layer.elements.grouped, layer.differing.grouped,
        layer.relativeChange?.percent ?? "-",
      ]
    }
    return "\(table)"
  }

  // MARK: Samples

  private var splitText: String {
    let rows = splits.filter { showsAll || (!$0.isSame && !$0.isIgnored) }
    guard !rows.isEmpty else { return "" }
    var table = TextTable([
      ("split", .left), ("before", .right), ("after", .right), ("removed", .right),
      ("added", .right), ("changed", .right), ("", .left),
    ])
    table.rows = rows.map { split in
      [
        split.name.unquoted, split.before?.grouped ?? "-", split.after?.grouped ?? "-",
        split.removed.grouped, split.added.grouped, split.changed.grouped, Self.notes(split),
      ]
    }
    return "\(table)"
  }

  private static func notes(_ split: Split) -> String {
    var notes: [String] = []
    if split.isIgnored { notes.append("ignored") }
    if split.before == nil { notes.append("only in the second file") }
    if split.after == nil { notes.append("only in the first file") }
    notes += split.movedTo.map { "\($0.samples.grouped) moved to \($0.split.quoted)" }
    notes += split.movedFrom.map { "\($0.samples.grouped) moved from \($0.split.quoted)" }
    if split.isReordered { notes.append("in another order") }
    notes += split.fields.map(Self.text)
    return notes.joined(separator: ", ")
  }

  private var identifierText: String {
    splits.flatMap { split -> [String] in
      guard let ids = split.ids, !split.isIgnored else { return [] }
      let lists = [
        ("removed", ids.removed), ("added", ids.added), ("changed", ids.changed),
        ("moved", ids.moved),
      ]
      return lists.filter { !$0.1.isEmpty }.map { what, ids in
        "\(what) \(split.name.quoted)\n" + ids.map { "  \($0.unquoted)" }.joined(separator: "\n")
      }
    }.joined(separator: "\n")
  }

  // MARK: What surrounds them

  private var architectureText: String {
    let rows = layers.filter { showsAll || !$0.isIgnored }
    guard !rows.isEmpty else { return "" }
    if rows.count > 3, rows.allSatisfy({ $0.after == nil }) || rows.allSatisfy({ $0.before == nil })
    {
      let what = rows[0].after == nil ? "removed" : "added"
      return "architecture: all \(rows.count) layers \(what)"
    }
    let lines = rows.flatMap { layer -> [String] in
      let name = layer.name.quoted
      switch (layer.before, layer.after) {
      case (let old?, nil): return ["  removed \(name) (\(old.unquoted))"]
      case (nil, let new?): return ["  added \(name) (\(new.unquoted))"]
      case (let old?, let new?) where old != new:
        return ["  changed \(name): \(old.unquoted) -> \(new.unquoted)"]
      default: return layer.fields.map { "  changed \(name): \(Self.text($0))" }
      }
    }
    return "architecture\n" + lines.joined(separator: "\n")
  }

  private var settingText: String {
    let rows = settings.filter { showsAll || !$0.isIgnored }
    guard !rows.isEmpty else { return "" }
    let lines = rows.flatMap { setting in
      setting.fields.map { "  \(setting.name)\($0.path.isEmpty ? ":" : ",") \(Self.text($0))" }
    }
    return "settings\n" + lines.joined(separator: "\n")
  }

  private static func text(_ field: Field) -> String {
    let place = field.path.isEmpty ? "" : "\(field.path.unquoted) "
    return "\(place)\(text(field.before)) -> \(text(field.after))"
  }

  private static func text(_ value: JSONValue?) -> String {
    guard let value else { return "(none)" }
    let text = value.text.unquoted
    return text.count > 60 ? text.prefix(57) + "..." : text
  }

  private var provenanceText: String {
    guard let provenance, !provenance.isSame, showsAll || !provenance.isIgnored else { return "" }
    var parts = ["\(provenance.common) records in common"]
    for (what, records) in [("removed", provenance.removed), ("added", provenance.added)]
    where !records.isEmpty {
      parts.append("\(what) \(records.count): " + records.map(\.unquoted).joined(separator: ", "))
    }
    if provenance.isContinued { parts.append("one goes on where the other ends") }
    return "provenance: " + parts.joined(separator: "; ")
  }

  private var notComparedText: String {
    let byReason = Dictionary(grouping: notCompared, by: \.reason).sorted { $0.key < $1.key }
    return byReason.map { reason, parts in
      "not compared: \(parts.map(\.part).joined(separator: ", ")); \(reason)"
    }.joined(separator: "\n")
  }

  private var noteText: String { notes.map { "note: \($0)" }.joined(separator: "\n") }

  private var sampleTotal: String? {
    guard !splits.isEmpty else { return nil }
    let before = splits.reduce(0) { $0 + ($1.before ?? 0) }
    let counts = [
      (splits.reduce(0) { $0 + $1.removed }, "removed"),
      (splits.reduce(0) { $0 + $1.added }, "added"),
      (splits.reduce(0) { $0 + $1.changed }, "changed"),
      (splits.reduce(0) { $0 + $1.movedTo.reduce(0) { $0 + $1.samples } }, "moved"),
    ]
    .filter { $0.0 > 0 }.map { "\($0.0.grouped) \($0.1)" }
    let changes = counts.isEmpty ? "all the same" : counts.joined(separator: ", ")
    return "samples: \(before.grouped) before; \(changes)"
  }

  private var totalText: String {
    let counts = [
      ("same", totals.same), ("changed", totals.changed), ("renamed", totals.renamed),
      ("removed", totals.removed), ("added", totals.added), ("ignored", totals.ignored),
    ]
    .filter { $0.1 > 0 }.map { "\($0.1.grouped) \($0.0)" }
    var lines = ["tensors: " + (counts.isEmpty ? "none" : counts.joined(separator: ", "))]
    if totals.differing > 0 {
      let change = totals.relativeChange.map { "; all in all they changed by \($0.percent)" } ?? ""
      lines[0] +=
        "; \(totals.differing.grouped) of \(totals.elements.grouped) numbers differ\(change)"
    }
    if let sampleTotal { lines.append(sampleTotal) }
    lines.append(isSame ? "the files are the same" : "the files differ")
    return lines.joined(separator: "\n")
  }
}
