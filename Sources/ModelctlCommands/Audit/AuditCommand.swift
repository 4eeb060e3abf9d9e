public import ArgumentParser
internal import Auditing
internal import Checkpoints
internal import Engine
internal import Evidence
internal import Foundation
internal import ModelCore
internal import Zip

/// `modelctl audit`: evidence that a model forgot, or that it did not.
struct AuditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Weigh the evidence that a model has forgotten some records.",
    discussion: """
      Both models are asked about the forgotten records, about records that stay, and about strangers: \
      samples that neither was trained on. All samples are read from ORIGINAL. The exit status is 0 \
      when the evidence supports that the records are forgotten and the model is still useful, and 1 \
      when it does not, or when no test could have told the difference ('cannot-tell'; then \
      --accept-undecided makes it 0). An audit is evidence, not proof.
      """)

  @Argument(
    help: "The checkpoint before unlearning, with the forgotten records.", completion: .file())
  var original: String

  @Argument(help: "The checkpoint after unlearning.", completion: .file())
  var unlearned: String

  @OptionGroup(title: "What was forgotten") var subject: AuditSubjectOptions
  @OptionGroup(title: "Compared with") var peers: AuditPeerOptions
  @OptionGroup(title: "How thoroughly") var depth: AuditDepthOptions
  @OptionGroup(title: "Where") var model: ModelOptions
  @OptionGroup(title: "The output") var file: AuditOutputOptions
  @OptionGroup var engine: EngineOptions
  @OptionGroup var distrust: DistrustOptions
  @OptionGroup var result: OutputOptions

  func run() throws {
    for path in [file.report, file.html].compactMap({ $0 }) {
      _ = try OutputFile(
        path, inputs: [original, unlearned] + peers.retrained + peers.run + model.inputs)
    }
    let job = try AuditJob(
      original: original, unlearned: unlearned, model: model, subject: subject, peers: peers,
      depth: depth, engine: engine)
    let line = ProgressLine("auditing", quiet: result.quiet)
    let (report, pictures) = try job.run { progress in
      try Interruption.check()
      line.update(progress.share, progress.stage)
    }
    line.clear()
    let outcome = AuditResult(
      report: report, original: original, unlearned: unlearned, retrained: peers.retrained,
      strangersSplit: job.strangers, remarks: job.remarks)
    try file.write(outcome, pictures)
    try result.print(outcome)
    let isUndecided = report.verdict.outcome == .cannotTell && file.acceptUndecided
    if !report.verdict.supports, !isUndecided { throw ExitCode(ExitStatus.no.rawValue) }
  }
}

/// Whose records went.
struct AuditSubjectOptions: ParsableArguments {
  @Option(
    help: "A file of the forgotten ids, one a line (# starts a comment); - reads standard input.",
    completion: .file())
  var forget: String?

  @Option(help: "A class that was forgotten whole, by name or index; may be given several times.")
  var forgetClass: [String] = []

  @Flag(help: "Go on when some ids are not in the file.")
  var allowMissing = false

  func validate() throws {
    guard (forget == nil) != forgetClass.isEmpty else {
      throw ValidationError("give either --forget FILE or --forget-class NAME")
    }
  }
}

/// Other models beside the two.
struct AuditPeerOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A model trained without the forgotten records; two or more give the noise floor.",
      valueName: "file"), completion: .file())
  var retrained: [String] = []

  @Option(
    help: ArgumentHelp("Another run of the same unlearning, for KLoM.", valueName: "file"),
    completion: .file())
  var run: [String] = []

  @Option(
    help: ArgumentHelp(
      "The split of samples that neither model was trained on. Default: the only one with the role "
        + "test, or else unseen.", valueName: "split"))
  var strangers: String?
}

/// What an audit may cost.
struct AuditDepthOptions: ParsableArguments {
  @Option(
    help: "Shadow models for the per-example attack; each costs one retraining, 0 leaves it out.")
  var shadows = 0

  @Option(
    help: ArgumentHelp(
      "A folder to keep shadow models in, and to take them from.", valueName: "folder"),
    completion: .directory)
  var shadowCache: String?

  @Flag(help: "Measure how fast the models learn the forgotten records again.")
  var relearn = false

  @Option(
    help: "A backdoor's pattern: an .npz with 'patch' and 'mask' of a sample's shape.",
    completion: .file())
  var trigger: String?

  @Option(
    help: ArgumentHelp(
      "The class that the backdoor answers. Default: found on the original model.",
      valueName: "name"))
  var triggerClass: String?

  @Option(
    help: ArgumentHelp(
      "Print what widely copied code computes too, wrong as it is: "
        + CopiedFormulas.allCases.map(\.rawValue).joined(separator: ", ") + ".", valueName: "name"))
  var compat: CopiedFormulas?

  @Option(help: "How often samples are drawn anew for the 95 % intervals; 0 leaves them out.")
  var resamples = 1000

  @Option(help: "Epochs that the model was trained for, where the file does not say.")
  var epochs: Int?

  @Option(help: "Decides every random draw.")
  var seed: UInt64 = 0

  func validate() throws {
    guard (0...1000).contains(shadows), shadows != 1 else {
      throw ValidationError("--shadows takes 0, or a number from 2 to 1000")
    }
    guard (0...1_000_000).contains(resamples) else {
      throw ValidationError("--resamples takes a number from 0 to 1000000")
    }
    guard epochs.map({ (1...1_000_000).contains($0) }) ?? true else {
      throw ValidationError("--epochs takes a number from 1 to 1000000")
    }
    guard shadowCache == nil || shadows > 0 else {
      throw ValidationError("--shadow-cache needs --shadows")
    }
    guard triggerClass == nil || trigger != nil else {
      throw ValidationError("--trigger-class needs --trigger")
    }
  }
}

extension CopiedFormulas: ExpressibleByArgument {}

/// Where the findings go.
struct AuditOutputOptions: ParsableArguments {
  @Option(help: "Write the JSON result to this file too.", completion: .file())
  var report: String?

  @Option(help: "Write a page with pictures, complete in one file.", completion: .file())
  var html: String?

  @Flag(help: "Exit with 0 when no test could have told the difference.")
  var acceptUndecided = false

  func write(_ result: AuditResult, _ pictures: AuditPictures) throws {
    if let report {
      try AtomicFile.write(Array(OutputOptions.encode(result)) + Array("\n".utf8), to: report)
    }
    if let html { try AtomicFile.write(Array(AuditPage(result, pictures).text.utf8), to: html) }
  }
}
