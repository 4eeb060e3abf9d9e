internal import ArgumentParser
internal import Engine
internal import Foundation
internal import ModelCore

/// Whether a run says where its time went.
struct ProfileOptions: ParsableArguments {
  @Flag(help: "Say where the time went, by layer: a table on stderr, and in the JSON result.")
  var profile = false

  /// What is to measure the run from now on, if anything is.
  func makeProfiler() -> Profiler? { profile ? Profiler() : nil }

  /// Prints the table, unless the run is to be quiet.
  func print(_ profile: Profile?, quiet: Bool) {
    guard let profile, !quiet else { return }
    Messages.write(profile.table.safeForTerminals + "\n")
  }
}

extension Profile {
  /// For people.
  var table: String {
    var table = TextTable([
      ("", .left), ("kind", .left), ("forward", .right), ("backward", .right), ("time", .right),
      ("ms/step", .right), ("GFLOP/s", .right),
    ])
    for layer in layers {
      table.rows.append([
        ([layer.name] + layer.absorbed).map(\.unquoted).joined(separator: " + "),
        layer.className, Self.percent(layer.forwardShare), Self.percent(layer.backwardShare),
        Self.percent(layer.forwardShare + layer.backwardShare),
        String(format: "%.3f", layer.millisecondsPerStep),
        layer.gigaflops.map { String(format: "%.1f", $0) } ?? "",
      ])
    }
    for part in parts {
      table.rows.append([
        "(\(part.name))", "", "", "", Self.percent(part.share),
        String(format: "%.3f", part.millisecondsPerStep), "",
      ])
    }
    let step = seconds * 1000 / Double(max(1, steps))
    table.rows.append(
      ["all", "", "", "", Self.percent(1), String(format: "%.3f", step), ""])
    return "\(steps.grouped) steps in \(String(format: "%.2f", seconds)) s\n\n\(table)\n"
  }

  private static func percent(_ share: Double) -> String { String(format: "%.1f %%", 100 * share) }
}
