public import Engine
public import ModelCore

/// Gradient steps as data: which samples go into a step, what is asked of them, and how fast.
public struct Descent {
  /// Where samples come from.
  public enum Split: Hashable {
    case forget, retain
    /// The unseen samples that serve as targets.
    case unseen
    case given(GivenSamples)

    /// What its random order is drawn for.
    var name: String {
      switch self {
      case .forget: "forget"
      case .retain: "retain"
      case .unseen: "unseen"
      case .given(let samples): samples.name
      }
    }
  }

  /// What is asked of samples.
  public enum Target: Hashable, Sendable {
    /// Their own labels.
    case labels
    /// A row of a table for each sample of the split, in the order of its rows.
    case table(TargetTable)
    /// What the original model answers.
    case original
  }

  /// One thing asked of samples: `weight * mean(T^2 CE(target, softmax(z / T)))`.
  public struct Loss: Hashable, Sendable {
    public var target: Target
    /// A negative weight ascends.
    public var weight: Float
    /// `T`, applied to both sides: Hinton, Vinyals and Dean, 2015.
    public var temperature: Float
    /// From what cross-entropy on a sample is left alone, in nats: an end to ascent, which has none.
    public var ceiling: Float

    public init(
      _ target: Target, weight: Float = 1, temperature: Float = 1, ceiling: Float = .infinity
    ) {
      self.target = target
      self.weight = weight
      self.temperature = temperature
      self.ceiling = ceiling
    }

    /// Answers to compare at a temperature, with a gradient of at most the weight at any temperature.
    static func softened(
      _ table: TargetTable, _ temperature: Float, weight: Float = 1
    ) -> Loss {
      Loss(
        .table(table.softened(temperature)), weight: weight / temperature,
        temperature: temperature)
    }
  }

  /// Samples of a step, and the losses that are summed over them.
  public struct Term: Hashable {
    public var split: Split
    /// How many samples a step takes; no more than there are.
    public var count: Int
    public var losses: [Loss]

    /// - Precondition: at least one loss.
    public init(_ split: Split, count: Int, _ losses: Loss...) {
      precondition(!losses.isEmpty, "samples of which nothing is asked")
      self.split = split
      self.count = count
      self.losses = losses
    }
  }

  /// Steps of one kind, all of whose terms go through the network together.
  public struct Stage: Hashable {
    public var terms: [Term]
    /// How many steps before the next stage of the cycle.
    public var steps: Int
    /// The largest gradient norm; nil for any.
    public var gradientNorm: Float?

    public init(_ terms: [Term], steps: Int = 1, gradientNorm: Float? = nil) {
      self.terms = terms
      self.steps = steps
      self.gradientNorm = gradientNorm
    }
  }

  /// How the learning rate moves from the first step to the last.
  public enum Schedule: Hashable, Sendable {
    case constant
    case linearToZero
    /// Full rate, and over the last 30 % of the steps linearly down to a tenth.
    case linearTail
  }

  /// Which weights are the result.
  public enum Choice: Hashable, Sendable {
    /// The last ones; or, where they turn out over-forgotten, those of the last check that passed
    /// without being so.
    case last
    /// Those of the check that found least left to do (`UnlearningSession.distance(of:)`): "rewinding"
    /// of Kurmanji et al., NeurIPS 2023, with what the rest has lost counted too. The last check is then
    /// one of the last weights.
    case nearest
  }

  /// The stages that follow each other until the steps are done.
  public var cycle: [Stage]
  public var steps: Int
  public var learningRate: Float
  public var schedule: Schedule = .linearTail
  /// Over how much of the steps the rate first rises to its full height. Adam's first steps are as
  /// long as its rate, however small the gradient; on weights that fit their samples that is damage.
  public var warmUp = 0.0
  public var optimizer: TrainingRecipe.Optimizer = .adam
  public var mode: Network.Mode = .frozen
  /// Whether a running average of the weights is tested and kept instead of the weights.
  public var averages = true
  public var choice: Choice = .last
  /// How many times the result so far is tested, evenly spread, the end not counted unless the nearest
  /// is chosen.
  public var checks = 0
  /// Told of each check; may change the course for what follows, or end the descent.
  public var react: (Check, inout Course) -> Reaction = { _, _ in .go }

  public enum Reaction: Hashable, Sendable { case go, stop }

  /// What a reaction may change.
  public struct Course: Hashable {
    public var cycle: [Stage]
    /// A factor on the learning rate.
    public var pace: Float = 1
  }

  public init(_ cycle: [Stage], steps: Int, learningRate: Float) {
    self.cycle = cycle
    self.steps = steps
    self.learningRate = learningRate
  }

  /// The rate of a step counted from zero.
  func learningRate(step: Int) -> Float {
    let rise = max(1, warmUp * Double(steps))
    return scheduled(step: step) * Float(min(1, Double(step + 1) / rise))
  }

  private func scheduled(step: Int) -> Float {
    let remaining = Double(steps - step - 1) / Double(max(1, steps))
    switch schedule {
    case .constant: return learningRate
    case .linearToZero: return learningRate * Float(1 - Double(step) / Double(max(1, steps)))
    case .linearTail: return learningRate * Float(min(1, 0.1 + 0.9 * remaining / 0.3))
    }
  }

  /// The steps after which the result is tested.
  var checkedSteps: Set<Int> {
    guard checks > 0, steps > 1 else { return [] }
    if choice == .nearest {
      return Set((1...checks).map { $0 * steps / checks }.filter { $0 > 0 })
    }
    return Set((1...checks).map { $0 * steps / (checks + 1) }.filter { $0 > 0 && $0 < steps })
  }
}

/// What a test in the middle of a run saw.
public struct Check: Hashable, Codable, Sendable {
  /// Steps done.
  public let step: Int
  /// Accuracy on the samples to forget.
  public let accuracy: Double
  /// The same above that on unseen ones.
  public let accuracyExcess: Double
  /// AUC of margins to forget against unseen ones, above one half.
  public let aucExcess: Double
  /// Accuracy lost on unseen samples of the classes that stay.
  public let accuracyLost: Double
  public let passes: Bool
  public let isOverForgotten: Bool
}
