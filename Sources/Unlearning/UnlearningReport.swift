public import Engine
internal import Evidence
internal import ModelCore

/// What was done and what came of it, for people, programs and the record in a file.
///
/// It holds counts and rates, never an id, a sample or anything about a single one: rates over fewer
/// than ten samples to forget are left out. The same run gives the same report, so it holds no time
/// either.
///
/// - SeeAlso: `Schemas/report/unlearn-1.schema.json`.
public struct UnlearningReport: Hashable, Codable, Sendable {
  public struct Method: Hashable, Codable, Sendable {
    public let name: String
    /// Every hyper-parameter as given.
    public let settings: [String: Setting]
    /// What the method chose and found in the last attempt.
    public let findings: [String: Setting]
  }

  public struct Scenario: Hashable, Codable, Sendable {
    public enum Kind: String, Hashable, Codable, Sendable {
      case samples, classes
      case wrongLabels = "wrong-labels"
      case backdoor
    }
    public let kind: Kind
    /// The indices of forgotten classes; absent when samples are forgotten.
    public let classes: [Int]?
    public let forgetCount: Int
    public let retainCount: Int
    /// How many samples of earlier requests were kept forgotten; absent when there are none.
    public let forgottenBefore: Int?
  }

  /// The answer, and a sentence that explains it.
  public struct Conclusion: Hashable, Codable, Sendable {
    public let outcome: Verdict
    /// Whether the claim holds under the conditions asked for.
    public let accepted: Bool
    public let sentence: String
  }

  /// The samples to forget beside unseen ones of the same classes.
  public struct Comparison: Hashable, Codable, Sendable {
    public let count: Int
    public let unseenCount: Int
    public let accuracy: Double
    public let unseenAccuracy: Double
    /// The standard error of the difference of the two.
    public let accuracyError: Double
    public let auc: Double
    /// The standard error of the AUC.
    public let aucError: Double
    public let kolmogorovSmirnov: Double
    public let wasserstein: Double

    init(_ comparison: UnseenComparison) {
      count = comparison.count
      unseenCount = comparison.unseenCount
      accuracy = comparison.accuracy
      unseenAccuracy = comparison.unseenAccuracy
      accuracyError = comparison.accuracyError
      auc = comparison.auc
      aucError = comparison.aucError
      kolmogorovSmirnov = comparison.kolmogorovSmirnov
      wasserstein = comparison.wasserstein
    }
  }

  public struct State: Hashable, Codable, Sendable {
    /// Absent when there are fewer than ten, and where their labels are what is wrong.
    public let forget: Comparison?
    /// The same beside unseen samples that are as hard as these are expected to be, which then
    /// decides: present where the samples are no fair sample of their classes.
    public let expectation: Comparison?
    /// Present when classes are forgotten.
    public let forgottenClasses: ClassTest?
    /// Present for wrong labels and backdoors; absent for fewer than ten records.
    public let labels: LabelTest?
    /// The share classified rightly, split by split, in the order they are shown.
    public let accuracies: [SplitAccuracy]
  }

  public struct SplitAccuracy: Hashable, Codable, Sendable {
    public let split: String
    public let count: Int
    public let accuracy: Double
  }

  public struct Utility: Hashable, Codable, Sendable {
    public let count: Int
    /// How many unseen samples only the original model gets right.
    public let onlyBefore: Int
    /// How many only the unlearned one does.
    public let onlyAfter: Int
    /// Accuracy lost, and what may be lost.
    public let loss: Double
    public let allowance: Double

    init(_ pairs: DiscordantPairs) {
      count = pairs.count
      onlyBefore = pairs.onlyFirst
      onlyAfter = pairs.onlySecond
      loss = pairs.loss
      allowance = pairs.allowance
    }
  }

  /// Sample passes: forward and backward is one, forward only a third.
  public struct Cost: Hashable, Codable, Sendable {
    public let passes: Double
    /// What retraining takes: epochs times retained samples.
    public let retrainingPasses: Double
    /// One as a share of the other.
    public let share: Double
    /// What one attempt might have taken, as a share; absent without a limit.
    public let limit: Double?
    /// Samples forward and backward, and samples forward only, in all attempts.
    public let trained: Int
    public let evaluated: Int
    /// Passes for numbers that are only reported, not in the above.
    public let reportPasses: Double
    public let attempts: Int
    /// Steps of the last attempt.
    public let steps: Int
  }

  public struct Retraining: Hashable, Codable, Sendable {
    public let epochs: Int
    public let batchSize: Int
    public let learningRate: Float
    /// Whether this had to be guessed.
    public let assumed: Bool
  }

  public let schema: String
  public let method: Method
  public let scenario: Scenario
  public let verdict: Conclusion
  public let power: TestPower
  public let before: State
  public let after: State
  /// How far the answers moved.
  public let change: AnswerChange
  /// Present when each sample was judged by itself.
  public let samplewise: SamplewiseTest?
  public let utility: Utility
  public let cost: Cost
  public let retraining: Retraining
  /// Tests along the way of the last attempt; none when there are fewer than ten samples to forget.
  public let checks: [Check]
  public let seed: UInt64
  public let threads: Int
  /// What the factors of products were rounded to.
  public let precision: Precision
  public let remarks: [String]

