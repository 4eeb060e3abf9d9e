internal import Auditing
internal import Checkpoints
internal import Engine
internal import Foundation
internal import ModelCore
internal import Unlearning

/// One audit's files: which rows are meant, and what the auditor is given.
struct AuditJob {
  /// The name of the split of strangers.
  let strangers: String
  /// What people should know about the files.
  let remarks: [String]
  private let network: Network
  private let samples: AuditSamples
  private let request: AuditRequest

  init(
    original: String, unlearned: String, model: ModelOptions, subject: AuditSubjectOptions,
    peers: AuditPeerOptions, depth: AuditDepthOptions, engine: EngineOptions
  ) throws {
    let checkpoint = try model.openModel(original)
    let data = try model.openData(for: checkpoint)
    let training = try data.split(named: nil, role: .train)
    let network = try engine.network(of: checkpoint)
    self.network = network
    let selection = try Self.selection(subject, data, training, network)
    let others = try Self.strangers(peers.strangers, in: data)
    strangers = others.name
    let gone = Set(selection.rows[others.name] ?? [])
    samples = try AuditSamples(
      train: data.samples(of: training), forgetRows: selection.rows[training.name] ?? [],
      strangers: data.samples(of: others),
      strangerRows: (0..<others.layout.count).filter {
        // Samples of a forgotten class show whether the class is known; records named one by one go.
        subject.forget == nil || !gone.contains($0)
      }, seed: depth.seed)
    let after = try model.openModel(unlearned)
    var request = AuditRequest(
      original: try checkpoint.parameters(),
      unlearned: try Self.parameters(of: after, like: network))
    request.unlearned += try peers.run.map { try Self.model(model.openModel($0), like: network) }
    request.retrained = try peers.retrained.map {
      try Self.model(model.openModel($0), like: network)
    }
    request.recipe = depth.recipe(of: checkpoint)
    request.shadows = depth.shadows
    request.relearns = depth.relearn
    request.copied = depth.compat
    request.resamples = depth.resamples
    request.seed = depth.seed
    if let path = depth.trigger {
      var trigger = try TriggerFile(path: path, sampleShape: network.sampleShape).trigger
      if let name = depth.triggerClass {
        trigger.label = try data.classIndex(named: name, classCount: network.classCount)
      }
      request.trigger = trigger
    }
    if let folder = depth.shadowCache {
      guard let recipe = request.recipe else { throw AuditError.recipeUnknown }
      request.store = try ShadowCache(
        folder: folder, checkpoint: checkpoint, recipe: recipe, seed: depth.seed,
        source: samples.train, rows: samples.retainRows)
    }
    self.request = request
    remarks = try Self.remarks(
      after, training: training, selection: selection, strangers: others, in: data)
  }

  func run(
    progress: @escaping (AuditProgress) throws -> Void
  ) throws -> (AuditReport, AuditPictures) {
    try Audit(network, samples: samples, request: request, progress: progress).run()
  }

  private static func selection(
    _ subject: AuditSubjectOptions, _ data: Checkpoint, _ training: StoredSplit, _ network: Network
  ) throws -> ForgetSelection {
    let list = try subject.forget.map { try IdentifierList(path: $0) }
    let classes = try subject.forgetClass.map {
      Int32(try data.classIndex(named: $0, classCount: network.classCount))
    }
    let selection = try ForgetSelection(
      list, orClasses: Set(classes), of: training.name, in: data)
    if let list, !selection.unknown.isEmpty, !subject.allowMissing {
      throw CommandError(
        .badInput,
        "\(list.name) names \(selection.unknown.count.grouped) of \(list.entries.count.grouped) ids that "
          + "\(data.path.quoted) does not have: \(IdentifierList.quote(selection.unknown)); "
          + "name the file from before unlearning first, or pass --allow-missing")
    }
    guard selection.rows[training.name] != nil else {
      throw CommandError(
        .badInput,
        "nothing to audit: none of the records is in the training split \(training.name.quoted)")
    }
    return selection
  }

  /// A test split was seen by nobody; the unseen one may have served to unlearn.
  private static func strangers(
    _ name: String?, in checkpoint: Checkpoint
  ) throws -> StoredSplit {
    let role: SplitRole = checkpoint.splits(.test).count == 1 ? .test : .unseen
    return try checkpoint.split(named: name, role: role)
  }

  private static func model(
    _ checkpoint: Checkpoint, like network: Network
  ) throws -> (name: String, parameters: Parameters) {
    (
      URL(fileURLWithPath: checkpoint.path).lastPathComponent.unquoted,
      try parameters(of: checkpoint, like: network)
    )
  }

  /// - Throws: `CommandError` for a model of another architecture.
  private static func parameters(
    of checkpoint: Checkpoint, like network: Network
  ) throws -> Parameters {
    let found = try checkpoint.requireArchitecture()
    guard found.layers == network.architecture.layers else {
      throw CommandError(
        .badInput,
        "\(checkpoint.path.quoted) is another network than the original: an audit compares models of "
          + "one architecture")
    }
    return try checkpoint.parameters()
  }

  private static func remarks(
    _ after: Checkpoint, training: StoredSplit, selection: ForgetSelection,
    strangers: StoredSplit, in checkpoint: Checkpoint
  ) throws -> [String] {
    var remarks: [String] = []
    var left = 0
    let rows = Set(selection.rows[training.name] ?? [])
    var forgotten: Set<SampleIdentifier> = []
    try checkpoint.forEachIdentifier(of: training) { row, identifier in
      if rows.contains(row) { forgotten.insert(identifier) }
    }
    for split in after.splits {
      try after.forEachIdentifier(of: split) { if forgotten.contains($1) { left += 1 } }
    }
    if left > 0 {
      remarks.append(
        "\(after.path.quoted) still stores \(left.grouped) of the records; 'modelctl unlearn' deletes "
          + "them.")
    }
    if after.hasOptimizerState {
      remarks.append(
        "\(after.path.quoted) holds an optimizer's state, which has traces of the records.")
    }
    if strangers.role == .unseen {
      remarks.append(
        "The strangers are the unseen split, half of which may have served to unlearn: a test split "
          + "is the fairer judge.")
    }
    return remarks
  }
}

extension AuditDepthOptions {
  func recipe(of checkpoint: Checkpoint) -> TrainingRecipe? {
    guard let epochs else { return checkpoint.recipe }
    var recipe = checkpoint.recipe ?? UnlearningRequest.assumedRecipe
    recipe.epochs = epochs
    return recipe
  }
}
