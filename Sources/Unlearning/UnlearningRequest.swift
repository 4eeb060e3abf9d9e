public import ModelCore

/// What to forget, and what may be spent on it.
public struct UnlearningRequest: Hashable, Sendable {
  /// What the model must no longer know.
  public enum Subject: Hashable, Sendable {
    /// Rows of the training split, in any order, without duplicates.
    case samples([Int])
    /// Every training sample of these classes, and the classes themselves.
    case classes([Int])
    /// Rows of the training split whose labels are wrong, poisoned or mistaken, and the right
    /// classes of those where they are known.
    case wrongLabels([Int], right: [Int: Int32])
    /// A backdoor: what it answers to, and the poisoned rows where they are known.
    case backdoor(Trigger, rows: [Int])
  }

  public var subject: Subject
  /// How the model was trained; nil stands for `UnlearningRequest.assumedRecipe`.
  public var recipe: TrainingRecipe?
  /// What one attempt may cost, as a share of retraining's sample passes; nil is the method's own.
  ///
  /// Everything that decides counts, tests included. Numbers that are only reported do not.
  public var maxCost: Double?
  /// Whether a failed attempt is followed by one of twice the budget, from the original weights.
  public var retries: Bool
  /// Whether a request too small for the test to have power is refused a pass.
  public var requiresPower: Bool
  /// Rows that earlier requests made the model forget, request by request: they stay forgotten.
  public var forgottenBefore: [[Int]] = []
  /// Whether the retained samples may be read at all.
  public var usesRetained = true
  /// Whether the weights may be mixed with fresh ones: not where that was done before.
  public var allowsReset = true
  /// Decides every random draw.
  public var seed: UInt64

  public init(
    _ subject: Subject, recipe: TrainingRecipe? = nil, maxCost: Double? = nil,
    retries: Bool = true, requiresPower: Bool = false, seed: UInt64 = 0
  ) {
    self.subject = subject
    self.recipe = recipe
    self.maxCost = maxCost
    self.retries = retries
    self.requiresPower = requiresPower
    self.seed = seed
  }

  /// What is taken for granted about a model that does not say how it was trained: batches as Keras takes
  /// them where nobody says otherwise.
  public static let assumedRecipe = TrainingRecipe(epochs: 50, batchSize: 32, learningRate: 1e-3)
}

/// The samples that a run reads.
public struct UnlearningData {
  /// What the model was trained on, the samples to forget among them.
  public var train: any SampleSource
  /// Samples like the training samples, which the model has never seen: every other one of each
  /// class is what forgotten samples are pulled towards, the rest test the result.
  public var unseen: any SampleSource
  /// Further splits whose accuracy is reported before and after, by name. They decide nothing.
  public var reported: [(name: String, source: any SampleSource)]

  public init(
    train: any SampleSource, unseen: any SampleSource,
    reported: [(name: String, source: any SampleSource)] = []
  ) {
    self.train = train
    self.unseen = unseen
    self.reported = reported
  }
}

/// How far a run is; the callback that receives it may throw to stop the run.
public struct UnlearningProgress: Hashable, Sendable {
  public enum Stage: String, Hashable, Sendable {
    /// The original model answers what it will be compared by.
    case measuring
    case unlearning
    /// The result is put to the test.
    case testing
  }

  public var stage: Stage
  /// 1, or 2 for the retry.
  public var attempt: Int
  /// Steps done and in all; zero outside `unlearning`.
  public var step: Int
  public var steps: Int

  public init(stage: Stage, attempt: Int, step: Int = 0, steps: Int = 0) {
    self.stage = stage
    self.attempt = attempt
    self.step = step
    self.steps = steps
  }
}
