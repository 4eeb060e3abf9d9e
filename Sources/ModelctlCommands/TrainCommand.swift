public import ArgumentParser
internal import Checkpoints
internal import Engine
internal import Foundation
internal import ModelCore

/// `modelctl train`: the engine on a checkpoint's own training split.
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a checkpoint's model on its own training split.",
    discussion: """
      Training starts from the weights in the file. The recipe (epochs, optimizer, learning rate, \
      batch, seed) is written into the output, where 'unlearn' and its cost estimate find it. \
      Optimizer, rate, schedule, weight decay and clipping are those that the file was compiled \
      with in Keras, unless --optimizer names another. Layers that the file marks as not trainable \
      stay as they are.
      """)

  @Argument(help: "A checkpoint with a training split.", completion: .file())
  var input: String

  @Argument(help: "The trained checkpoint; replaced at once when it exists.", completion: .file())
  var output: String

  @Option(help: "Passes over the training split.")
  var epochs = 10

  @Option(help: "Samples in one step.")
  var batch = 128

  @Option(help: "Decides the order of samples and what dropout drops.")
  var seed: UInt64 = 0

  @Option(help: "The split to train on. Default: the one whose role is train.")
  var split: String?

  @Flag(help: "Allow the output to be the input.")
  var inPlace = false

  @Flag(help: "Refuse to replace an existing output.")
  var noClobber = false

  @OptionGroup(title: "Recipe") var how: RecipeOptions
  @OptionGroup var model: ModelOptions
  @OptionGroup var engine: EngineOptions
  @OptionGroup var profile: ProfileOptions
  @OptionGroup var distrust: DistrustOptions
  @OptionGroup var result: OutputOptions

  func validate() throws {
    guard (1...100_000).contains(epochs) else {
      throw ValidationError("--epochs takes a number from 1 to 100000")
    }
    guard (1...1_000_000).contains(batch) else {
      throw ValidationError("--batch takes a number from 1 to 1000000")
    }
  }

  func run() throws {
    let file = try OutputFile(
      output, inputs: [input] + model.inputs, inPlace: inPlace, noClobber: noClobber)
    let checkpoint = try model.openModel(input)
    let data = try model.openData(for: checkpoint)
    let training = try data.split(named: split, role: .train)
    let profiler = profile.makeProfiler()
    let network = try engine.network(of: checkpoint, profiler: profiler)
    try how.warnAboutUnheeded(checkpoint)
    let recipe = how.recipe(
      epochs: epochs, batchSize: batch, seed: seed, compiled: try checkpoint.compiledTraining())
    let start = ContinuousClock.now
    let summary = try train(network, on: try data.samples(of: training), recipe: recipe)
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    var report = TrainReport(
      input: input, output: output, recipe: recipe, split: training.name,
      samples: training.layout.count, steps: summary.steps, loss: summary.finalLoss,
      seconds: seconds)
    for split in data.splits {
      let evaluation = try network.evaluate(data.samples(of: split))
      report.splits.append(SplitResult(split, evaluation))
    }
    report.profile = profiler?.profile
    var changes = CheckpointChanges()
    changes.parameters = try network.parameters
    // The state belongs to another run of another optimizer.
    changes.dropsOptimizerState = true
    changes.recipe = recipe.continuing(checkpoint.recipe)
    changes.provenance = report.entry(network)
    try checkpoint.rewrite(changes, to: file.path, options: .interruptible)
    profile.print(report.profile, quiet: result.quiet)
    try result.print(report)
  }

  private func train(
    _ network: Network, on source: any SampleSource, recipe: TrainingRecipe
  ) throws -> TrainingSummary {
    let line = ProgressLine("training", quiet: result.quiet)
    return try network.train(on: source, recipe: recipe) { progress in
      try Interruption.check()
      let loss = String(format: "%.4f", progress.loss)
      line.update(
        Double(progress.step) / Double(progress.steps),
        "epoch \(progress.epoch + 1)/\(progress.epochs), loss \(loss)")
    }
  }
}

extension TrainingRecipe {
  /// The recipe of a model that was trained before: its epochs add up, so that the cost of
  /// retraining is not understated.
  func continuing(_ earlier: TrainingRecipe?) -> TrainingRecipe {
    var total = self
    total.epochs += earlier?.epochs ?? 0
    return total
  }
}

/// What a training run came to.
///
/// - SeeAlso: `Schemas/report/train-1.schema.json`.
struct TrainReport: Encodable, CustomStringConvertible {
  let schema = "modelctl/train/1"
  let input: String
  let output: String
  let recipe: TrainingRecipe
  let split: String
  let samples: Int
  let steps: Int
  /// The mean loss of the last epoch, in nats a sample.
  let loss: Double
  let seconds: Double
  var splits: [SplitResult] = []
  /// Only with `--profile`.
  var profile: Profile?

  private var length: String { recipe.epochs == 1 ? "1 epoch" : "\(recipe.epochs) epochs" }

  /// What the file will remember of the run.
  func entry(_ network: Network) -> ProvenanceEntry {
    ProvenanceEntry(
      operation: "train",
      details: .object([
        "recipe": .object([
          "epochs": .integer(Int64(recipe.epochs)), "batchSize": .integer(Int64(recipe.batchSize)),
          "learningRate": .number(Double(recipe.learningRate)),
          "schedule": .string(recipe.schedule.name),
          "seed": .integer(Int64(bitPattern: recipe.seed)),
        ]), "split": .string(split), "samples": .integer(Int64(samples)),
        "threads": .integer(Int64(network.threads)),
        "precision": .string(network.precision.rawValue), "loss": .number(loss),
        "summary": .string("\(length) on \(samples.grouped) samples"),
      ]))
  }

  var description: String {
    """
    trained on \(samples.grouped) samples of \(split.quoted) for \(length) \
    (\(steps.grouped) steps, \(String(format: "%.1f", seconds)) s), last loss \
    \(String(format: "%.4f", loss))

    \(SplitResult.table(splits))

    wrote \(output.quoted)
    """
  }
}
