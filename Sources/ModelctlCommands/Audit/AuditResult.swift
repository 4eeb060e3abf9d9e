internal import Auditing
internal import Evidence
internal import Foundation
internal import ModelCore

/// What `modelctl audit` prints.
///
/// - SeeAlso: `Schemas/report/audit-1.schema.json`.
struct AuditResult: Encodable, CustomStringConvertible {
  let report: AuditReport
  let original: String
  let unlearned: String
  let retrained: [String]
  /// The split that strangers come from.
  let strangersSplit: String
  let remarks: [String]

  private enum CodingKeys: String, CodingKey {
    case schema, original, unlearned, retrained, strangersSplit, remarks
  }

  /// The report's members and our own, in one object.
  func encode(to encoder: any Encoder) throws {
    try report.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode("modelctl/audit/1", forKey: .schema)
    try container.encode(original, forKey: .original)
    try container.encode(unlearned, forKey: .unlearned)
    try container.encode(retrained, forKey: .retrained)
    try container.encode(strangersSplit, forKey: .strangersSplit)
    try container.encode(remarks, forKey: .remarks)
  }

  var description: String {
    let counts = report.counts
    let head =
      "\(counts.forget.grouped) forgotten records, \(counts.retain.grouped) that stay, "
      + "\(counts.strangers.grouped) strangers from \(strangersSplit.quoted)"
    return
      ([
        "\(report.verdict.outcome.rawValue): \(report.verdict.sentence)", head, accuracyTable,
        attackTable,
      ] + [distanceTable, perExample, klom, relearning, backdoor, copied, notes].compactMap { $0 })
      .joined(separator: "\n\n")
  }

  /// The two models under audit, and the retrained ones; shadow models by their mean.
  var shownModels: [AuditReport.Model] {
    report.models.filter { $0.role != "shadow" }
      + report.models.filter { $0.role == "shadow" }
      .prefix(2)
  }

  private var accuracyTable: String {
    var table = TextTable([
      ("accuracy", .left), ("forgotten", .right), ("retained", .right), ("strangers", .right),
      ("gap to retraining", .right),
    ])
    for model in shownModels {
      table.rows.append([
        model.name.unquoted, Self.percent(model.forgetAccuracy), Self.percent(model.retainAccuracy),
        Self.percent(model.strangerAccuracy), model.gap.map(Self.points) ?? "",
      ])
    }
    let floor = report.noiseFloor.map {
      "\ntwo retrained models differ by \(Self.points($0.gap)): no gap below that means anything"
    }
    let utility = report.utility
    let classes = report.forgottenClasses.isEmpty ? "" : " of kept classes"
    let kept =
      "\nof \(utility.count.grouped) strangers\(classes) \(utility.onlyOriginal.grouped) are "
      + "answered rightly by the original alone, \(utility.onlyUnlearned.grouped) by the unlearned "
      + "alone"
    return table.description + kept + (floor ?? "")
  }

  private var attackTable: String {
    var table = TextTable([
      ("attacks on all at once", .left), ("AUC", .right), ("95 %", .right),
      ("called strangers", .right), ("by SVM", .right), ("called members", .right),
      ("told from strangers", .right),
    ])
    for model in shownModels {
      let attacks = model.attacks
      table.rows.append([
        model.name.unquoted, Self.decimal(model.auc),
        model.aucInterval.map { "\(Self.decimal($0.lower))-\(Self.decimal($0.upper))" } ?? "",
        Self.percent(attacks.thresholdEfficacy), Self.percent(attacks.confidenceEfficacy),
        Self.percent(attacks.entropyMembership), attacks.lossAccuracy.map(Self.percent) ?? "-",
      ])
    }
    return table.description
      + "\nThey overstate privacy; good is what a retrained model has, and AUC .5. Called strangers: "
      + "confidence,\none threshold or SVM (SalUn). Called members: entropy, logistic (SSD, SUPREME). "
      + "Told: loss, logistic\n(NeurIPS kit)."
  }

