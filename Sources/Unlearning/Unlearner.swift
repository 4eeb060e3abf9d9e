public import Engine
internal import Evidence
public import ModelCore

/// Runs a method on a request, tests the result, and says what came of it.
public struct Unlearner {
  public let network: Network
  public let data: UnlearningData
  public let request: UnlearningRequest
  public let method: any UnlearningMethod

  /// - Parameter network: the model to unlearn, with its trained weights.
  public init(
    _ network: Network, data: UnlearningData, request: UnlearningRequest,
    method: any UnlearningMethod
  ) {
    self.network = network
    self.data = data
    self.request = request
    self.method = method
  }

  /// Unlearns; a failed attempt is followed by one of twice the budget, from the original weights.
  ///
  /// - Parameter progress: called at every step; what it throws ends the run and leaves the network
  ///   with weights of no use.
  /// - Returns: what happened. The network has the unlearned weights, whatever the verdict.
  /// - Throws: `UnlearningError` for a request that makes no sense, `EngineError.diverged` and
  ///   `EvidenceError.notFinite` when the weights run wild, and what the samples throw.
  public func run(
    progress: @escaping (UnlearningProgress) throws -> Void = { _ in }
  ) throws -> UnlearningOutcome {
    let start = ContinuousClock.now
    try progress(UnlearningProgress(stage: .measuring, attempt: 1))
    let recipe = request.recipe ?? UnlearningRequest.assumedRecipe
    if let share = request.maxCost, !(share > 0 && share.isFinite) {
      throw UnlearningError.maxCost(share)
    }
    let original = try network.parameters
    let problem = try makeProblem(recipe)
    let retraining = Double(recipe.epochs) * Double(problem.retrainingCount)
    let judge = try Judge(network, problem: problem, needs: method.needs(for: problem.scenario))
    try Self.requireKnowledge(judge.baseline.validation)
    let share = try share(recipe, problem, tested: judge.meter.passes, of: retraining)
    var reported = try ReportedAccuracies(network, problem: problem)

    var attempts: [Attempt] = []
    var timing = Timing(start: start)
    for number in 1...2 {
      let session = UnlearningSession(
        problem: problem, network: network, original: original, baseline: judge.baseline,
        recipe: recipe, budget: share.map { $0 * retraining * Double(number) } ?? .infinity,
        spentBefore: judge.meter.passes, seed: request.seed, attempt: number,
        methodName: method.name, report: progress)
      if number > 1 { try network.setParameters(original) }
      try method.unlearn(session)
      try progress(UnlearningProgress(stage: .testing, attempt: number))
      timing.add(session)
      attempts.append(try judge.judge(session, isExact: method.isExact))
      let isAccepted = attempts[number - 1].verdict.isAccepted(requiringPower: false)
      if isAccepted || !request.retries || share == nil { break }
    }
    timing.stop(retraining: retraining)
    try reported.measureAfter(network, problem: problem)
    let change = try change(judge, attempts, problem, &reported.meter)
    let report = UnlearningReport(
      request: request, method: method, recipe: recipe, problem: problem, network: network,
      share: share, judge: judge, attempts: attempts, reported: reported, change: change)
    return UnlearningOutcome(
      report: report, parameters: try network.parameters, timing: timing)
  }

  /// Steps on samples that the model takes for noise would ruin it, and every test would pass.
  private static func requireKnowledge(_ unseen: Responses) throws {
    let agreement = ChanceAgreement(unseen)
    guard !agreement.isIgnorance else {
      throw UnlearningError.ignorance(
        accuracy: agreement.observed, chance: agreement.expected, count: agreement.count)
    }
  }

  private func change(
    _ judge: Judge, _ attempts: [Attempt], _ problem: UnlearningProblem, _ meter: inout CostMeter
  ) throws -> AnswerChange {
    try AnswerChange(
      before: judge.baseline.tested, after: attempts[attempts.count - 1].answers,
      untrained: TestedAnswers(
        untrained: network, problem, seed: request.seed, &meter),
      isGroup: problem.checkedPositions.count >= UnlearningReport.smallestGroup)
  }

  /// What an attempt may cost, as a share of retraining; nil without a limit.
  ///
  /// Small data costs more to test than a share of its training: where nobody sets a limit the method's
  /// own is raised to what tests, what the method begins with and a hundred small steps take.
  private func share(
    _ recipe: TrainingRecipe, _ problem: UnlearningProblem, tested: Double, of retraining: Double
  ) throws -> Double? {
    guard let share = request.maxCost ?? method.defaultCost(for: problem.scenario) else {
      return nil
    }
    // A quarter of a batch of training's size and half as many to forget.
    let count =
      request.maxCost == nil ? UnlearningSession.decentSteps : UnlearningSession.fewestSteps
    let steps = Double(count * max(2, 3 * recipe.batchSize / 8))
    let tests = tested + problem.finalTestPasses(restoringConfidence: true)
    let least =
      request.maxCost == nil ? method.leastPasses(problem, network.architecture) : 0
    let needed = (tests + least + steps) / max(1, retraining)
    guard share < needed else { return share }
    guard request.maxCost == nil else {
      throw UnlearningError.budget(
        method: method.name, purpose: "tests and twenty small steps take", needed: needed,
        found: share)
    }
    return needed
  }

  private func makeProblem(_ recipe: TrainingRecipe) throws -> UnlearningProblem {
    let guess = Double(recipe.epochs) * Double(data.train.layout.count)
    // One evaluation may run over as many samples as cost a twentieth of a 5 % budget.
    let share = request.maxCost ?? method.defaultCost(for: .samples) ?? 1
    let allowance = Int(min(0.15 * share * guess, 1e9))
    return try UnlearningProblem(request, data: data, network: network, allowance: allowance)
  }
}

/// The result of a run.
public struct UnlearningOutcome: Sendable {
  public let report: UnlearningReport
  /// The unlearned weights, whatever the verdict.
  public let parameters: Parameters
  /// What the run took by the clock.
  public let timing: Timing

  /// Whether the claim holds: what decides a command's exit status.
  public var isAccepted: Bool { report.verdict.accepted }
}
