public import Engine
internal import Evidence
public import ModelCore

/// One attempt to unlearn: what every method is given, and what it leaves behind.
public final class UnlearningSession {
  public let problem: UnlearningProblem
  /// Has the original weights when a method begins, and the unlearned ones when it ends.
  public let network: Network
  public let original: Parameters
  public let baseline: Baseline
  public let recipe: TrainingRecipe
  /// The sample passes that this attempt may spend; infinite without a limit.
  public let budget: Double
  public let seed: UInt64
  /// What has been spent, by this attempt alone.
  public var meter = CostMeter()

  /// What the method found out and chose, for the record.
  public private(set) var findings: [String: Setting] = [:]
  /// Tests along the way, for the record.
  public private(set) var checks: [Check] = []
  /// Weights of the last check that passed without being over-forgotten.
  private(set) var fallback: Parameters?
  public private(set) var steps = 0

  let attempt: Int
  let methodName: String
  /// Passes for numbers that are only reported.
  var reportMeter = CostMeter()
  /// Wall time of steps, and how many samples went through them.
  private(set) var stepTime = Duration.zero
  private(set) var timedSamples = 0
  private var descents = 0
  private var stepsBefore = 0
  private let spentBefore: Double
  private let report: (UnlearningProgress) throws -> Void
  private lazy var checkRows = CheckRows(problem, budget: budget, seed: seed)

  init(
    problem: UnlearningProblem, network: Network, original: Parameters, baseline: Baseline,
    recipe: TrainingRecipe, budget: Double, spentBefore: Double, seed: UInt64, attempt: Int,
    methodName: String, report: @escaping (UnlearningProgress) throws -> Void
  ) {
    self.problem = problem
    self.network = network
    self.original = original
    self.baseline = baseline
    self.recipe = recipe
    self.budget = budget
    self.spentBefore = spentBefore
    self.seed = seed
    self.attempt = attempt
    self.methodName = methodName
    self.report = report
  }

  /// The weights that training moves, as they were.
  var originalWeights: WeightVector {
    get throws {
      WeightVector(original, of: try network.architecture.parameterSpecifications())
    }
  }

  /// Notes something for the record.
  public func note(_ name: String, _ value: Setting) { findings[name] = value }

  /// Tells the caller how far the attempt is; what the caller throws ends it.
  public func progress(step: Int, of steps: Int) throws {
    self.steps = max(self.steps, stepsBefore + step)
    try report(
      UnlearningProgress(
        stage: .unlearning, attempt: attempt, step: stepsBefore + step,
        steps: stepsBefore + steps))
  }

  /// Runs a step's arithmetic and notes how long it takes.
  func timed(_ samples: Int, _ body: () throws -> Void) rethrows {
    let start = ContinuousClock.now
    try body()
    stepTime += ContinuousClock.now - start
    timedSamples += samples
  }

  /// A stream of random numbers of this part of this attempt.
  func streamName(_ purpose: String) -> String {
    "unlearn/\(purpose)/\(attempt)" + (descents > 0 ? "/\(descents)" : "")
  }

  /// The learning rate that Adam may start from: training's, where that was Adam's too.
  public var adamLearningRate: Float {
    if case .adam = recipe.optimizer { recipe.learningRate } else { 1e-3 }
  }

  /// How many samples go into a step: no more retained ones than training took, half as many to
  /// forget, and never more than there are. Smaller data then gets as many steps as it needs.
  public func batchSizes(forget: Int, retain: Int) -> (forget: Int, retain: Int) {
    let training = max(2, recipe.batchSize)
    return (
      min(forget, training / 2, max(1, problem.forgetRows.count)),
      min(retain, training, max(1, problem.retainRows.count))
    )
  }

  /// What is left for steps and checks once the final test is paid for.
  public var remaining: Double {
    let final =
      problem.checkedPositions.count + problem.validationRows.count
      * (problem.trigger == nil ? 1 : 2)
      + (restoresConfidence ? problem.referenceRows.count : 0)
    return budget - spentBefore - meter.passes - Double(final) / 3
  }

  /// Whether the final test is preceded by a forward pass over the unseen reference samples.
  public var restoresConfidence = false

  /// How many tests along the way a tenth of the budget pays for, within 2...12.
  public var affordableChecks: Int {
    guard budget.isFinite else { return 12 }
    return min(max(Int(0.1 * budget / checkCost), 2), 12)
  }

  /// How many steps of so many sample passes the budget pays for beside `checks` tests; 20 or more, since
  /// fewer do nothing.
  public func affordableSteps(passesPerStep: Double, checks: Int) -> Int {
    let passes = remaining - Double(checks) * checkCost
    return max(20, Int(min(passes / max(1, passesPerStep), 1e9)))
  }

  private var checkCost: Double { Double(checkRows.forget.count + checkRows.unseen.count) / 3 }

  /// Takes the steps of a descent and leaves its result in the network.
  public func descend(_ descent: Descent) throws {
    var run = try DescentRun(descent, session: self)
    try run.run()
    descents += 1
    stepsBefore = steps
  }

  /// Whether what a check saw is what the request is after: the level of unseen samples, or for
  /// classes and wrong labels, next to nothing.
  public func isReached(_ check: Check) -> Bool {
    switch problem.scenario {
    case .samples: check.accuracyExcess <= 0
    case .classes: check.accuracy <= ClassTest.allowance
    case .wrongLabels, .backdoor: check.accuracy <= 0.02
    }
  }

  /// Tests the network's present weights on part of the samples, and keeps the test for the record.
  public func check(step: Int) throws -> Check? {
    guard !problem.forgetRows.isEmpty else { return nil }
    let forget = try Baseline.answers(network, problem.data.train, checkRows.forget, &meter)
    let unseen = try Baseline.answers(network, problem.data.unseen, checkRows.unseen, &meter)
    guard let comparison = UnseenComparison(forget.responses, unseen: unseen.responses) else {
      return nil
    }
    let check = Check(
      step: step, accuracy: comparison.accuracy, accuracyExcess: comparison.accuracyExcess,
      aucExcess: comparison.aucExcess,
      passes: comparison.passes, isOverForgotten: comparison.isOverForgotten)
    checks.append(check)
    return check
  }

  func keepAsFallback(_ parameters: Parameters) { fallback = parameters }
}

/// The samples of the tests along the way: at most 1,000 of either kind, and so many that two tests
/// cost a tenth of the budget.
private struct CheckRows {
  let forget: [Int]
  let unseen: [Int]

  init(_ problem: UnlearningProblem, budget: Double, seed: UInt64) {
    let limit = min(1000, max(100, Int(min(0.075 * budget, 1000))))
    func some(_ rows: [Int], _ purpose: String) -> [Int] {
      guard rows.count > limit else { return rows }
      var random = SeededGenerator(seed: seed, stream: "unlearn/check/\(purpose)")
      var shuffled = rows
      random.shuffle(&shuffled)
      return shuffled[..<limit].sorted()
    }
    forget = some(problem.checkedRows, "forget")
    unseen = some(problem.validationRows, "unseen")
  }
}
