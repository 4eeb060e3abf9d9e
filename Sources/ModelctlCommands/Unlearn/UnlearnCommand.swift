internal import ArgumentParser
internal import Checkpoints
internal import Engine
internal import Foundation
internal import ModelCore
internal import Unlearning
internal import Zip

/// `modelctl unlearn`: the main job.
struct UnlearnCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unlearn",
    abstract: "Make a model forget training records, whole classes, wrong labels or a backdoor.",
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
  @OptionGroup(title: "Where") var model: ModelOptions
  @OptionGroup(title: "The output") var file: UnlearnOutputOptions
  @OptionGroup var engine: EngineOptions
  @OptionGroup var profile: ProfileOptions
  @OptionGroup var distrust: DistrustOptions
  @OptionGroup var result: OutputOptions

  func run() throws {
    let target = try file.target(input: input, output: output, others: model.inputs)
    let dataTarget = try file.dataTarget(model, input: input, output: target?.path)
    let time = try file.time()
    let profiler = profile.makeProfiler()
    let job = try UnlearnJob(
      input: input, model: model, subject: subject, how: how, engine: engine,
      profiler: profiler, ledger: try file.ledger())
    job.warnAboutIds()
    guard !file.dryRun else { return try result.print(job.plan(output: target?.path)) }
    let outcome = try unlearn(job)
    let measured = profiler?.profile
    let isKept = outcome.isAccepted || file.keep
    if isKept, let target {
      try job.write(outcome, to: target.path, data: dataTarget?.path, time: time)
    }
    let report = UnlearnResult(
      report: outcome.report, request: job.summary, time: .init(outcome.timing), input: input,
      output: isKept ? target?.path : nil, removedRows: isKept ? job.removedRows : [:],
      data: model.data.map {
        UnlearnResult.DataFile(
          file: $0, output: isKept ? dataTarget?.path : nil,
          removedRows: isKept && dataTarget != nil ? job.selection.rows.mapValues(\.count) : [:])
      }, profile: measured)
    try file.writeReport(report)
    profile.print(measured, quiet: result.quiet)
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

  @Option(
    help: """
      A backdoor's trigger: an .npz with the arrays patch and mask, of the shape of a stored \
      sample, and label if the class is known. With --forget if the poisoned records are known.
      """, completion: .file())
  var trigger: String?

  @Flag(help: "The labels of these records are wrong: poisoned, or mistaken.")
  var relabel = false

  @Option(
    help: "The right classes of such records, an id and a class a line; implies --relabel.",
    completion: .file())
  var labels: String?

  @Option(
    help: """
      Ids that an earlier request forgot, to keep them forgotten where their records are still at \
      hand; may be given several times, once for each request.
      """, completion: .file())
  var forgottenBefore: [String] = []

  @Flag(help: "Go on when some ids are not in the file.")
  var allowMissing = false

  var hasWrongLabels: Bool { relabel || labels != nil }

  func validate() throws {
    if !forgetClass.isEmpty {
      guard forget == nil, trigger == nil, !hasWrongLabels else {
        throw ValidationError("--forget-class goes with no other choice of what to forget")
      }
    }
    guard forget != nil || trigger != nil || !forgetClass.isEmpty else {
      throw ValidationError(
        "give --forget FILE, --forget-class NAME or --trigger FILE")
    }
    guard !hasWrongLabels || (forget != nil && trigger == nil) else {
      throw ValidationError("--relabel and --labels go with --forget FILE alone")
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

  @Flag(
    help:
      "match: go most of the way back to fresh weights first, against attacks on single records.")
  var deep = false

  @Flag(help: "match: read no retained record; unseen ones keep the model as it is.")
  var noRetain = false

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "A setting of the method; may be given several times.", valueName: "name=value"))
  var settings: [MethodSetting] = []

  @Flag(help: "Fail where there are too few records for a test with power.")
  var requirePower = false

  static var names: String { UnlearningMethods.all.map(\.name).joined(separator: ", ") }

  func validate() throws {
    guard epochs.map({ (1...1_000_000).contains($0) }) ?? true else {
      throw ValidationError("--epochs takes a number from 1 to 1000000")
    }
    guard method == "match" || (!deep && !noRetain) else {
      throw ValidationError("--deep and --no-retain go with the method match")
    }
    guard !(deep && noRetain) else {
      throw ValidationError("--deep trains on retained records; it does not go with --no-retain")
    }
  }

  /// The method with its settings.
  ///
  /// - Throws: `UnlearningError` for a method or a setting that there is not.
  func configured() throws -> any UnlearningMethod {
    var changes: [String: Setting] = deep ? ["deep": .flag(true)] : [:]
    for setting in settings { changes[setting.name] = setting.value }
    return try UnlearningMethods.named(method).with(changes)
  }
}

