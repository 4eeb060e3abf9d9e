internal import ArgumentParser
internal import Checkpoints
internal import ModelCore

/// How weights are to be moved, and samples varied.
struct RecipeOptions: ParsableArguments {
  @Option(help: "adam, adamw (weight decay 0.004), sgd or rmsprop. Default: the file's, or adam.")
  var optimizer: OptimizerName?

  @Option(help: "The highest learning rate. Default: 0.05 for sgd, 0.001 for others.")
  var learningRate: Float?

  @Option(help: "Of sgd (default 0.9) or rmsprop (default 0).")
  var momentum: Float?

  @Flag(help: "Look ahead with the momentum of sgd.")
  var nesterov = false

  @Flag(help: "Let the step size of adam only shrink.")
  var amsgrad = false

  @Option(help: "What every weight loses in a step, as a share of itself times the rate.")
  var weightDecay: Float?

  @Option(help: "linear-to-zero, constant, cosine, exponential or piecewise.")
  var schedule: ScheduleName?

  @Option(help: "Steps over which the rate of a cosine rises first.")
  var warmupSteps = 0

  @Option(help: "Steps of a cosine (default: all that are left), or of one power of --decay-rate.")
  var decaySteps: Int?

  @Option(help: "What an exponential rate is multiplied by every --decay-steps.")
  var decayRate: Float = 0.96

  @Option(help: "The last steps of each piece of a piecewise rate, as 1000,2000.")
  var boundaries: NumberList?

  @Option(help: "The rate of each piece as a share of the highest, as 1,0.1,0.01.")
  var factors: NumberList?

  @Option(help: "Shrink each weight's gradient to this Euclidean norm.")
  var clipNorm: Float?

  @Option(help: "Shrink all gradients together to this Euclidean norm.")
  var clipGlobalNorm: Float?

  @Option(help: "Cut each gradient to this magnitude.")
  var clipValue: Float?

  @Option(help: "Move every image by up to this many pixels at random.")
  var shift = 0

  @Flag(help: "Mirror every second image at random, left to right.")
  var flipHorizontal = false

  @Flag(help: "Mirror every second image at random, top to bottom.")
  var flipVertical = false

  func validate() throws {
    let limits = [clipNorm, clipGlobalNorm, clipValue].compactMap { $0 }
    for (name, value) in [("learning-rate", learningRate)] + limits.map({ ("clip-...", $0) }) {
      guard value.map({ $0 > 0 && $0.isFinite }) ?? true else {
        throw ValidationError("--\(name) takes a number above 0")
      }
    }
    guard limits.count < 2 else { throw ValidationError("give one of the --clip options") }
    guard momentum.map({ (0...1).contains($0) }) ?? true else {
      throw ValidationError("--momentum takes a number from 0 to 1")
    }
    guard weightDecay.map({ $0 >= 0 && $0.isFinite }) ?? true else {
      throw ValidationError("--weight-decay takes a number of 0 or more")
    }
    let counts = [
      ("warmup-steps", warmupSteps), ("decay-steps", decaySteps ?? 1), ("shift", shift),
    ]
    for (name, value) in counts where !(0...Int(Int32.max)).contains(value) {
      throw ValidationError("--\(name) takes a number from 0 to \(Int32.max)")
    }
    guard decayRate > 0, decayRate.isFinite else {
      throw ValidationError("--decay-rate takes a number above 0")
    }
    try validateSchedule()
  }

  private func validateSchedule() throws {
    switch schedule {
    case .exponential:
      guard let decaySteps, decaySteps > 0 else {
        throw ValidationError("--schedule exponential needs --decay-steps")
      }
    case .piecewise:
      guard let boundaries, let factors,
        factors.values.count == boundaries.values.count + 1, boundaries.steps != nil
      else {
        throw ValidationError(
          "--schedule piecewise needs --boundaries in whole steps and one more of --factors")
      }
    default: break
    }
  }

