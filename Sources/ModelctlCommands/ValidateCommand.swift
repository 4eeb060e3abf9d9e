internal import ArgumentParser
internal import Foundation
internal import Validation

/// `modelctl validate`: whether a file keeps the format's promises.
struct ValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract: "Check a file against its layout; prove that erased records left no trace.",
    discussion: """
      Every finding has the id of a rule; Schemas/README.md lists them. The exit code is 0 when no \
      finding is an error, 1 when one is, and 65 when the file cannot be read at all.
      """)

  enum Level: String, CaseIterable, ExpressibleByArgument {
    case note, warning, error

    var severity: Finding.Severity {
      switch self {
      case .note: .note
      case .warning: .warning
      case .error: .error
      }
    }
  }

  @Argument(
    help: "A checkpoint or a Keras file (.h5, .weights.h5, .keras); never changed.",
    completion: .file())
  var input: String

  @Option(
    help: "Search for traces of the records with these ids, one a line; - for standard input.",
    completion: .file())
  var erased: String?

  @Option(
    help: "With --erased: the file from before, to search for what the records held as well.",
    completion: .file())
  var original: String?

  @Option(help: "Show findings of this rule only, such as MC122 (repeatable).")
  var rule: [String] = []

  @Option(help: "Show findings of at least this severity: note, warning or error.")
  var severity: Level = .note

  @OptionGroup var trust: TrustOptions
  @OptionGroup var result: OutputOptions

  func validate() throws {
    guard original == nil || erased != nil else {
      throw ValidationError("--original needs --erased: it says what the erased records held")
    }
  }

  func run() throws {
    let identifiers = try erased.map { try IdentifierList(path: $0).entries.map(\.text) }
    var request = Validation.Request(
      erased: identifiers, original: original, checkInterruption: Interruption.check)
    request.willRead = ReaderLimits.allowTime
    let found = try Validation.run(input, request)
    let shown = found.findings.kept.filter { finding in
      finding.severity >= severity.severity && (rule.isEmpty || rule.contains(finding.rule))
    }
    try result.print(ValidateReport(found, shown: shown))
    if found.findings.hasErrors { throw ExitCode(ExitStatus.no.rawValue) }
  }
}
