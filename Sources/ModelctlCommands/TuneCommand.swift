public import ArgumentParser
internal import Auditing
internal import Checkpoints
internal import Foundation
internal import ModelCore
internal import Tuning
internal import Unlearning

/// `modelctl tune`: a method's settings, chosen on validation data.
struct TuneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tune",
    abstract: "Choose a method's settings on validation data, without retraining.",
    discussion: """
      Candidates unlearn one after another, the defaults first, while the budget lasts; nothing is \
      written. The score weighs how far a candidate is from the goal against the accuracy that it \
      loses on the validation split; the test split is not touched. The winner's settings are printed \
      as options of 'unlearn': the lowest score of those that the unlearner's own test accepts. The exit \
      status is 1 when it accepts none.
      """)

  @Argument(help: "A checkpoint with its training and unseen splits.", completion: .file())
  var input: String

  @OptionGroup(title: "What to forget") var subject: SubjectOptions
  @OptionGroup(title: "How") var how: MethodOptions
  @OptionGroup(title: "The search") var search: SearchOptions
  @OptionGroup(title: "Where") var model: ModelOptions
  @OptionGroup var engine: EngineOptions
  @OptionGroup var distrust: DistrustOptions
  @OptionGroup var result: OutputOptions

  func run() throws {
    let job = try UnlearnJob(
      input: input, model: model, subject: subject, how: how, engine: engine)
    job.warnAboutIds()
    let split = try search.validationSplit(of: job.data, unseen: how.unseen)
    var tuner = Tuner(
      job.network, data: job.unlearner.data, request: job.unlearner.request,
      method: job.unlearner.method, validation: try job.data.samples(of: split),
      validationRows: Array(0..<split.layout.count))
    tuner.goal = search.goal ?? (subject.forgetClass.isEmpty ? .privacy : .bias)
    tuner.tradeOff = search.tradeOff
    tuner.budget = search.budget.value
    let training = try job.data.split(named: nil, role: .train)
    let line = ProgressLine("tuning", quiet: result.quiet)
    let report = try tuner.run(forgetRows: job.selection.rows[training.name] ?? []) { progress in
      try Interruption.check()
      line.update(
        progress.spent + progress.done * (1 - progress.spent) / Double(progress.trials),
        "candidate \(progress.trial) of \(progress.trials)")
    }
    line.clear()
    try result.print(
      TuneResult(
        report: report, input: input, validationSplit: split.name, maxCost: how.maxCost?.value))
    if report.winner == nil || !report.isAccepted { throw ExitCode(ExitStatus.no.rawValue) }
  }
}

/// How settings are searched for.
struct SearchOptions: ParsableArguments {
  @Option(
    help: "What all candidates together may cost, as a share of retraining: 0.5 or 50%.")
  var budget = CostShare(0.5)

  @Option(help: "The weight of the goal against accuracy, from 0 to 1.")
  var tradeOff = 0.5

  @Option(
    help: ArgumentHelp(
      """
      privacy: the records are answered like unseen ones. bias: their labels are not given any more. \
      Default: privacy; bias for classes.
      """, valueName: "name"))
  var goal: TuningGoal?

  @Option(
    help: ArgumentHelp(
      "The split to choose by. Default: the one with the role validation, or else unseen.",
      valueName: "split"))
  var validation: String?

  func validate() throws {
    guard (0...1).contains(tradeOff) else {
      throw ValidationError("--trade-off takes a number from 0 to 1")
    }
  }

  func validationSplit(of data: Checkpoint, unseen: String?) throws -> StoredSplit {
    if validation != nil || data.splits(.validation).count == 1 {
      return try data.split(named: validation, role: .validation)
    }
    warn(
      "no validation split: settings are chosen on the unseen split, half of which candidates have "
        + "unlearned with")
    return try data.split(named: unseen, role: .unseen)
  }
}

extension TuningGoal: ExpressibleByArgument {}

/// What `modelctl tune` prints.
///
/// - SeeAlso: `Schemas/report/tune-1.schema.json`.
struct TuneResult: Encodable, CustomStringConvertible {
  let report: TuningReport
  let input: String
  let validationSplit: String
  let maxCost: Double?