  public static let schemaName = "modelctl/unlearn/1"
  /// Rates over fewer samples would speak of single ones.
  public static let smallestGroup = 10
}

extension UnlearningReport {
  init(
    request: UnlearningRequest, method: any UnlearningMethod, recipe: TrainingRecipe,
    problem: UnlearningProblem, network: Network, share: Double?, judge: Judge, attempts: [Attempt],
    reported: ReportedAccuracies, change: AnswerChange
  ) {
    // A run makes at least one attempt.
    let last = attempts[attempts.count - 1]
    schema = Self.schemaName
    self.method = Method(name: method.name, settings: method.settings, findings: last.findings)
    scenario = Scenario(problem)
    power = judge.power
    let isGroup = problem.checkedPositions.count >= Self.smallestGroup
    before = State(judge.before, isGroup: isGroup, reported.before)
    after = State(last.after, isGroup: isGroup, reported.after)
    self.change = change
    samplewise = last.after.samplewise
    utility = Utility(last.utility)
    let cost = Self.cost(
      judge, attempts, retraining: Double(recipe.epochs) * Double(problem.retrainingCount),
      limit: share,
      reportPasses: reported.meter.passes + attempts.reduce(0) { $0 + $1.reportMeter.passes })
    self.cost = cost
    retraining = Retraining(
      epochs: recipe.epochs, batchSize: recipe.batchSize, learningRate: recipe.learningRate,
      assumed: request.recipe == nil)
    checks = isGroup ? last.checks : []
    seed = request.seed
    threads = network.threads
    precision = network.precision
    verdict = Conclusion(
      last, judge: judge, problem: problem, requiresPower: request.requiresPower)
    remarks = Self.remarks(request, method, problem, judge, last, cost)
  }

  /// The share of retraining's cost above which retraining for as long does as well.
  public static let retrainingPays = 0.15

  private static func cost(
    _ judge: Judge, _ attempts: [Attempt], retraining: Double, limit: Double?,
    reportPasses: Double
  ) -> Cost {
    let trained = attempts.reduce(judge.meter.trained) { $0 + $1.meter.trained }
    let evaluated = attempts.reduce(judge.meter.evaluated) { $0 + $1.meter.evaluated }
    let passes = Double(trained) + Double(evaluated) / 3
    return Cost(
      passes: passes, retrainingPasses: retraining,
      share: retraining > 0 ? passes / retraining : 0, limit: limit, trained: trained,
      evaluated: evaluated, reportPasses: reportPasses, attempts: attempts.count,
      steps: attempts[attempts.count - 1].steps)
  }

  private static func remarks(
    _ request: UnlearningRequest, _ method: any UnlearningMethod, _ problem: UnlearningProblem,
    _ judge: Judge, _ last: Attempt, _ cost: Cost
  ) -> [String] {
    var remarks = problem.remarks
    if request.recipe == nil {
      let recipe = UnlearningRequest.assumedRecipe
      remarks.append(
        "How the model was trained is not known: \(recipe.epochs) epochs of Adam at "
          + "\(recipe.learningRate) are assumed, and shares of retraining's cost rest on it.")
    }
    if method.name != "retrain", cost.share > Self.retrainingPays {
      remarks.append(
        "At \(Text.percent(cost.share)) of retraining's cost, retraining for that long "
          + "(--method retrain --max-cost) does as well and leaves no trace at all.")
    }
    if last.isRolledBack {
      remarks.append(
        "The last weights were over-forgotten: these are of the last check before that passed.")
    }
    if problem.scenario == .samples, method.name != "retrain" {
      remarks.append(
        "These tests look at the samples together. An attacker who studies one sample with many "
          + "models of his own sees more.")
    }
    return remarks
  }
}

extension UnlearningReport.Scenario {
  init(_ problem: UnlearningProblem) {
    let classes = problem.forgottenClasses
    let before = problem.forgottenBefore.reduce(0) { $0 + $1.count }
    kind = problem.scenario.kind
    self.classes = classes.isEmpty ? nil : classes
    forgetCount = problem.forgetRows.count
    retainCount = problem.retainRows.count
    forgottenBefore = before == 0 ? nil : before
  }
}

extension UnlearningReport.State {
  init(_ tests: Examination, isGroup: Bool, _ accuracies: [UnlearningReport.SplitAccuracy]) {
    forget = isGroup ? tests.comparison.map(UnlearningReport.Comparison.init) : nil
    expectation = isGroup ? tests.expectation.map(UnlearningReport.Comparison.init) : nil
    forgottenClasses = tests.classTest
    labels = isGroup || tests.labelTest?.subject == .stamped ? tests.labelTest : nil
    self.accuracies = accuracies
  }
}