  private var distanceTable: String? {
    var table = TextTable([
      ("on the forgotten records", .left), ("ZRF", .right), ("JS, nats", .right),
      ("activation", .right), ("completeness", .right),
    ])
    for model in shownModels {
      let distance = model.fromRetrained
      table.rows.append([
        model.name.unquoted, Self.decimal(model.zeroRetrainForgetting),
        distance.map { Self.decimal($0.jensenShannon) } ?? "-",
        distance.map { Self.decimal($0.activation) } ?? "-",
        distance.map { Self.percent($0.completeness) } ?? "-",
      ])
    }
    return table.description
      + "\nZRF: likeness to an untrained network, good is a retrained model's. The others: mean "
      + "distance from\nretrained models, and how often both predict the same class."
  }

  private var perExample: String? {
    guard let found = report.perExample else { return nil }
    var table = TextTable([
      ("attack on each by itself", .left), ("AUC", .right), ("95 %", .right),
      ("TPR at 1 % FPR", .right), ("stand out", .right),
    ])
    func row(_ name: String, _ outcome: PerExampleAttack.Outcome, _ interval: BootstrapInterval?) {
      table.rows.append([
        name, Self.decimal(outcome.auc),
        interval.map { "\(Self.decimal($0.lower))-\(Self.decimal($0.upper))" } ?? "",
        outcome.truePositiveRateAt1Percent.map(Self.percent) ?? "-",
        Self.percent(outcome.shareStandingOut),
      ])
    }
    row("original", found.original, nil)
    row("unlearned", found.unlearned, found.unlearnedInterval)
    if let auc = found.retrainedAUC {
      let spread = found.retrainedDeviation.map { " +- \(Self.decimal($0))" } ?? ""
      table.rows.append([
        "\(found.retrainedModels) retrained", Self.decimal(auc) + spread, "", "", "",
      ])
    }
    return table.description
      + "\n\(found.shadows) shadow models, \(found.trained) of them trained now. Stand out: above "
      + "95 % of strangers; 5 % is chance."
  }

  private var klom: String? {
    guard let klom = report.klom else { return nil }
    func part(_ name: String, _ value: MarginDivergence) -> String {
      "\(name) \(Self.decimal(value.mean)) (95th percentile \(Self.decimal(value.high)))"
    }
    return "KLoM over \(klom.forget.unlearnedCount) unlearned and \(klom.forget.retrainedCount) "
      + "retrained models, nats, 0 is good: "
      + [
        part("forgotten", klom.forget), part("retained", klom.retain),
        part("strangers", klom.strangers),
      ].joined(separator: ", ")
      + (klom.forget.unlearnedCount < 20 ? ". Few models: compare it with nothing but itself." : "")
  }

  private var relearning: String? {
    guard let found = report.relearning else { return nil }
    func steps(_ count: Int?) -> String { count.map { "\($0)" } ?? "more than \(found.limit)" }
    let index =
      found.anamnesisIndex.map { "anamnesis index \(Self.decimal($0)) (1 is good)" }
      ?? "no anamnesis index: one would divide by nothing, or by what was not reached"
    return "to answer \(Self.percent(found.target)) of the forgotten records again: unlearned "
      + "\(steps(found.unlearnedSteps)) steps, retrained \(steps(found.retrainedSteps)); \(index)"
  }

  private var backdoor: String? {
    report.backdoor.map { found in
      "the pattern sends \(Self.percent(found.original.successRate)) of "
        + "\(found.original.count.grouped) other strangers to class \(found.original.label) before, "
        + "\(Self.percent(found.unlearned.successRate)) after; "
        + "\(Self.percent(found.unlearned.baseRate)) go there without it"
    }
  }

  private var copied: String? {
    report.copied.map { copied in
      let lines = copied.values.keys.sorted().map {
        "  \($0): \(Self.decimal(copied.values[$0] ?? 0, digits: 4))"
      }
      return "as the code of \(copied.name) computes it, which is wrong (\(copied.flaw)):\n"
        + (lines.isEmpty ? "  nothing: it takes retrained models" : lines.joined(separator: "\n"))
    }
  }

  private var notes: String? {
    let notes = remarks + report.omissions.map { "not measured: \($0.what): \($0.why)" }
    return notes.isEmpty ? nil : notes.map { "* \($0)" }.joined(separator: "\n")
  }

  static func percent(_ share: Double) -> String { String(format: "%.1f %%", 100 * share) }
  static func points(_ share: Double) -> String { String(format: "%.2f points", 100 * share) }
  static func decimal(_ value: Double) -> String { decimal(value, digits: 3) }
  static func decimal(_ value: Double, digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }
}