  /// Says what training would be like in Keras and is not here.
  func warnAboutUnheeded(_ checkpoint: Checkpoint) throws {
    // With --optimizer, nobody expects the file's own.
    guard optimizer == nil else { return }
    let settings = try checkpoint.unheededTraining()
    guard !settings.isEmpty else { return }
    warn(
      "\(checkpoint.path.quoted) was compiled with settings that training here does not have: "
        + settings.joined(separator: ", "))
  }

  /// - Parameter compiled: how Keras was told to train the model.
  func recipe(
    epochs: Int, batchSize: Int, seed: UInt64, compiled: CompiledTraining?
  ) -> TrainingRecipe {
    let compiled = optimizer == nil ? compiled : nil
    let name = optimizer ?? .adam
    var recipe = TrainingRecipe(
      epochs: epochs, batchSize: batchSize, optimizer: compiled?.optimizer ?? name.optimizer,
      learningRate: learningRate ?? compiled?.learningRate ?? name.learningRate,
      schedule: compiled?.schedule ?? .linearToZero,
      weightDecay: weightDecay ?? compiled?.weightDecay ?? name.weightDecay,
      clipping: compiled?.clipping ?? .none,
      augmentation: .init(
        shift: shift, flipsHorizontally: flipHorizontal, flipsVertically: flipVertical),
      seed: seed)
    adjust(&recipe.optimizer)
    if let chosen = chosenSchedule { recipe.schedule = chosen }
    if let clipNorm { recipe.clipping = .norm(clipNorm) }
    if let clipGlobalNorm { recipe.clipping = .globalNorm(clipGlobalNorm) }
    if let clipValue { recipe.clipping = .value(clipValue) }
    return recipe
  }

  private func adjust(_ optimizer: inout TrainingRecipe.Optimizer) {
    switch optimizer {
    case .sgd(let own, let isNesterov):
      optimizer = .sgd(momentum: momentum ?? own, isNesterov: isNesterov || nesterov)
    case .adam(let beta1, let beta2, let epsilon, let isAMSGrad):
      optimizer = .adam(
        beta1: beta1, beta2: beta2, epsilon: epsilon, isAMSGrad: isAMSGrad || amsgrad)
    case .rmsprop(let decay, let own, let epsilon, let isCentered):
      optimizer = .rmsprop(
        decay: decay, momentum: momentum ?? own, epsilon: epsilon, isCentered: isCentered)
    }
  }

  private var chosenSchedule: TrainingRecipe.Schedule? {
    switch schedule {
    case nil: nil
    case .constant: .constant
    case .linearToZero: .linearToZero
    case .cosine: .cosine(steps: decaySteps, warmup: warmupSteps)
    case .exponential: .exponential(steps: decaySteps ?? 1, rate: decayRate)
    case .piecewise:
      .piecewise(boundaries: boundaries?.steps ?? [], factors: factors?.values ?? [1])
    }
  }
}

/// The optimizers that `train` offers, with their usual settings.
enum OptimizerName: String, CaseIterable, ExpressibleByArgument {
  case adam, adamw, sgd, rmsprop

  var optimizer: TrainingRecipe.Optimizer {
    switch self {
    case .adam, .adamw: .adam
    case .sgd: .sgd(momentum: 0.9)
    case .rmsprop: .rmsprop
    }
  }

  var learningRate: Float { self == .sgd ? 0.05 : 1e-3 }
  /// Keras's default for AdamW.
  var weightDecay: Float { self == .adamw ? 0.004 : 0 }
}

enum ScheduleName: String, CaseIterable, ExpressibleByArgument {
  case linearToZero = "linear-to-zero"
  case constant, cosine, exponential, piecewise
}

/// Numbers between commas.
struct NumberList: ExpressibleByArgument {
  let values: [Float]

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { Float($0) }.filter { $0.isFinite && $0 >= 0 }
    guard !numbers.isEmpty, numbers.count == parts.count else { return nil }
    values = numbers
  }

  /// The same as ascending whole numbers; nil where they are not.
  var steps: [Int]? {
    let steps = values.compactMap { Int(exactly: $0) }
    guard steps.count == values.count, zip(steps, steps.dropFirst()).allSatisfy({ $0 < $1 }) else {
      return nil
    }
    return steps
  }
}
