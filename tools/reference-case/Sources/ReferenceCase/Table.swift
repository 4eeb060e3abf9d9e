import Evidence
import Foundation

/// Rows of numbers, and their means and standard deviations by name.
struct Table {
  private let columns = ["FA", "RA", "TA", "MIAe", "AUC", "gap", "dAUC", "dTA", "cost"]
  private var rows: [(name: String, values: [Double])] = []

  mutating func add(
    _ name: String, _ seed: Int, _ profile: ModelProfile, _ gold: ModelProfile, cost: Double
  ) {
    let values = [
      100 * profile.forgetAccuracy, 100 * profile.retainAccuracy, 100 * profile.testAccuracy,
      100 * profile.membershipEfficacy, profile.auc, 100 * profile.gap(to: gold),
      profile.auc - gold.auc, 100 * (profile.testAccuracy - gold.testAccuracy), cost,
    ]
    if rows.isEmpty { print(line("seed name", columns)) }
    rows.append((name, values))
    print(line("\(seed) \(name)", values.map { Self.number($0) }))
  }

  func printMeans() {
    print("\n" + line("mean (sd)", columns))
    var names: [String] = []
    for row in rows where !names.contains(row.name) { names.append(row.name) }
    for name in names {
      let values = rows.filter { $0.name == name }.map(\.values)
      print(
        line(
          name,
          columns.indices.map { column in
            let sample = values.map { $0[column] }
            let mean = sample.reduce(0, +) / Double(sample.count)
            let squares = sample.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            let deviation = (squares / Double(max(1, sample.count - 1))).squareRoot()
            return "\(Self.number(mean))(\(Self.number(deviation)))"
          }))
    }
  }

  private static func number(_ value: Double) -> String {
    guard value.isFinite else { return "" }
    return String(format: abs(value) < 1 ? "%.3f" : "%.2f", value)
  }

  private func line(_ name: String, _ cells: [String]) -> String {
    cells.reduce(name.padding(toLength: 22, withPad: " ", startingAt: 0)) { line, cell in
      line + String(repeating: " ", count: max(1, 15 - cell.count)) + cell
    }
  }
}