/// A hyper-parameter: `temperature=4`.
struct MethodSetting: ExpressibleByArgument, Hashable {
  let name: String
  let value: Setting

  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
    name = String(parts[0])
    value = Setting(parsing: String(parts[1]))
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

  @Option(
    help: """
      A file of secret bytes, 16 or more: the record in the output then holds a keyed commitment to \
      each forgotten id, never the id.
      """, completion: .file())
  var ledgerKey: String?

  @Flag(help: "Let the record in the output tell the time, which SOURCE_DATE_EPOCH does too.")
  var timestamp = false

  @Option(help: "Write the JSON result to this file too.", completion: .file())
  var report: String?

  @Option(
    help: "Write the file of --data here without the records.",
    completion: .file())
  var dataOut: String?

  /// - Returns: nil when the file with the samples is left as it is.
  func dataTarget(
    _ model: ModelOptions, input: String, output: String?
  ) throws -> OutputFile? {
    guard let dataOut else { return nil }
    guard let data = model.data else {
      throw CommandError(
        .usage, "--data-out needs --data: the records are in \(input.quoted), and go from there")
    }
    let others = [input, output, model.architecture].compactMap { $0 }
    return try OutputFile(
      dataOut, inputs: others + (inPlace ? [] : [data]), noClobber: noClobber)
  }

  /// - Returns: nil for a dry run that names no output.
  func target(input: String, output: String?, others: [String]) throws -> OutputFile? {
    if let report { _ = try OutputFile(report, inputs: [input] + others) }
    guard let path = output ?? (inPlace ? input : nil) else {
      guard dryRun else {
        throw CommandError(.usage, "no output is named; give one, or --in-place")
      }
      return nil
    }
    // --in-place is about the model; no other input may be overwritten.
    _ = try OutputFile(path, inputs: others)
    return try OutputFile(path, inputs: [input], inPlace: inPlace, noClobber: noClobber)
  }

  /// - Throws: `CommandError` for a key that cannot be read or is too short.
  func ledger() throws -> IdentifierLedger? {
    guard let path = ledgerKey else { return nil }
    guard let key = FileManager.default.contents(atPath: path) else {
      throw CommandError(.inputMissing, "cannot read the ledger key \(path.quoted)")
    }
    guard let ledger = IdentifierLedger(key: Array(key)) else {
      throw CommandError(
        .badInput,
        "the ledger key \(path.quoted) has \(key.count) bytes; expected "
          + "\(IdentifierLedger.smallestKey) or more")
    }
    return ledger
  }

  /// The time to tell, in seconds since 1970: the one that a build asks for, or now.
  func time() throws -> Date? {
    if let text = ProcessInfo.processInfo.environment["SOURCE_DATE_EPOCH"] {
      guard let seconds = Int64(text), (0...253_402_300_799).contains(seconds) else {
        throw CommandError(
          .usage, "SOURCE_DATE_EPOCH is \(text.quoted), expected whole seconds since 1970")
      }
      return Date(timeIntervalSince1970: TimeInterval(seconds))
    }
    return timestamp ? Date() : nil
  }

  func writeReport(_ result: some Encodable) throws {
    guard let report else { return }
    try AtomicFile.write(Array(OutputOptions.encode(result)) + Array("\n".utf8), to: report)
  }
}
