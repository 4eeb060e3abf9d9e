internal import Checkpoints
internal import Engine
internal import Foundation
internal import ModelCore
internal import Unlearning

/// One request on one file: which rows are meant, and what the engine is given.
struct UnlearnJob {
  let checkpoint: Checkpoint
  /// Where the samples are: the checkpoint itself, or a file of their own.
  let data: Checkpoint
  let network: Network
  /// The rows of the file with the samples.
  let selection: ForgetSelection
  /// The rows of the model's own file; the same where that holds the samples.
  private let ownRows: [String: [Int]]
  let list: IdentifierList?
  private let earlier: EarlierRequests
  private let ledger: IdentifierLedger?
  private let training: StoredSplit
  private let request: UnlearningRequest
  let unlearner: Unlearner

  init(
    input: String, model: ModelOptions, subject: SubjectOptions, how: MethodOptions,
    engine: EngineOptions, profiler: Profiler? = nil, ledger: IdentifierLedger? = nil
  ) throws {
    list = try subject.forget.map { try IdentifierList(path: $0) }
    let method = try how.configured()
    let checkpoint = try model.openModel(input)
    let data = try model.openData(for: checkpoint)
    (self.checkpoint, self.data, self.ledger) = (checkpoint, data, ledger)
    let training = try data.split(named: nil, role: .train)
    self.training = training
    let unseen = try data.split(named: how.unseen, role: .unseen)
    try checkpoint.requireTrainableLayers()
    let network = try engine.network(of: checkpoint, profiler: profiler)
    self.network = network
    guard network.head != .multiLabel else {
      throw CommandError(
        .badInput,
        "\(checkpoint.path.quoted): the network gives a probability to each of "
          + "\(network.classCount) labels; unlearning needs classes of which one is right")
    }
    let classes = try subject.forgetClass.map {
      try data.classIndex(named: $0, classCount: network.classCount)
    }
    let chosen = Set(classes.map(Int32.init))
    let selection = try ForgetSelection(list, orClasses: chosen, of: training.name, in: data)
    self.selection = selection
    ownRows =
      data === checkpoint
      ? selection.rows
      : try ForgetSelection(list, orClasses: chosen, of: training.name, in: checkpoint).rows
    try Self.requireKnown(selection, list, subject, data.path)
    let rows = selection.rows[training.name] ?? []
    guard !rows.isEmpty || subject.trigger != nil && list == nil else {
      throw CommandError(
        .badInput,
        "nothing to unlearn: none of the records is in the training split \(training.name.quoted)")
    }
    earlier = try EarlierRequests(
      subject.forgottenBefore, of: checkpoint, in: data, training: training)
    request = Self.request(
      try Self.subject(subject, rows, classes, data, training, network), how, earlier,
      recipe: try Self.recipe(of: checkpoint, how))
    unlearner = Unlearner(
      network,
      data: try Self.samples(data, training: training, unseen: unseen), request: request,
      method: method)
  }

  private static func request(
    _ subject: UnlearningRequest.Subject, _ how: MethodOptions, _ earlier: EarlierRequests,
    recipe: TrainingRecipe?
  ) -> UnlearningRequest {
    var request = UnlearningRequest(
      subject, recipe: recipe, maxCost: how.maxCost?.value, requiresPower: how.requirePower,
      seed: how.seed)
    request.usesRetained = !how.noRetain
    request.forgottenBefore = earlier.rows
    request.allowsReset = !earlier.hasReset
    return request
  }

  private static func requireKnown(
    _ selection: ForgetSelection, _ list: IdentifierList?, _ subject: SubjectOptions,
    _ input: String
  ) throws {
    guard let list, !selection.unknown.isEmpty, !subject.allowMissing else { return }
    throw CommandError(
      .badInput,
      "\(list.name) names \(selection.unknown.count.grouped) of \(list.entries.count.grouped) ids that "
        + "\(input.quoted) does not have: \(IdentifierList.quote(selection.unknown)); pass "
        + "--allow-missing to go on without them")
  }

  private static func subject(
    _ options: SubjectOptions, _ rows: [Int], _ classes: [Int], _ data: Checkpoint,
    _ training: StoredSplit, _ network: Network
  ) throws -> UnlearningRequest.Subject {
    if let path = options.trigger {
      let file = try TriggerFile(path: path, sampleShape: network.sampleShape)
      return .backdoor(file.trigger, rows: rows)
    }
    guard options.forget != nil else { return .classes(classes) }
    guard options.hasWrongLabels else { return .samples(rows) }
    guard let path = options.labels else { return .wrongLabels(rows, right: [:]) }
    let known = try RightLabels(path: path, in: data, classCount: network.classCount)
    let wanted = Set(rows)
    var right: [Int: Int32] = [:]
    try data.forEachIdentifier(of: training) { row, identifier in
      if wanted.contains(row), let label = known.classes[identifier.description] {
        right[row] = label
      }
    }
    return .wrongLabels(rows, right: right)
  }

