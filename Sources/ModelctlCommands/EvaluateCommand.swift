internal import ArgumentParser
internal import Checkpoints
internal import Engine
internal import Foundation
internal import ModelCore

/// `modelctl evaluate`: how well a model answers the splits of its checkpoint.
struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate", abstract: "Print a model's accuracy and loss on its own splits.")

  @Argument(help: "A checkpoint with splits; it is never changed.", completion: .file())
  var input: String

  @Option(help: "Only this split; may be given several times.")
  var split: [String] = []

  @OptionGroup var model: ModelOptions
  @OptionGroup var engine: EngineOptions
  @OptionGroup var distrust: DistrustOptions
  @OptionGroup var result: OutputOptions

  func run() throws {
    let checkpoint = try model.openModel(input)
    let data = try model.openData(for: checkpoint)
    let chosen =
      split.isEmpty ? data.splits : try split.map { try data.split(named: $0, role: .test) }
    guard !chosen.isEmpty else {
      throw CommandError(
        .badInput,
        "\(data.path.quoted) holds no splits to evaluate on; name a file that does "
          + "with --data")
    }
    let network = try engine.network(of: checkpoint)
    var report = EvaluateReport(input: input)
    for split in chosen {
      let line = ProgressLine("evaluating \(split.name.unquoted)", quiet: result.quiet)
      var evaluation = Evaluation(head: network.head)
      try network.forEachBatch(of: data.samples(of: split)) { batch, logits, rows in
        try Interruption.check()
        evaluation.add(batch, logits: logits)
        line.update(Double(rows.upperBound) / Double(split.layout.count))
      }
      report.splits.append(SplitResult(split, evaluation))
    }
    try result.print(report)
  }
}

/// - SeeAlso: `Schemas/report/evaluate-1.schema.json`.
struct EvaluateReport: Encodable, CustomStringConvertible {
  let schema = "modelctl/evaluate/1"
  let input: String
  var splits: [SplitResult] = []

  var description: String { SplitResult.table(splits) }
}

/// How well a model answers one split.
struct SplitResult: Encodable {
  let name: String
  let role: String
  let samples: Int
  /// The share of samples whose label scores highest.
  let accuracy: Double
  /// The mean cross-entropy in nats.
  let loss: Double

  init(_ split: StoredSplit, _ evaluation: Evaluation) {
    name = split.name
    role = split.role.rawValue
    samples = evaluation.count
    accuracy = evaluation.accuracy
    loss = evaluation.loss
  }

  static func table(_ results: [SplitResult]) -> String {
    var table = TextTable([
      ("split", .left), ("role", .left), ("samples", .right), ("accuracy", .right),
      ("loss", .right),
    ])
    for result in results {
      table.rows.append([
        result.name.unquoted, result.role, result.samples.grouped,
        String(format: "%.2f %%", result.accuracy * 100), String(format: "%.4f", result.loss),
      ])
    }
    return table.description
  }
}
