internal import ArgumentParser
internal import Checkpoints
internal import Engine
internal import Foundation
internal import ModelCore
internal import Unlearning

/// `modelctl unlearn`: the main job.
struct UnlearnCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unlearn",
    abstract: "Make a model forget some of its training records, or whole classes.",
    discussion: """
      The output is a new file with the unlearned weights, without the forgotten records and \
      without optimizer state. The exit status is 0 when the test says that the records are \
      forgotten and the model is still useful, and 1 when it does not; then no output is left \
      behind unless --keep is given.
      """)

  @Argument(help: "A checkpoint with its training and unseen splits.", completion: .file())
  var input: String

  @Argument(help: "The new checkpoint; replaced at once when it exists.", completion: .file())
  var output: String?

  @OptionGroup(title: "What to forget") var subject: SubjectOptions
  @OptionGroup(title: "How") var how: MethodOptions
  @OptionGroup(title: "The output") var file: UnlearnOutputOptions
  @OptionGroup var engine: EngineOptions
  @OptionGroup var distrust: DistrustOptions
  @OptionGroup var result: OutputOptions

  func run() throws {
    let target = try file.target(input: input, output: output)
    let job = try UnlearnJob(
      input: input, subject: subject, how: how, engine: engine)
    job.warnAboutIds()
    guard !file.dryRun else { return try result.print(job.plan(output: target?.path)) }
    let outcome = try unlearn(job)
    let isKept = outcome.isAccepted || file.keep
    if isKept, let target {
      try job.write(outcome, to: target.path)
    }
    let report = UnlearnResult(
      report: outcome.report, request: job.summary, input: input,
      output: isKept ? target?.path : nil,
      removedRows: isKept ? job.selection.rows.mapValues(\.count) : [:])
    try file.writeReport(report)
    try result.print(report)
    if !outcome.isAccepted { throw ExitCode(ExitStatus.no.rawValue) }
  }

  private func unlearn(_ job: UnlearnJob) throws -> UnlearningOutcome {
    let line = ProgressLine("unlearning", quiet: result.quiet)
    return try job.run { progress in
      try Interruption.check()
      let attempt = progress.attempt > 1 ? ", second attempt" : ""
      switch progress.stage {
      case .measuring: line.update(0, "measuring")
      case .unlearning:
        line.update(
          Double(progress.step) / Double(max(1, progress.steps)),
          "step \(progress.step)/\(progress.steps)\(attempt)")
      case .testing: line.update(1, "testing\(attempt)")
      }
    }
  }
}

/// Whose records go.
struct SubjectOptions: ParsableArguments {
  @Option(
    help: "A file of ids, one a line (# starts a comment); - reads standard input.",
    completion: .file())
  var forget: String?

  @Option(help: "A class to forget whole, by name or index; may be given several times.")
  var forgetClass: [String] = []

  @Flag(help: "Go on when some ids are not in the file.")
  var allowMissing = false

  func validate() throws {
    guard (forget == nil) != forgetClass.isEmpty else {
      throw ValidationError("give either --forget FILE or --forget-class NAME")
    }
  }
}

/// The method and what it may cost.
struct MethodOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The method: \(MethodOptions.names).", valueName: "name"))
  var method = "match"

  @Option(help: "What it may cost, as a share of retraining: 0.05 or 5%.")
  var maxCost: CostShare?

  @Option(help: "The split of unseen samples. Default: the one whose role is unseen.")
  var unseen: String?

  @Option(help: "Epochs that the model was trained for, where the file does not say.")
  var epochs: Int?

  @Option(help: "Decides every random draw.")
  var seed: UInt64 = 0

  @Flag(help: "Fail where there are too few records for a test with power.")
  var requirePower = false

  static var names: String { UnlearningMethods.all.map(\.name).joined(separator: ", ") }

  func validate() throws {
    guard epochs.map({ (1...1_000_000).contains($0) }) ?? true else {
      throw ValidationError("--epochs takes a number from 1 to 1000000")
    }
  }
}

/// A share of a cost: `0.05` or `5%`.
struct CostShare: ExpressibleByArgument, Hashable {
  let value: Double

  init?(argument: String) {
    let isPercent = argument.hasSuffix("%")
    guard let number = Double(isPercent ? String(argument.dropLast()) : argument),
      number > 0, number.isFinite
    else { return nil }
    value = isPercent ? number / 100 : number
  }
}

/// Where the result goes.
struct UnlearnOutputOptions: ParsableArguments {
  @Flag(help: "Replace the input.")
  var inPlace = false

  @Flag(help: "Refuse to replace an existing output.")
  var noClobber = false

  @Flag(help: "Write the output even when the answer is no.")
  var keep = false

  @Flag(help: "Say what would be done and stop.")
  var dryRun = false

  @Option(help: "Write the JSON result to this file too.", completion: .file())
  var report: String?

  /// - Returns: nil for a dry run that names no output.
  func target(input: String, output: String?) throws -> OutputFile? {
    if let report { _ = try OutputFile(report, inputs: [input]) }
    guard let path = output ?? (inPlace ? input : nil) else {
      guard dryRun else {
        throw CommandError(.usage, "no output is named; give one, or --in-place")
      }
      return nil
    }
    return try OutputFile(path, inputs: [input], inPlace: inPlace, noClobber: noClobber)
  }

  func writeReport(_ result: some Encodable) throws {
    guard let report else { return }
    do {
      let data = try OutputOptions.encode(result) + Data("\n".utf8)
      try data.write(to: URL(fileURLWithPath: report), options: .atomic)
    } catch {
      throw CommandError(.readOrWriteFailed, "cannot write the report \(report.quoted)")
    }
  }
}
