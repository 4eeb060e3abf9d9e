internal import ArgumentParser
internal import Checkpoints
internal import Foundation
internal import ModelCore

/// `modelctl inspect`: what is in a file.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract:
      "Show a model file's architecture, weights, splits, provenance, and what to beware of.",
    discussion: """
      Any HDF5 file can be shown, also one that is no model or whose layers cannot be run, and \
      NumPy's .npy and .npz. The model's configuration is scanned for what would run code, import \
      modules or open files where the model is loaded; findings are shown as warnings. With \
      --scan they are all that is shown, and the exit status is 1 when there are any.
      """)

  @Argument(
    help: "A checkpoint, a Keras file (.h5, .weights.h5, .keras) or an array file; never changed.",
    completion: .file())
  var input: String

  @Option(help: "Print the ids of this split instead, one a line, ready for 'unlearn --forget'.")
  var ids: String?

  @Flag(help: "Read every weight: least, greatest, mean, standard deviation, zeros, NaNs.")
  var stats = false

  @Flag(help: "Print the scan's findings alone, and exit with 1 when there are any.")
  var scan = false

  @Option(help: "Only layers and arrays whose name matches this shell pattern; repeatable.")
  var filter: [NamePattern] = []

  @Option(help: "The order of arrays: file, name, size or type.")
  var sort: Order = .file

  @Flag(help: "List repeated layers one by one.")
  var all = false

  enum Order: String, ExpressibleByArgument, CaseIterable { case file, name, size, type }

  @Option(
    help: "The network of a file that holds weights alone, as model.to_json() writes it.",
    completion: .file())
  var architecture: String?

  @OptionGroup var trust: TrustOptions
  @OptionGroup var result: OutputOptions

  func run() throws {
    if let ids { return try printIdentifiers(of: ids) }
    let model = try OpenedModel(reading: input, architecture: try network())
    try ReaderLimits.allowTime(for: model.declaredByteCount)
    if scan, !result.json {
      let report = ScanReport(model)
      if !result.quiet { print(report) }
      guard report.findings.isEmpty else { throw ExitCode(ExitStatus.no.rawValue) }
      return
    }
    let line = ProgressLine("reading", quiet: result.quiet)
    var report = try InspectReport(model, filter: filter, withStatistics: stats) { done, of, name in
      line.update(Double(done) / Double(max(1, of)), name.unquoted)
    }
    line.clear()
    report.sort(by: sort)
    report.showsAll = all || stats
    try result.print(report)
    if scan, !report.findings.isEmpty { throw ExitCode(ExitStatus.no.rawValue) }
  }

  private func network() throws -> String? {
    try architecture.map { try ArchitectureFile($0).text }
  }

  private func printIdentifiers(of name: String) throws {
    let checkpoint = try Checkpoint(reading: input, architecture: try network())
    try ReaderLimits.allowTime(for: checkpoint.declaredByteCount)
    let split = try checkpoint.split(named: name, role: .train)
    try checkpoint.forEachIdentifier(of: split) { _, identifier in
      print(identifier.description.unquoted)
    }
  }
}

/// What the scan of a file's configuration found.
struct ScanReport: CustomStringConvertible {
  let path: String
  let documents: [String]
  let findings: [ConfigurationScan.Finding]
  let valueCount: Int

  init(_ model: OpenedModel) {
    var scan = ConfigurationScan()
    for document in model.documents { scan.scan(document.text, named: document.name) }
    path = model.path
    documents = model.documents.map(\.name)
    findings = scan.findings
    valueCount = scan.valueCount
  }

  var description: String {
    guard !documents.isEmpty else {
      return "\(path.quoted): nothing to scan, as the file holds no configuration"
    }
    guard !findings.isEmpty else {
      return "\(path.quoted): nothing found in \(valueCount.grouped) values of "
        + documents.joined(separator: " and ")
    }
    return "\(path.quoted): \(findings.count.grouped("finding"))\n" + findings.table
  }
}

extension [ConfigurationScan.Finding] {
  /// One line a finding, with where it is.
  var table: String {
    var table = TextTable([("finding", .left), ("value", .left), ("where", .left)])
    table.rows = map { [$0.rule.rawValue, $0.value.quoted, $0.path.unquoted] }
    return "\(table)"
  }
}
