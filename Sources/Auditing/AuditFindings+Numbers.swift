internal import Evidence
internal import ModelCore

/// The numbers of a report.
extension AuditFindings {
  static func models(
    _ audit: Audit, _ answers: AuditAnswers
  ) throws -> [AuditReport.Model] {
    var models: [AuditReport.Model] = []
    let profiles = answers.retrained.compactMap(Self.profile)
    for (index, model) in ([answers.original, answers.unlearned[0]] + answers.retrained)
      .enumerated()
    {
      let others = answers.retrained.enumerated().filter { $0.offset + 2 != index }.map(\.element)
      let isAudited = model.role == .original || model.role == .unlearned
      guard
        let attacks = PopulationAttacks(
          forget: model.forget, retain: model.retain, strangers: model.strangers,
          seed: audit.request.seed),
        let comparison = UnseenComparison(
          model.forget.responses, unseen: model.strangers.responses),
        let profile = Self.profile(model),
        let zrf = try AnswerDistance.zeroRetrainForgetting(
          model.forget, untrained: answers.untrained)
      else { continue }
      try audit.progress(AuditProgress(stage: "weighing the answers", share: 0))
      models.append(
        AuditReport.Model(
          role: model.role.rawValue, name: model.name, forgetAccuracy: profile.forgetAccuracy,
          retainAccuracy: profile.retainAccuracy, strangerAccuracy: profile.testAccuracy,
          auc: comparison.auc, aucError: comparison.aucError,
          aucInterval: isAudited ? interval(audit, model) : nil, attacks: attacks,
          zeroRetrainForgetting: zrf,
          fromOriginal: model.role == .original
            ? nil : try AnswerDistance(model.forget, answers.original.forget),
          fromRetrained: try AnswerDistance(
            mean: others.compactMap { try AnswerDistance(model.forget, $0.forget) }),
          gap: isAudited && !profiles.isEmpty
            ? profiles.reduce(0) { $0 + profile.gap(to: $1) } / Double(profiles.count) : nil))
    }
    return models
  }

  static func profile(_ model: AuditedModel) -> ModelProfile? {
    ModelProfile(
      forget: model.forget.responses, retain: model.retain.responses,
      test: model.strangers.responses)
  }

  private static func interval(_ audit: Audit, _ model: AuditedModel) -> BootstrapInterval? {
    let (forget, strangers) = (model.forget.responses, model.strangers.responses)
    return interval(audit) { inside, outside in
      UnseenComparison(forget[inside], unseen: strangers[outside])?.auc ?? .nan
    } counts: {
      (forget.count, strangers.count)
    }
  }

  /// Both sides are drawn anew.
  private static func interval(
    _ audit: Audit, _ statistic: ([Int], [Int]) -> Double, counts: () -> (Int, Int)
  ) -> BootstrapInterval? {
    guard audit.request.resamples > 0 else { return nil }
    let (first, second) = counts()
    var random = SeededGenerator(seed: audit.request.seed, stream: "audit/interval")
    var other = SeededGenerator(seed: audit.request.seed, stream: "audit/interval/strangers")
    return BootstrapInterval(
      count: first, resamples: audit.request.resamples, using: &random
    ) { positions in
      statistic(positions, (0..<second).map { _ in other.next(below: second) })
    }
  }

  static func perExample(
    _ audit: Audit, _ answers: AuditAnswers, _ attack: PerExampleAttack?
  ) throws -> AuditReport.PerExample? {
    guard let attack else { return nil }
    func outcome(_ attack: PerExampleAttack, _ model: AuditedModel) -> PerExampleAttack.Outcome? {
      attack.outcome(
        forget: model.forget.responses.margins, strangers: model.strangers.responses.margins,
        weights: UnseenComparison.weights(
          of: model.strangers.responses, asIn: model.forget.responses))
    }
    guard let before = outcome(attack, answers.original),
      let after = outcome(attack, answers.unlearned[0])
    else { return nil }
    var chance = answers.given.compactMap { outcome(attack, $0)?.auc }
    for (index, shadow) in answers.shadows.enumerated() {
      let others = answers.shadows.enumerated().filter { $0.offset != index }.map(\.element)
      let rest = PerExampleAttack(
        shadowForget: others.map { $0.forget.responses.margins },
        shadowStrangers: others.map { $0.strangers.responses.margins })
      if let rest, let found = outcome(rest, shadow) { chance.append(found.auc) }
    }
    let mean = chance.isEmpty ? nil : chance.reduce(0, +) / Double(chance.count)
    let model = answers.unlearned[0]
    let scores = attack.scores(
      forget: model.forget.responses.margins, strangers: model.strangers.responses.margins)
    return AuditReport.PerExample(
      shadows: attack.shadowCount, trained: answers.trainedShadows, original: before,
      unlearned: after,
      unlearnedInterval: interval(audit) { inside, outside in
        guard let one = EmpiricalDistribution(inside.map { scores.forget[$0] }),
          let other = EmpiricalDistribution(
            outside.map { scores.strangers[$0] },
            weights: UnseenComparison.weights(
              of: model.strangers.responses[outside], asIn: model.forget.responses[inside]))
        else { return .nan }
        return Separation(one, other).auc
      } counts: {
        (scores.forget.count, scores.strangers.count)
      }, retrainedAUC: mean, retrainedDeviation: Self.deviation(chance),
      retrainedModels: chance.count)
  }

  private static func deviation(_ values: [Double]) -> Double? {
    guard values.count >= 2 else { return nil }
    let mean = values.reduce(0, +) / Double(values.count)
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (squares / Double(values.count - 1)).squareRoot()
  }

  func noiseFloor() throws -> AuditReport.NoiseFloor? {
    let models = answers.retrained
    var gaps: [Double] = []
    var distances: [AnswerDistance] = []
    for (index, one) in models.enumerated() {
      for other in models[(index + 1)...] {
        if let first = Self.profile(one), let second = Self.profile(other) {
          gaps.append(first.gap(to: second))
        }
        if let distance = try AnswerDistance(one.forget, other.forget) {
          distances.append(distance)
        }
      }
    }
    guard let distance = AnswerDistance(mean: distances), !gaps.isEmpty else { return nil }
    return AuditReport.NoiseFloor(
      models: models.count, gap: gaps.reduce(0, +) / Double(gaps.count), distance: distance)
  }

  func divergence(dropsLargest: Bool) -> AuditReport.Divergence? {
    func divergence(_ kind: (AuditedModel) -> Answers) -> MarginDivergence? {
      MarginDivergence(
        unlearned: answers.unlearned.map { kind($0).responses.margins },
        retrained: answers.retrained.map { kind($0).responses.margins }, dropsLargest: dropsLargest)
    }
    guard let forget = divergence(\.forget), let retain = divergence(\.retain),
      let strangers = divergence(\.strangers)
    else { return nil }
    return AuditReport.Divergence(forget: forget, retain: retain, strangers: strangers)
  }
}
