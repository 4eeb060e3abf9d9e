internal import Auditing
public import Engine
internal import Evidence
public import ModelCore
public import Unlearning

/// Chooses a method's settings on validation data alone: no retrained model, and no test data.
///
/// Each candidate unlearns from the original weights. Its score is
/// `t * distance + (1 - t) * max(0, accuracy lost on validation)`, lower is better, with the distance
/// from the goal as `TuningGoal` has it. The lowest of those whose result the unlearner itself accepts
/// wins, or the lowest of all where it accepts none.
///
/// - SeeAlso: the protocol of Alon and Dar, "How Does Overparameterization Affect Machine Unlearning
///   of Deep Neural Networks?", 2025; how the two parts are weighed is our reading.
public struct Tuner {
  public let network: Network
  public let data: UnlearningData
  public let request: UnlearningRequest
  public let method: any UnlearningMethod
  /// Samples like the training samples that neither trained the model nor serve to unlearn.
  public let validation: any SampleSource
  public let validationRows: [Int]
  public var goal = TuningGoal.privacy
  /// `t`, within 0...1.
  public var tradeOff = 0.5
  /// What all candidates together may cost, as a share of retraining.
  public var budget = 0.5

  /// Fewer would choose by chance.
  public static let smallestValidationCount = 20

  public init(
    _ network: Network, data: UnlearningData, request: UnlearningRequest,
    method: any UnlearningMethod, validation: any SampleSource, validationRows: [Int]
  ) {
    self.network = network
    self.data = data
    self.request = request
    self.method = method
    self.validation = validation
    self.validationRows = validationRows
  }

  /// - Parameters:
  ///   - forgetRows: ascending rows of the training samples that the request means.
  ///   - progress: called often; what it throws ends the search.
  /// - Throws: `TuningError`, `UnlearningError`, and what the samples throw.
  public func run(
    forgetRows: [Int], progress: @escaping (TuningProgress) throws -> Void = { _ in }
  ) throws -> TuningReport {
    guard (0...1).contains(tradeOff) else { throw TuningError.tradeOff(tradeOff) }
    guard !forgetRows.isEmpty else { throw TuningError.noRecords }
    guard validationRows.count >= Self.smallestValidationCount else {
      throw TuningError.tooFewValidationSamples(
        found: validationRows.count, needed: Self.smallestValidationCount)
    }
    let candidates = try TuningGrid.candidates(of: method)
    let original = try network.parameters
    let before = try accuracies(forgetRows)
    let share = try affordableShare()
    var (trials, spent): ([TuningReport.Trial], Double) = ([], 0)
    var best: (index: Int, score: Double, isAccepted: Bool, parameters: Parameters)?
    for (index, candidate) in candidates.enumerated() {
      // The first is the defaults, which everything else has to beat.
      guard spent + share <= budget * (1 + 1e-9) else { break }
      try network.setParameters(original)
      func tell(_ fraction: Double) throws {
        try progress(
          TuningProgress(
            trial: index + 1, of: candidates.count, share: spent / budget, of: fraction))
      }
      let (trial, accepted) = try self.trial(
        candidate, forgetRows, before.validation, share: share, tell)
      spent += trial.cost
      trials.append(trial)
      guard let score = trial.score, score.isFinite else { continue }
      // Settings whose result is refused later are of no use, however well they score.
      let isBetter = best.map { accepted == $0.isAccepted ? score < $0.score : accepted } ?? true
      if isBetter {
        best = (index, score, accepted, try network.parameters)
      }
    }
    let locality = try best.map {
      try Locality(
        network, original: original, unlearned: $0.parameters, train: data.train,
        forgetRows: forgetRows, others: validation, strangerRows: validationRows,
        seed: request.seed
      ) { try progress(TuningProgress(trial: trials.count, of: candidates.count, share: 1, of: 1)) }
    }
    return TuningReport(
      method: method.name, goal: goal, tradeOff: tradeOff, trials: trials,
      candidates: candidates.count, winner: best?.index, isAccepted: best?.isAccepted ?? false,
      originalForgetAccuracy: before.forget, originalValidationAccuracy: before.validation,
      forgetCount: forgetRows.count, validationCount: validationRows.count, cost: spent,
      budget: budget, locality: locality, seed: request.seed)
  }

  private static func ranWild(_ error: any Error) -> Bool {
    if let error = error as? EngineError { return error.isDivergence }
    if case EvidenceError.notFinite = error { return true }
    return false
  }

  /// What one candidate may cost.
  private func affordableShare() throws -> Double {
    let scenario: UnlearningProblem.Scenario =
      if case .classes(let classes) = request.subject { .classes(classes) } else { .samples }
    let share = request.maxCost ?? method.defaultCost(for: scenario) ?? 1
    guard budget.isFinite, budget >= share else {
      throw TuningError.budget(budget, smallest: share)
    }
    return share
  }

  private func accuracies(_ forgetRows: [Int]) throws -> (forget: Double, validation: Double) {
    (
      try network.evaluate(data.train, rows: forgetRows).accuracy,
      try network.evaluate(validation, rows: validationRows).accuracy
    )
  }

  private func trial(
    _ candidate: TuningCandidate, _ forgetRows: [Int], _ validationBefore: Double, share: Double,
    _ tell: @escaping (Double) throws -> Void
  ) throws -> (TuningReport.Trial, isAccepted: Bool) {
    var request = request
    request.maxCost = share
    request.retries = false
    let outcome: UnlearningOutcome
    do {
      outcome = try Unlearner(network, data: data, request: request, method: candidate.method)
        .run { try tell(Double($0.step) / Double(max(1, $0.steps))) }
    } catch let error where Self.ranWild(error) {
      // Settings too wild for this model are a result, and no reason to stop.
      return (
        TuningReport.Trial(
          changes: candidate.changes, outcome: nil, forgetAccuracy: nil, validationAccuracy: nil,
          distance: nil, loss: nil, score: nil, cost: share), false
      )
    }
    let after = try accuracies(forgetRows)
    let distance = goal == .privacy ? abs(after.forget - after.validation) : after.forget
    let loss = validationBefore - after.validation
    return (
      TuningReport.Trial(
        changes: candidate.changes, outcome: outcome.report.verdict.outcome,
        forgetAccuracy: after.forget, validationAccuracy: after.validation, distance: distance,
        loss: loss, score: tradeOff * distance + (1 - tradeOff) * max(0, loss),
        cost: outcome.report.cost.share), outcome.isAccepted
    )
  }
}

/// How far a search is; the callback that receives it may throw to stop it.
public struct TuningProgress: Hashable, Sendable {
  /// Counted from one.
  public let trial: Int
  public let trials: Int
  /// The share of the budget that is spent, and of the present candidate that is done, within 0...1.
  public let spent: Double
  public let done: Double

  init(trial: Int, of trials: Int, share: Double, of done: Double) {
    self.trial = trial
    self.trials = trials
    spent = share
    self.done = done
  }
}