  private enum CodingKeys: String, CodingKey { case schema, input, validationSplit, options }

  /// The report's members and our own, in one object.
  func encode(to encoder: any Encoder) throws {
    try report.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode("modelctl/tune/1", forKey: .schema)
    try container.encode(input, forKey: .input)
    try container.encode(validationSplit, forKey: .validationSplit)
    try container.encodeIfPresent(options, forKey: .options)
  }

  /// The winner as `unlearn` takes it; nil without one.
  var options: [String]? {
    report.winner.map { winner in
      let changes = report.trials[winner].changes
      return ["--method", report.method]
        + changes.keys.sorted().flatMap { name in
          ["--set", "\(name)=\(changes[name].map(Self.text) ?? "")"]
        }
        + (maxCost.map { ["--max-cost", "\($0)"] } ?? [])
        + (report.seed == 0 ? [] : ["--seed", "\(report.seed)"])
    }
  }

  var description: String {
    let head =
      "\(report.method): \(report.trials.count) of \(report.candidates) candidates for "
      + "\(Self.percent(report.cost)) of retraining; \(report.forgetCount.grouped) records, "
      + "\(report.validationCount.grouped) validation samples from \(validationSplit.quoted)\n"
      + "the original answers \(Self.percent(report.originalForgetAccuracy)) and "
      + "\(Self.percent(report.originalValidationAccuracy)) of them rightly"
    return [head, table, winner, locality].compactMap { $0 }.joined(separator: "\n\n")
  }

  private var table: String {
    var table = TextTable([
      ("", .left), ("settings", .left), ("forgotten", .right), ("validation", .right),
      ("distance", .right), ("loss", .right), ("score", .right), ("cost", .right),
      ("verdict", .left),
    ])
    for (index, trial) in report.trials.enumerated() {
      let changes = trial.changes.keys.sorted().map {
        "\($0)=\(trial.changes[$0].map(Self.text) ?? "")"
      }
      table.rows.append([
        index == report.winner ? "*" : "",
        changes.isEmpty ? "defaults" : changes.joined(separator: " "),
        trial.forgetAccuracy.map(Self.percent) ?? "-",
        trial.validationAccuracy.map(Self.percent) ?? "-",
        trial.distance.map(Self.percent) ?? "-", trial.loss.map(Self.percent) ?? "-",
        trial.score.map { String(format: "%.4f", $0) } ?? "-", Self.percent(trial.cost),
        trial.outcome?.rawValue ?? "ran wild",
      ])
    }
    return table.description
  }

  private var winner: String {
    guard let options else { return "no candidate came to an end: all ran wild" }
    let doubt =
      report.isAccepted ? "" : "\n(the unlearner's own test accepts none of them: see the verdicts)"
    return "the winner, for 'modelctl unlearn':\n  \(options.joined(separator: " "))\(doubt)"
  }

  private var locality: String? {
    guard let locality = report.locality else { return nil }
    var table = TextTable([
      ("decisions changed at a distance of", .left), ("near forgotten", .right),
      ("near others", .right),
    ])
    for ring in locality.rings {
      table.rows.append([
        ring.distance == 0 ? "0 (the samples)" : Self.percent(ring.distance),
        Self.percent(ring.nearForgotten), Self.percent(ring.nearStrangers),
      ])
    }
    let ratio = locality.ratio.map {
      "\naround forgotten records \(String(format: "%.1f", $0)) times as many decisions changed as "
        + "around others"
    }
    return table.description + (ratio ?? "")
      + "\ndistances are shares of the mean distance between two samples"
  }

  private static func text(_ setting: Setting) -> String {
    switch setting {
    case .number(let value):
      // Rates are 32-bit floats: print the decimal that was meant.
      Double(Float(value)) == value ? "\(Float(value))" : "\(value)"
    case .text(let value): value
    case .flag(let value): "\(value)"
    }
  }

  private static func percent(_ share: Double) -> String { String(format: "%.1f %%", 100 * share) }
}

extension CostShare {
  init(_ value: Double) { self.value = value }

  var defaultValueDescription: String { String(format: "%g%%", 100 * value) }
}
