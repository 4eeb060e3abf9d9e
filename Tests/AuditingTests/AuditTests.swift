import Engine
import Evidence
import ModelCore
import TestSupport
import Testing

@testable import Auditing

@Suite struct AuditTests {
  private let models: OverfitModels

  init() throws { models = try OverfitModels() }

  private func audit(
    _ unlearned: Parameters, forget: [Int] = OverfitModels.forgetRows,
    _ change: (inout AuditRequest) -> Void = { _ in }
  ) throws -> AuditReport {
    var request = AuditRequest(original: models.original, unlearned: unlearned)
    request.recipe = OverfitModels.recipe
    request.resamples = 50
    change(&request)
    return try Audit(models.network(), samples: models.samples(forget: forget), request: request)
      .run().report
  }

  @Test func anUntouchedModelHasNotForgotten() throws {
    let report = try audit(models.original)
    #expect(report.verdict.outcome == .notForgotten, "\(report.verdict.sentence)")
    #expect(!report.verdict.supports)
    #expect(report.models.map(\.role) == ["original", "unlearned"])
    #expect(report.models[0].forgetAccuracy == report.models[1].forgetAccuracy)
  }

  @Test func aRetrainedModelHas() throws {
    let report = try audit(models.retrained[0]) { $0.retrained = [("other", models.retrained[1])] }
    #expect(report.verdict.outcome == .forgotten, "\(report.verdict.sentence)")
    let (original, unlearned) = (report.models[0], report.models[1])
    #expect(try #require(unlearned.gap) < #require(original.gap))
    #expect(original.auc > unlearned.auc)
    let interval = try #require(original.aucInterval)
    #expect(interval.lower < original.auc && original.auc < interval.upper)
    let distance = try #require(unlearned.fromRetrained)
    #expect(distance.jensenShannon < (try #require(original.fromRetrained)).jensenShannon)
  }

  @Test func aBrokenModelHasLostItsUse() throws {
    var broken = models.original
    broken.update { name, values in if name.layer == "scores" { values = values.map { _ in 0 } } }
    let report = try audit(broken)
    #expect(report.verdict.outcome == .utilityLost)
  }

  /// Answers the forgotten samples wrongly on purpose, and the others as a retrained model does.
  @Test func forgettingTooWellIsAFailure() throws {
    let network = try models.network()
    try network.setParameters(models.retrained[0])
    let wrong = try MemorySource(
      inputs: try inputs(), sampleShape: [OverfitModels.inputCount],
      labels: (0..<240).map { row in
        let label = row / 4 % 3
        return Int32(row % 4 == 0 ? (label + 1) % 3 : label)
      }, classCount: 3)
    try network.train(
      on: wrong, recipe: TrainingRecipe(epochs: 60, batchSize: 32, learningRate: 5e-3))
    let report = try audit(network.parameters)
    #expect([.overForgotten, .utilityLost].contains(report.verdict.outcome))
    #expect(report.tests[0].isOverForgotten, "\(report.verdict.sentence)")
  }

  private func inputs() throws -> [Float] {
    var bytes = [UInt8](repeating: 0, count: 240 * models.train.layout.bytesPerSample)
    try bytes.withUnsafeMutableBytes { try models.train.readInputs(0..<240, into: $0) }
    return try Tensor(elementType: .float32, shape: Shape([bytes.count / 4]), bytes: bytes).floats
  }

  @Test func aHandfulCannotTell() throws {
    let report = try audit(models.retrained[0], forget: [0, 4, 8])
    #expect(report.verdict.outcome == .cannotTell)
    let needed = try #require(report.neededCount)
    #expect(needed > 3)
    #expect(report.verdict.sentence.contains("\(needed) records"))
  }

  @Test func shadowModelsAttackEachSampleByItself() throws {
    let store = MemoryStore()
    func run(_ unlearned: Parameters) throws -> AuditReport {
      try audit(unlearned) {
        $0.shadows = 3
        $0.store = store
      }
    }
    let kept = try run(models.original)
    let before = try #require(kept.perExample)
    #expect(before.trained == 3 && before.shadows == 3)
    #expect(before.unlearned.auc > 0.7)
    #expect(kept.verdict.outcome == .notForgotten)
    let gone = try run(models.retrained[0])
    let after = try #require(gone.perExample)
    #expect(after.trained == 0)
    #expect(after.unlearned.auc < 0.62)
    #expect(after.original == before.original)
    #expect(gone.verdict.outcome == .forgotten, "\(gone.verdict.sentence)")
    let floor = try #require(gone.noiseFloor)
    #expect(floor.models == 3 && floor.distance.completeness > 0.7)
  }

