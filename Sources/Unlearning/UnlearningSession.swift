public import Engine
internal import Evidence
internal import Foundation
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
  private lazy var checkRows = CheckRows(
    problem, limit: checkSize * budget, seed: seed)

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
  /// forget, and never more than there are. Smaller data then gets as many steps as it needs; where
  /// the budget does not pay for `steps` of that size, batches are smaller, down to a quarter.
  ///
  /// - Parameter taught: how many samples there are to teach; nil for those to forget.
  public func batchSizes(
    forget: Int, retain: Int, taught: Int? = nil, steps: Int = enoughSteps
  ) -> (forget: Int, retain: Int) {
    let training = max(2, recipe.batchSize)
    let first = min(forget, training / 2, max(1, taught ?? problem.forgetRows.count))
    let second = min(retain, training, max(1, problem.retainRows.count))
    let whole = Double(steps * max(1, first + second))
    let share = max(0.25, min(1, remaining / whole))
    func part(_ count: Int) -> Int { min(count, max(1, Int(share * Double(count)))) }
    return (part(first), part(second))
  }

  /// Fewer steps do nothing.
  static let fewestSteps = 20

  /// In which a class goes, whose answers have a way to go: an optimizer like Adam moves a weight by no more
  /// than its rate a step.
  static let decentSteps = 100

  /// Of the usual size: where there would be fewer, it is steps that are missing, not samples in each.
  public static let enoughSteps = 300

  /// What is left for steps and checks once the final test is paid for.
  public var remaining: Double {
    budget - spentBefore - meter.passes
      - problem.finalTestPasses(restoringConfidence: restoresConfidence)
  }

  /// What the attempt started with.
  var allowance: Double { budget - spentBefore }

  /// Whether the final test is preceded by a forward pass over the unseen reference samples.
  public var restoresConfidence = false

  /// How many tests along the way a tenth of the budget pays for, within 2...12, and never more than a
  /// quarter of what is left.
  public var affordableChecks: Int {
    guard budget.isFinite else { return 12 }
    let most = Int(max(0, remaining) / 4 / checkCost)
    return min(max(Int(0.1 * budget / checkCost), 2), 12, most)
  }

  /// How many steps of so many sample passes the budget pays for beside `checks` tests; one at least.
  public func affordableSteps(passesPerStep: Double, checks: Int) -> Int {
    // A result that has gone too far is exchanged for an earlier one, which is tested again.
    let test = problem.finalTestPasses(restoringConfidence: false)
    let again = checks > 0 && test < 0.05 * budget ? test : 0
    let passes = remaining - Double(checks) * checkCost - again
    return max(1, Int(min(passes / max(1, passesPerStep), 1e9)))
  }

  /// Makes sure of what a method cannot do without.
  ///
  /// - Parameters:
  ///   - purpose: with its verb, as in "an epoch takes".
  ///   - method: what asks for it; nil for the method as people call it.
  /// - Throws: `UnlearningError.budget` where less is left.
  func require(_ passes: Double, purpose: String, method: String? = nil) throws {
    guard remaining < passes else { return }
    let all = max(1, Double(recipe.epochs) * Double(problem.retrainingCount))
    throw UnlearningError.budget(
      method: method ?? methodName, purpose: purpose, needed: passes / all, found: remaining / all)
  }

  /// Whether the budget pays for testing another result.
  var affordsAnotherTest: Bool { remaining >= 0 }

  /// What has to be stopped in time wants many tests along the way rather than precise ones: makes them
  /// smaller, before the first. Single samples are compared with unseen ones, which takes precision.
  ///
  /// - Parameter evenSamples: whether single samples are tested like that too.
  func testOften(evenSamples: Bool = false) {
    if evenSamples || problem.scenario != .samples { checkSize = 0.02 }
  }

  /// Samples of either kind in a test along the way, as a share of the budget in passes.
  private var checkSize = 0.075

  /// A test along the way, in sample passes.
  var checkCost: Double { Double(checkRows.forget.count + checkRows.unseen.count) / 3 }

  /// Takes the steps of a descent and leaves its result in the network.
  public func descend(_ descent: Descent) throws {
    var run = try DescentRun(descent, session: self)
    try run.run()
    descents += 1
    stepsBefore = steps
  }

  /// How far a check found the model from what the request is after: what the samples to forget are
  /// still, or by now too little, recognised, and what has been lost on others.
  public func distance(of check: Check) -> Double {
    abs(excess(of: check)) + max(0, check.accuracyLost)
  }

  /// How much too well the samples to forget are recognised.
  public func excess(of check: Check) -> Double {
    problem.scenario == .samples ? check.accuracyExcess : check.accuracy
  }

  /// Where ascent may end: a share of the cross-entropy of a guess, `log C`, in nats. Of a class nothing may
  /// be left, unseen samples included: there it has no end.
  func ascentCeiling(_ share: Float) -> Float {
    if case .classes = problem.scenario { return .infinity }
    return share * log(Float(problem.classCount))
  }

  /// Whether what a check saw is what the request is after: the level of unseen samples, or for
  /// classes and wrong labels, next to nothing.
  public func isReached(_ check: Check) -> Bool {
    switch problem.scenario {
    case .samples: check.accuracyExcess <= 0
    // Half of what may be left: the final test looks at more samples, unseen ones among them.
    case .classes: check.accuracy <= ClassTest.allowance / 2
    case .wrongLabels, .backdoor: check.accuracy <= 0.02
    }
  }

  /// Tests the network's present weights on part of the samples, and keeps the test for the record.
  public func check(step: Int) throws -> Check? {
    guard !problem.forgetRows.isEmpty else { return nil }
    let forget = try Baseline.answers(network, problem.data.train, checkRows.forget, &meter)
    let unseen = try Baseline.answers(
      network, problem.data.unseen, checkRows.unseen.map { problem.validationRows[$0] }, &meter)
    guard let comparison = UnseenComparison(forget.responses, unseen: unseen.responses) else {
      return nil
    }
    let gone = Set(problem.forgottenClasses.map(Int32.init))
    let labels = unseen.responses.labels
    let kept = labels.indices.filter { !gone.contains(labels[$0]) }
    let before = baseline.validation[kept.map { checkRows.unseen[$0] }].accuracy
    let check = Check(
      step: step, accuracy: comparison.accuracy, accuracyExcess: comparison.accuracyExcess,
      aucExcess: comparison.aucExcess,
      accuracyLost: kept.isEmpty ? 0 : before - unseen.responses[kept].accuracy,
      passes: comparison.passes, isOverForgotten: comparison.isOverForgotten)
    checks.append(check)
    return check
  }

  func keepAsFallback(_ parameters: Parameters) { fallback = parameters }
}

/// The samples of the tests along the way: 100 to 1,000 of either kind.
private struct CheckRows {
  /// Rows of the training split.
  let forget: [Int]
  /// Positions in the problem's validation rows.
  let unseen: [Int]

  init(_ problem: UnlearningProblem, limit: Double, seed: UInt64) {
    let limit = Int(min(max(100, limit), 1000))
    func some(_ rows: [Int], _ purpose: String) -> [Int] {
      guard rows.count > limit else { return rows }
      var random = SeededGenerator(seed: seed, stream: "unlearn/check/\(purpose)")
      var shuffled = rows
      random.shuffle(&shuffled)
      return shuffled[..<limit].sorted()
    }
    forget = some(problem.checkedRows, "forget")
    unseen = some(Array(problem.validationRows.indices), "unseen")
  }
}
