internal import Evidence
internal import ModelCore

extension UnlearningReport: CustomStringConvertible {
  /// A block for people: what was forgotten, before and after, the cost, the verdict.
  public var description: String {
    var lines = [headline, ""]
    lines += table
    lines += ["", labelled("moved", movedText), labelled("cost", costText)]
    lines += [labelled("verdict", "\(verdict.outcome.rawValue): \(verdict.sentence)")]
    if after.forget == nil, after.labels == nil {
      lines.append(
        labelled(
          "note",
          "What became of fewer than \(Self.smallestGroup) samples is not shown: it would speak of "
            + "single ones."))
    }
    for remark in remarks { lines.append(labelled("note", remark)) }
    return lines.joined(separator: "\n")
  }

  private var headline: String {
    let total = scenario.forgetCount + scenario.retainCount
    let share = Text.percent(Double(scenario.forgetCount) / Double(max(1, total)), digits: 2)
    let classes = scenario.classes.map {
      " (class \($0.map(String.init).joined(separator: ", ")))"
    }
    if scenario.kind == .backdoor, scenario.forgetCount == 0 {
      return "a backdoor to forget by its trigger, by \(method.name)"
    }
    let reason = scenario.kind == .wrongLabels ? " (wrong labels)" : ""
    return "\(scenario.forgetCount.grouped) of \(total.grouped("training sample"))"
      + "\(classes ?? reason) to forget, \(share), by \(method.name)"
  }

  private var table: [String] {
    var rows = [row("", "before", "after", "")]
    if let first = before.forget, let last = after.forget { rows += comparison(first, last) }
    if let first = before.expectation, let last = after.expectation {
      rows.append(
        row(
          "  as hard, unseen", Text.percent(first.unseenAccuracy),
          Text.percent(last.unseenAccuracy), "+-\(points(last.accuracyError))"))
      rows.append(
        row(
          "  attack AUC", Text.decimal(first.auc, digits: 3), Text.decimal(last.auc, digits: 3),
          "+-\(Text.decimal(last.aucError, digits: 3)), against unseen ones as hard: this decides"))
    }
    if let first = before.labels, let last = after.labels { rows += labels(first, last) }
    if let test = before.forgottenClasses?.unseenAccuracy {
      rows.append(
        row(
          "  class, unseen", Text.percent(test),
          Text.percent(after.forgottenClasses?.unseenAccuracy ?? 0), "recognised"))
    }
    for (old, new) in zip(before.accuracies, after.accuracies) {
      rows.append(
        row(
          old.split, Text.percent(old.accuracy), Text.percent(new.accuracy),
          "\(signed(new.accuracy - old.accuracy)), \(new.count.grouped("sample"))"))
    }
    return rows
  }

  private func labels(_ first: LabelTest, _ last: LabelTest) -> [String] {
    let isAttack = last.subject == .stamped
    var rows = [
      row(
        isAttack ? "attack success" : "wrong label", Text.percent(first.rate),
        Text.percent(last.rate),
        isAttack
          ? "of \(last.count.grouped("stamped unseen sample"))"
          : "still given to \(last.count.grouped("record"))"),
      row(
        "  without cause", Text.percent(first.base), Text.percent(last.base),
        "given to unseen samples of other classes"),
    ]
    if let before = first.rightRate, let after = last.rightRate {
      rows.append(
        row("  right class", Text.percent(before), Text.percent(after), "given instead"))
    }
    return rows
  }

  private func comparison(_ first: Comparison, _ last: Comparison) -> [String] {
    [
      row(
        "forgotten", Text.percent(first.accuracy), Text.percent(last.accuracy),
        "accuracy, \(last.count.grouped("sample"))"),
      row(
        "  like them, unseen", Text.percent(first.unseenAccuracy),
        Text.percent(last.unseenAccuracy), "+-\(points(last.accuracyError))"),
      row(
        "  attack AUC", Text.decimal(first.auc, digits: 3), Text.decimal(last.auc, digits: 3),
        "+-\(Text.decimal(last.aucError, digits: 3)); 0.5 is a guess"),
      row("  distance KS, W1", pair(first), pair(last), "of margins, for information"),
    ]
  }

  private var movedText: String {
    func text(_ distance: AnswerDistance) -> String {
      "JS \(Text.decimal(distance.jensenShannon, digits: 3)), activation distance "
        + "\(Text.decimal(distance.activation, digits: 3)), same class "
        + Text.percent(distance.completeness)
    }
    var parts: [String] = []
    if let forget = change.forget { parts.append("answers to forgotten samples: \(text(forget))") }
    if let unseen = change.unseen { parts.append("to unseen ones: \(text(unseen))") }
    if let likeness = change.zeroRetrainForgetting {
      func decimal(_ value: Double) -> String { Text.decimal(value, digits: 3) }
      parts.append(
        "likeness to an untrained network (ZRF) from \(decimal(likeness.before)) to "
          + "\(decimal(likeness.after)), \(decimal(likeness.unseen)) on unseen ones")
    }
    return parts.joined(separator: "; ")
  }

  private var costText: String {
    let attempts = cost.attempts > 1 ? " in \(cost.attempts) attempts" : ""
    return "\(Int(cost.passes.rounded()).grouped) sample passes, "
      + "\(Text.percent(cost.share)) of retraining (\(cost.steps.grouped("step"))\(attempts))"
  }

  private func row(_ label: String, _ before: String, _ after: String, _ note: String) -> String {
    let line =
      Text.left(label, 20) + Text.right(before, 13) + Text.right(after, 13)
      + (note.isEmpty ? "" : "   " + note)
    return line
  }

  private func labelled(_ label: String, _ text: String) -> String {
    Text.wrapped(text, width: 78).enumerated().map { index, line in
      Text.left(index == 0 ? label : "", 10) + line
    }.joined(separator: "\n")
  }

  private func pair(_ comparison: Comparison) -> String {
    Text.decimal(comparison.kolmogorovSmirnov, digits: 2) + ", "
      + Text.decimal(comparison.wasserstein, digits: 2)
  }

  private func points(_ share: Double) -> String {
    Text.decimal(100 * share, digits: 1) + " points"
  }

  private func signed(_ share: Double) -> String {
    let text = points(share)
    return text.hasPrefix("-") ? text : "+" + text
  }
}
