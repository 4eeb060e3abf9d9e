internal import Evidence
internal import ModelCore

/// What all the answers say, drawn together.
struct AuditFindings {
  let audit: Audit
  let answers: AuditAnswers
  let classes: [Int]
  let before: UnseenComparison
  let after: UnseenComparison
  let utility: DiscordantPairs
  let attack: PerExampleAttack?
  let perExample: AuditReport.PerExample?
  let models: [AuditReport.Model]

  var unlearned: AuditedModel { answers.unlearned[0] }

  init(_ audit: Audit, _ answers: AuditAnswers) throws {
    self.audit = audit
    self.answers = answers
    let (original, unlearned) = (answers.original, answers.unlearned[0])
    classes = try Self.wholeClasses(audit.samples)
    guard
      let before = UnseenComparison(
        original.forget.responses, unseen: original.strangers.responses),
      let after = UnseenComparison(
        unlearned.forget.responses, unseen: unlearned.strangers.responses)
    else { throw AuditError.nothingToForget }
    (self.before, self.after) = (before, after)
    let gone = Set(classes.map(Int32.init))
    let kept = original.strangers.responses.labels.indices.filter {
      !gone.contains(original.strangers.responses.labels[$0])
    }
    utility = try DiscordantPairs(
      original.strangers.responses[kept], unlearned.strangers.responses[kept])
    attack = PerExampleAttack(
      shadowForget: answers.shadows.map { $0.forget.responses.margins },
      shadowStrangers: answers.shadows.map { $0.strangers.responses.margins })
    perExample = try Self.perExample(audit, answers, attack)
    models = try Self.models(audit, answers)
  }

  func report() throws -> AuditReport {
    let tests = tests()
    let needed = neededCount
    return AuditReport(
      verdict: AuditVerdict(
        tests, utility: utility, neededCount: needed, count: audit.samples.forgetRows.count),
      tests: tests, neededCount: needed,
      counts: AuditReport.Counts(
        forget: audit.samples.forgetRows.count, retain: audit.samples.retainRows.count,
        askedForget: unlearned.forget.count, askedRetain: unlearned.retain.count,
        strangers: unlearned.strangers.count),
      forgottenClasses: classes, models: models,
      utility: AuditReport.Utility(
        count: utility.count, onlyOriginal: utility.onlyFirst, onlyUnlearned: utility.onlySecond,
        loss: utility.loss, allowance: utility.allowance),
      noiseFloor: try noiseFloor(), perExample: perExample, klom: divergence(dropsLargest: false),
      relearning: answers.relearning, backdoor: answers.backdoor, copied: try copied(),
      omissions: omissions, seed: audit.request.seed)
  }

  // MARK: Tests

  private func tests() -> [AuditTest] {
    var tests: [AuditTest] = []
    if let backdoor = answers.backdoor {
      // The labels of poisoned records are wrong, so answering them badly is no fault.
      let (one, other) = (backdoor.original, backdoor.unlearned)
      let band = BackdoorTest.allowance
      tests.append(
        AuditTest(
          name: .backdoor, hasPower: one.successRate > one.baseRate + 2 * band,
          passes: other.passes, isOverForgotten: false, before: one.successRate,
          after: other.successRate, expected: other.baseRate, accuracyBefore: nil, accuracy: nil,
          expectedAccuracy: nil,
          band: band))
      return tests
    }
    guard classes.isEmpty else { return [classTest()] }
    tests.append(populationTest())
    if let perExample { tests.append(perExampleTest(perExample)) }
    return tests
  }

  /// Where there are retrained models, what they make of the records is what is expected: hard ones
  /// are answered worse than strangers by a model that never saw them.
  private func populationTest() -> AuditTest {
    let peers = answers.retrained.compactMap {
      UnseenComparison($0.forget.responses, unseen: $0.strangers.responses)
    }
    let count = Double(max(1, peers.count))
    let auc = peers.reduce(0) { $0 + $1.aucExcess } / count
    let accuracy = peers.reduce(0) { $0 + $1.accuracyExcess } / count
    func exceeds(_ comparison: UnseenComparison, bands: Double) -> Bool {
      comparison.aucExcess - auc > bands * comparison.aucBand
        || comparison.accuracyExcess - accuracy > bands * comparison.accuracyBand
    }
    // Of a handful, one hard sample answered wrongly would look like a group that stands out.
    let isOver =
      after.count >= 20
      && (after.aucExcess - auc < -2.5 * after.aucError
        || after.accuracyExcess - accuracy < -2.5 * after.accuracyError)
    return AuditTest(
      name: .population, hasPower: exceeds(before, bands: 2), passes: !exceeds(after, bands: 1),
      isOverForgotten: isOver, before: before.auc, after: after.auc, expected: 0.5 + auc,
      accuracyBefore: before.accuracy, accuracy: after.accuracy,
      expectedAccuracy: min(max(after.unseenAccuracy + accuracy, 0), 1), band: after.aucBand)
  }

  private func classTest() -> AuditTest {
    func share(_ model: AuditedModel) -> Double {
      let set = Set(classes.map(Int32.init))
      let strangers = model.strangers.responses
      let theirs = strangers.labels.indices.filter { set.contains(strangers.labels[$0]) }
      return max(model.forget.responses.accuracy, strangers[theirs].accuracy)
    }
    let allowance = 0.01
    let (one, other) = (share(answers.original), share(unlearned))
    return AuditTest(
      name: .classes, hasPower: one > 2 * allowance, passes: other <= allowance,
      isOverForgotten: false, before: one, after: other, expected: allowance, accuracyBefore: nil,
      accuracy: nil,
      expectedAccuracy: nil, band: allowance)
  }

  private func perExampleTest(_ found: AuditReport.PerExample) -> AuditTest {
    let expected = found.retrainedAUC ?? 0.5
    // Shadow models are few: how much retrained ones differ among themselves is part of the doubt.
    let error = max(after.aucError, found.retrainedDeviation ?? 0)
    let band = max(0.02, 2 * error)
    return AuditTest(
      name: .perExample, hasPower: found.original.auc > expected + 2 * band,
      passes: found.unlearned.auc <= expected + band,
      isOverForgotten: after.count >= 20
        && found.unlearned.auc < expected - max(0.05, 2.5 * error), before: found.original.auc,
      after: found.unlearned.auc, expected: expected, accuracyBefore: nil, accuracy: nil,
      expectedAccuracy: nil,
      band: band)
  }

  /// How over-fit a model is shows best on the many retained samples.
  private var neededCount: Int? {
    guard
      let typical = UnseenComparison(
        answers.original.retain.responses, unseen: answers.original.strangers.responses)
    else { return nil }
    return UnseenComparison.countForPower(
      accuracyExcess: typical.accuracyExcess, aucExcess: typical.aucExcess,
      unseenAccuracy: typical.unseenAccuracy, unseenCount: typical.effectiveUnseenCount)
  }
}
