public import Engine
public import Evidence
public import ModelCore

/// What is audited, and how thoroughly.
public struct AuditRequest {
  public var original: Parameters
  /// The audited model first; further runs of the same unlearning serve KLoM alone.
  public var unlearned: [(name: String, parameters: Parameters)]
  /// Models that were trained without the forgotten samples.
  public var retrained: [(name: String, parameters: Parameters)] = []
  /// How the original was trained; shadow models and relearning need it.
  public var recipe: TrainingRecipe?
  /// How many shadow models the per-example attack rests on; 0 leaves it out.
  public var shadows = 0
  public var store: (any ShadowStore)?
  /// Whether models are set to learn the forgotten samples again.
  public var relearns = false
  /// A backdoor's; the class that it answers is found on the original model when it has no label.
  public var trigger: Trigger?
  public var copied: CopiedFormulas?
  /// How often samples are drawn anew for an interval; 0 leaves intervals out.
  public var resamples = 1000
  public var seed: UInt64 = 0

  public init(original: Parameters, unlearned: Parameters) {
    self.original = original
    self.unlearned = [("unlearned", unlearned)]
  }
}

/// How far an audit is; the callback that receives it may throw to stop it.
public struct AuditProgress: Hashable, Sendable {
  public let stage: String
  /// Within 0...1.
  public let share: Double
}

/// Asks models about samples and weighs what the answers give away.
///
/// It knows nothing of how the model was unlearned.
public struct Audit {
  let network: Network
  let samples: AuditSamples
  let request: AuditRequest
  let progress: (AuditProgress) throws -> Void

  /// - Parameters:
  ///   - network: of the architecture that all the models share; its weights are replaced.
  ///   - progress: called often; what it throws ends the audit.
  public init(
    _ network: Network, samples: AuditSamples, request: AuditRequest,
    progress: @escaping (AuditProgress) throws -> Void = { _ in }
  ) {
    self.network = network
    self.samples = samples
    self.request = request
    self.progress = progress
  }

  /// - Throws: `AuditError`; `EngineError` for weights of another architecture; `EvidenceError` when
  ///   a model's answers are not finite.
  public func run() throws -> (report: AuditReport, pictures: AuditPictures) {
    guard request.shadows == 0 || request.recipe != nil, !request.relearns || request.recipe != nil
    else { throw AuditError.recipeUnknown }
    let answers = try AuditAnswers(self)
    let findings = try AuditFindings(self, answers)
    return (try findings.report(), findings.pictures)
  }

  /// Loads a model and asks it everything.
  func ask(_ role: AuditedModel.Role, _ name: String, _ parameters: Parameters) throws
    -> AuditedModel
  {
    try network.setParameters(parameters)
    return try AuditedModel(role, name: name, network: network, samples: samples) {
      try progress(AuditProgress(stage: "asking the \(role.rawValue) model", share: 0))
    }
  }
}

/// All models' answers.
struct AuditAnswers {
  let original: AuditedModel
  let unlearned: [AuditedModel]
  /// Models without the forgotten samples: those given, then shadow models.
  let given: [AuditedModel]
  let shadows: [AuditedModel]
  let untrained: Answers
  let trainedShadows: Int
  let backdoor: AuditReport.Backdoor?
  let relearning: Relearning?

  var retrained: [AuditedModel] { given + shadows }

  init(_ audit: Audit) throws {
    let (request, samples, network) = (audit.request, audit.samples, audit.network)
    original = try audit.ask(.original, "original", request.original)
    unlearned = try request.unlearned.map { try audit.ask(.unlearned, $0.name, $0.parameters) }
    given = try request.retrained.map { try audit.ask(.retrained, $0.name, $0.parameters) }
    let check = { try audit.progress(AuditProgress(stage: "asking an untrained model", share: 0)) }
    var random = SeededGenerator(seed: request.seed, stream: "audit/untrained")
    try network.setParameters(
      Parameters(
        initializing: network.architecture.parameterSpecifications(), seed: random.next()))
    untrained = try network.answers(
      of: samples.train, rows: samples.askedForgetRows, check: check)
    (shadows, trainedShadows) = try Self.shadows(audit)
    backdoor = try Self.backdoor(audit)
    relearning = try Self.relearning(
      audit, original: original, hasRetrained: !given.isEmpty || !shadows.isEmpty)
  }

  private static func shadows(_ audit: Audit) throws -> ([AuditedModel], Int) {
    guard audit.request.shadows > 0, let recipe = audit.request.recipe else { return ([], 0) }
    let models = ShadowModels(
      count: audit.request.shadows, recipe: recipe, seed: audit.request.seed,
      store: audit.request.store)
    func tell(_ share: Double) throws {
      try audit.progress(AuditProgress(stage: "training shadow models", share: share))
    }
    var asked: [AuditedModel] = []
    let trained = try models.forEach(audit.network, samples: audit.samples, progress: tell) {
      let name = "shadow \($0 + 1)"
      asked.append(
        try AuditedModel(.shadow, name: name, network: audit.network, samples: audit.samples) {
          try tell(0)
        })
    }
    return (asked, trained)
  }

  private static func backdoor(_ audit: Audit) throws -> AuditReport.Backdoor? {
    guard let trigger = audit.request.trigger, let unlearned = audit.request.unlearned.first else {
      return nil
    }
    let (samples, network) = (audit.samples, audit.network)
    let source = try StampedSource(samples.strangers, trigger)
    func ask(_ parameters: Parameters) throws -> (clean: Answers, stamped: Answers) {
      func check() throws { try audit.progress(AuditProgress(stage: "stamping", share: 0)) }
      try network.setParameters(parameters)
      let rows = samples.askedStrangerRows
      return (
        try network.answers(of: samples.strangers, rows: rows, check: check),
        try network.answers(of: source, rows: rows, check: check)
      )
    }
    let before = try ask(audit.request.original)
    let label = trigger.label ?? BackdoorTest.likelyLabel(before.stamped)
    let after = try ask(unlearned.parameters)
    guard let one = BackdoorTest(clean: before.clean, stamped: before.stamped, label: label),
      let other = BackdoorTest(clean: after.clean, stamped: after.stamped, label: label)
    else { throw AuditError.noStrangers }
    return AuditReport.Backdoor(original: one, unlearned: other)
  }

  /// The first retrained model, or else the first shadow model, is what relearning compares with.
  private static func relearning(
    _ audit: Audit, original: AuditedModel, hasRetrained: Bool
  ) throws -> Relearning? {
    let request = audit.request
    guard request.relearns, hasRetrained, let recipe = request.recipe,
      let unlearned = request.unlearned.first
    else { return nil }
    let target = Relearning.share * original.forget.responses.accuracy
    func steps() throws -> Int? {
      try Relearning.steps(
        audit.network, source: audit.samples.train, rows: audit.samples.askedForgetRows,
        recipe: recipe, target: target, seed: request.seed
      ) { try audit.progress(AuditProgress(stage: "relearning", share: 0)) }
    }
    try audit.network.setParameters(unlearned.parameters)
    let mine = try steps()
    var theirs: Int?
    if let retrained = request.retrained.first {
      try audit.network.setParameters(retrained.parameters)
      theirs = try steps()
    } else {
      let models = ShadowModels(
        count: 1, recipe: recipe, seed: request.seed, store: request.store)
      _ = try models.forEach(audit.network, samples: audit.samples) {
        try audit.progress(AuditProgress(stage: "training a model to relearn with", share: $0))
      } _: { _ in
        theirs = try steps()
      }
    }
    return Relearning(
      target: target, unlearned: mine, retrained: theirs, limit: Relearning.largestStepCount)
  }
}