  private static func recipe(
    of checkpoint: Checkpoint, _ how: MethodOptions
  ) throws -> TrainingRecipe? {
    guard let epochs = how.epochs else { return checkpoint.recipe }
    var recipe = checkpoint.recipe ?? UnlearningRequest.assumedRecipe
    recipe.epochs = epochs
    return recipe
  }

  private static func samples(
    _ checkpoint: Checkpoint, training: StoredSplit, unseen: StoredSplit
  ) throws -> UnlearningData {
    let others = checkpoint.splits.filter { $0.role == .validation || $0.role == .test }
    return UnlearningData(
      train: try checkpoint.samples(of: training), unseen: try checkpoint.samples(of: unseen),
      reported: try others.map { ($0.name, try checkpoint.samples(of: $0)) })
  }

  func run(
    progress: @escaping (UnlearningProgress) throws -> Void
  ) throws -> UnlearningOutcome {
    try unlearner.run(progress: progress)
  }

  /// Writes the new files: other weights, and nothing left of what was forgotten.
  ///
  /// - Parameters:
  ///   - dataPath: where the samples that stay go, when they are in a file of their own.
  ///   - time: what the record tells, if anything.
  func write(
    _ outcome: UnlearningOutcome, to path: String, data dataPath: String?, time: Date?
  ) throws {
    var changes = CheckpointChanges()
    changes.parameters = outcome.parameters
    changes.removedRows = ownRows.mapValues(Set.init)
    // It holds a trace of every sample that it has seen.
    changes.dropsOptimizerState = true
    changes.provenance = try ProvenanceEntry(
      unlearning: outcome.report, ledger: ledger?.entry(for: selection.identifiers), time: time)
    var files = [try checkpoint.prepare(changes, to: path, options: .interruptible)]
    if let dataPath {
      var removal = CheckpointChanges()
      removal.removedRows = selection.rows.mapValues(Set.init)
      removal.provenance = changes.provenance
      files.append(try data.prepare(removal, to: dataPath, options: .interruptible))
    }
    for file in files { try file.commit() }
  }

  /// How many rows each split of the model's own file loses.
  var removedRows: [String: Int] { ownRows.mapValues(\.count) }

  /// Says on stderr what is odd about the list of ids, by line.
  func warnAboutIds() {
    earlier.warnAboutLists(ledger: ledger)
    guard let list else { return }
    if !list.duplicates.isEmpty {
      warn(
        "\(list.name) repeats \(list.duplicates.count.grouped("id")): \(IdentifierList.quote(list.duplicates))"
      )
    }
    if !selection.unknown.isEmpty {
      warn(
        "\(list.name) names \(selection.unknown.count.grouped("id")) that \(data.path.quoted) does not have: "
          + IdentifierList.quote(selection.unknown))
    }
    if !selection.outsideTraining.isEmpty {
      warn(
        "\(selection.outsideTraining.count.grouped("id")) outside the training split, whose records are "
          + "deleted and leave nothing to unlearn: "
          + IdentifierList.quote(selection.outsideTraining))
    }
  }

  var summary: UnlearnResult.Request {
    UnlearnResult.Request(
      ids: list?.entries.count, duplicates: list?.duplicates.count ?? 0,
      unknown: selection.unknown.count, outsideTraining: selection.outsideTraining.count)
  }

  /// What a run would read, forget and spend.
  func plan(output: String?) -> UnlearnPlan {
    let forget = selection.rows[training.name]?.count ?? 0
    let recipe = request.recipe ?? UnlearningRequest.assumedRecipe
    let retraining = Double(recipe.epochs) * Double(training.layout.count - forget)
    let scenario: UnlearningProblem.Scenario =
      switch request.subject {
      case .samples: .samples
      case .classes(let classes): .classes(classes)
      case .wrongLabels: .wrongLabels
      case .backdoor: .backdoor
      }
    let share = request.maxCost ?? unlearner.method.defaultCost(for: scenario)
    return UnlearnPlan(
      input: checkpoint.path, output: output, method: unlearner.method.name, request: summary,
      forgetCount: forget, retainCount: training.layout.count - forget,
      removedRows: selection.rows.mapValues(\.count), retrainingPasses: retraining,
      largestShare: share)
  }
}