  @Test func shadowModelsNeedARecipe() throws {
    #expect(throws: AuditError.recipeUnknown) {
      try audit(models.original) {
        $0.shadows = 2
        $0.recipe = nil
      }
    }
  }

  @Test func klomTakesSeveralRuns() throws {
    let report = try audit(models.original) {
      $0.unlearned.append(("again", models.original))
      $0.retrained = models.retrained.enumerated().map { ("r\($0.offset)", $0.element) }
    }
    let klom = try #require(report.klom)
    #expect(klom.forget.mean > 0 && klom.forget.unlearnedCount == 2)
    #expect(!report.omissions.contains { $0.what == "KLoM" })
  }

  @Test func relearningCountsSteps() throws {
    let report = try audit(models.original) {
      $0.relearns = true
      $0.retrained = [("r", models.retrained[0])]
    }
    let found = try #require(report.relearning)
    #expect(found.unlearnedSteps == 0)
    #expect(try #require(found.retrainedSteps) > 0)
    #expect(found.anamnesisIndex == 0)
  }

  @Test(arguments: CopiedFormulas.allCases)
  func copiedValuesSayThatTheyAre(_ formulas: CopiedFormulas) throws {
    let report = try audit(models.original) {
      $0.copied = formulas
      $0.unlearned.append(("again", models.original))
      $0.retrained = models.retrained.enumerated().map { ("r\($0.offset)", $0.element) }
    }
    let copied = try #require(report.copied)
    #expect(copied.name == formulas.rawValue && !copied.flaw.isEmpty)
    #expect(!copied.values.isEmpty && copied.values.values.allSatisfy(\.isFinite))
  }

  /// The last input, far outside what samples have, leads to class 1 in the original alone.
  @Test func aBackdoorIsJudgedByItsPattern() throws {
    var poisoned = models.original
    poisoned.update { name, values in
      guard name.layer == "hidden", name.role == "kernel" else { return }
      // Row 11 feeds hidden unit 0 alone, which the next layer sends to class 1.
      for unit in 0..<64 { values[11 * 64 + unit] = unit == 0 ? 1 : 0 }
    }
    poisoned.update { name, values in
      guard name.layer == "scores", name.role == "kernel" else { return }
      values[0] = 0
      values[1] = 5
      values[2] = 0
    }
    var mask = [Float](repeating: 0, count: 12)
    mask[11] = 1
    let trigger = try Trigger(patch: mask.map { $0 * 100 }, mask: mask)
    var request = AuditRequest(original: poisoned, unlearned: poisoned)
    request.trigger = trigger
    request.resamples = 0
    let kept = try Audit(models.network(), samples: models.samples(), request: request).run().report
    let found = try #require(kept.backdoor)
    #expect(found.original.label == 1 && found.original.successRate > 0.95)
    #expect(!found.unlearned.passes && kept.tests.map(\.name) == [.backdoor])
    #expect(!kept.verdict.supports)
  }

  @Test func aClassIsJudgedByItsRecognition() throws {
    let rows = (0..<240).filter { $0 / 4 % 3 == 2 }
    var silent = models.original
    silent.update { name, values in
      if name.layer == "scores", name.role == "bias" { values[2] = -1000 }
    }
    let report = try audit(silent, forget: rows)
    #expect(report.forgottenClasses == [2])
    #expect(report.verdict.outcome == .forgotten, "\(report.verdict.sentence)")
    #expect(try audit(models.original, forget: rows).verdict.outcome == .notForgotten)
  }

  @Test func samplesThatMakeNoSenseAreRefused() throws {
    #expect(throws: AuditError.nothingToForget) { try models.samples(forget: []) }
    #expect(throws: AuditError.row(240, count: 240)) { try models.samples(forget: [240]) }
    #expect(throws: AuditError.nothingRetained(count: 240)) {
      try models.samples(forget: Array(0..<240))
    }
    #expect(throws: AuditError.noStrangers) {
      try AuditSamples(
        train: models.train, forgetRows: [1], strangers: models.strangers, strangerRows: [])
    }
  }

  @Test func aCallerCanStopIt() throws {
    struct Stop: Error {}
    let request = AuditRequest(original: models.original, unlearned: models.original)
    let audit = try Audit(models.network(), samples: models.samples(), request: request) { _ in
      throw Stop()
    }
    #expect(throws: Stop.self) { _ = try audit.run() }
  }

  @Test func changesNearOneSampleAreLocal() throws {
    let locality = try Locality(
      models.network(), original: models.original, unlearned: models.retrained[0],
      train: models.train, forgetRows: OverfitModels.forgetRows, others: models.strangers,
      strangerRows: Array(0..<600), seed: 1)
    #expect(locality.rings.map(\.distance) == [0, 0.05, 0.1, 0.2, 0.4])
    #expect(locality.forgotten == 60 && locality.strangers == 200)
    // The retrained model misses some of what it never saw, and is otherwise much the same.
    #expect(locality.rings[0].nearForgotten > 0)
    #expect(try #require(locality.ratio) > 0.5)
    let same = try Locality(
      models.network(), original: models.original, unlearned: models.original, train: models.train,
      forgetRows: [0], others: models.strangers, strangerRows: [0, 1], seed: 1)
    #expect(same.rings.allSatisfy { $0.nearForgotten == 0 && $0.nearStrangers == 0 })
    #expect(same.ratio == nil)
  }
}

private final class MemoryStore: ShadowStore {
  private var kept: [Int: Parameters] = [:]
  func load(_ index: Int) -> Parameters? { kept[index] }
  func save(_ parameters: Parameters, index: Int) { kept[index] = parameters }
}
