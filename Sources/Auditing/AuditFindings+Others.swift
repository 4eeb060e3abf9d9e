internal import Evidence
internal import ModelCore

/// What is said beside the numbers.
extension AuditFindings {
  /// The chosen code's values, wrong as they are.
  func copied() throws -> AuditReport.Copied? {
    guard let formulas = audit.request.copied else { return nil }
    var values: [String: Double] = [:]
    switch formulas {
    case .badTeacher, .supreme:
      for model in [answers.original, unlearned] + answers.retrained.prefix(1) {
        values["zrf (\(model.name))"] = try CopiedFormulas.zeroRetrainForgetting(
          model.forget, untrained: answers.untrained)
      }
      guard let retrained = answers.retrained.first else { break }
      values["JS divergence (unlearned, \(retrained.name))"] = try CopiedFormulas.jensenShannon(
        unlearned.forget, retrained.forget)
      if formulas == .supreme {
        values["activation distance (unlearned, \(retrained.name))"] =
          try CopiedFormulas.activationDistance(unlearned.forget, retrained.forget)
      }
    case .salun:
      for model in [answers.original, unlearned] + answers.retrained.prefix(1) {
        let limit = PopulationAttacks.largestTrainingSide
        let attack = SupportVectorAttack(
          members: Array(CopiedFormulas.modifiedEntropies(model.retain).prefix(limit)),
          strangers: Array(CopiedFormulas.modifiedEntropies(model.strangers).prefix(limit)))
        values["m_entropy efficacy (\(model.name))"] = attack.map {
          1 - $0.shareCalledMember(CopiedFormulas.modifiedEntropies(model.forget))
        }
      }
    case .easyDUB:
      let found = divergence(dropsLargest: true)
      values["KLoM forget"] = found?.forget.mean
      values["KLoM retain"] = found?.retain.mean
      values["KLoM strangers"] = found?.strangers.mean
    case .comparator:
      guard let retrained = answers.retrained.first,
        let curve = OperatingCurve(
          members: unlearned.forget.confidences, strangers: retrained.forget.confidences)
      else { break }
      values["epsilon (unlearned, \(retrained.name))"] =
        curve.points.compactMap {
          CopiedFormulas.epsilon(
            falsePositiveRate: $0.falsePositiveRate, falseNegativeRate: 1 - $0.truePositiveRate,
            delta: 0)
        }.max()
    }
    return AuditReport.Copied(name: formulas.rawValue, flaw: formulas.flaw, values: values)
  }

  /// What was left out, and what it would take.
  var omissions: [AuditReport.Omission] {
    var omissions: [AuditReport.Omission] = []
    func omit(_ what: String, _ why: String) {
      omissions.append(AuditReport.Omission(what: what, why: why))
    }
    if answers.retrained.isEmpty {
      omit(
        "gaps and distances to retraining, completeness",
        "no retrained model is given (--retrained), and no shadow models (--shadows)")
    }
    if perExample == nil {
      omit(
        "per-example attack",
        "it takes two shadow models or more (--shadows), each at the cost of one retraining; "
          + "attacks on whole populations overstate privacy")
    }
    if divergence(dropsLargest: false) == nil {
      omit(
        "KLoM",
        "it takes two unlearned models or more (--run) and as many retrained or shadow models")
    }
    if answers.relearning == nil {
      omit(
        "anamnesis index",
        "it is not asked for (--relearn), or there is no model to compare with; it trains two models "
          + "on the forgotten records, up to \(Relearning.largestStepCount) steps each, and asks for "
          + "their accuracy after each step")
    }
    return omissions
  }

  /// The margins and curves behind the pictures.
  var pictures: AuditPictures {
    let shown = [answers.original, unlearned] + answers.retrained.prefix(1)
    var curves: [(name: String, curve: OperatingCurve)] = []
    for model in [answers.original, unlearned] {
      let (forget, strangers) = (model.forget.responses, model.strangers.responses)
      let weights = UnseenComparison.weights(of: strangers, asIn: forget)
      if let curve = OperatingCurve(
        members: forget.margins, strangers: strangers.margins, weights: weights)
      {
        curves.append(("\(model.role.rawValue), population", curve))
      }
      guard let attack else { continue }
      let scores = attack.scores(forget: forget.margins, strangers: strangers.margins)
      if let curve = OperatingCurve(
        members: scores.forget, strangers: scores.strangers, weights: weights)
      {
        curves.append(("\(model.role.rawValue), per example", curve))
      }
    }
    return AuditPictures(
      margins: shown.map {
        AuditPictures.Margins(
          model: $0.name, forget: $0.forget.responses.margins,
          strangers: $0.strangers.responses.margins)
      }, curves: curves)
  }

  /// The classes all of whose training samples are forgotten, ascending.
  static func wholeClasses(_ samples: AuditSamples) throws -> [Int] {
    let count = samples.train.layout.classCount
    var total = [Int](repeating: 0, count: count)
    var gone = total
    let forgotten = Set(samples.forgetRows)
    for start in stride(from: 0, to: samples.train.layout.count, by: 16_384) {
      let rows = start..<min(start + 16_384, samples.train.layout.count)
      guard case .classes(let labels) = try samples.train.readTargets(rows) else { return [] }
      for (row, label) in zip(rows, labels) {
        total[Int(label)] += 1
        if forgotten.contains(row) { gone[Int(label)] += 1 }
      }
    }
    let whole = (0..<count).filter { gone[$0] > 0 && gone[$0] == total[$0] }
    // Records of other classes beside them are judged as records.
    let covered = whole.reduce(0) { $0 + total[$1] }
    return covered == samples.forgetRows.count ? whole : []
  }
}
