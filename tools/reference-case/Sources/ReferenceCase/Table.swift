import Foundation

/// Means and standard deviations over seeds, as Markdown.
struct Table {
  private let rows: [Row]

  init(_ rows: [Row]) { self.rows = rows }

  static func line(_ row: Row) -> String {
    let values = row.measures.sorted { $0.key < $1.key }
      .map { "\($0.key) \(number($0.value))" }.joined(separator: "  ")
    return "\(row.key): \(values)  cost \(number(row.cost))  wall \(number(row.wall))  "
      + (row.verdict ?? "")
  }

  /// One table for each network and scenario, in the order in which they were run.
  var markdown: String {
    unique(rows.map { "\($0.network) \($0.scenario)" }).map { title in
      let own = rows.filter { "\($0.network) \($0.scenario)" == title }
      let scenario = (try? Scenario(own[0].scenario)) ?? .wholeClass
      let columns =
        scenario.columns.compared + scenario.columns.shown + ["gap"]
        + (own.contains { $0.measures["gap to mean"] != nil } ? ["gap to mean"] : [])
        + (scenario.isSamples ? ["dAUC"] : []) + ["dTA"]
      let head = ["method"] + columns + ["cost", "wall", "verdicts", "n"]
      let lines = unique(own.map(\.method)).map { method in
        line(method, own.filter { $0.method == method }, columns)
      }
      return "### \(title)\n\n" + Self.markdown(head)
        + Self.markdown(head.map { _ in "---" }) + lines.joined()
    }.joined(separator: "\n")
  }

  private func line(_ method: String, _ rows: [Row], _ columns: [String]) -> String {
    var cells = [method]
    for column in columns { cells.append(Self.summary(rows.compactMap { $0.measures[column] })) }
    cells.append(Self.summary(rows.map(\.cost)))
    cells.append(Self.summary(rows.map(\.wall)))
    let verdicts = rows.compactMap(\.verdict)
    cells.append(
      unique(verdicts).map { verdict in
        "\(verdict) \(verdicts.count { $0 == verdict })"
      }.joined(separator: ", "))
    cells.append("\(rows.count)")
    return Self.markdown(cells)
  }

  private func unique(_ texts: [String]) -> [String] {
    var result: [String] = []
    for text in texts where !result.contains(text) { result.append(text) }
    return result
  }

  private static func markdown(_ cells: [String]) -> String {
    "| " + cells.joined(separator: " | ") + " |\n"
  }

  private static func summary(_ values: [Double]) -> String {
    guard !values.isEmpty else { return "" }
    let mean = values.reduce(0, +) / Double(values.count)
    guard values.count > 1 else { return number(mean) }
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return "\(number(mean))±\(number((squares / Double(values.count - 1)).squareRoot()))"
  }

  private static func number(_ value: Double) -> String {
    String(format: abs(value) < 1 ? "%.3f" : "%.2f", value)
  }
}
