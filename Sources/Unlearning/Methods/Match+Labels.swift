internal import Engine
internal import Evidence
internal import ModelCore

extension Match {
  /// Wrong labels are untaught by other answers: the right label where it is known, or else what the
  /// nearest retained samples are labelled, without the wrong label.
  func unlearnLabels(_ session: UnlearningSession) throws {
    let table = try labelTargets(session)
    let others = try others(session)
    if mayReset(session) { try SoftReset(share: 0.7, passes: 0.5).apply(to: session) }
    let plan = plan(session, others: others, checks: 0)
    session.note("forgetPasses", .number(plan.passes))
    try session.descend(descent(session, stage(table, plan), plan))
  }

  /// A reset of .7 takes what is left of an attack and gives accuracy back; networks with batch
  /// normalization lose by it.
  private func mayReset(_ session: UnlearningSession) -> Bool {
    guard session.problem.allowsReset, session.problem.usesRetained,
      !session.network.architecture.usesBatchNormalization
    else { return false }
    return 0.5 * Double(session.problem.retainRows.count) < 0.4 * session.remaining
  }

  private func labelTargets(_ session: UnlearningSession) throws -> TargetTable {
    let problem = session.problem
    guard let forget = session.baseline.forget else {
      throw UnlearningError.needsRecords(method: name)
    }
    let width = problem.classCount
    let own = forget.responses.labels
    var table = TargetTable.withoutLabel(logits: forget.logits, labels: own, classCount: width)
      .probabilities
    let votes =
      problem.usesRetained && problem.rightLabels.contains(nil)
      ? try NeighbourVotes(session).shares : nil
    for (row, right) in problem.rightLabels.enumerated() {
      let columns = (row * width)..<((row + 1) * width)
      if let right {
        for column in columns { table[column] = column - columns.lowerBound == Int(right) ? 1 : 0 }
      } else if let votes {
        Self.mix(&table[columns], Array(votes[columns]), without: Int(own[row]))
      }
    }
    return TargetTable(classCount: width, probabilities: table)
  }

  /// `0.7 votes + 0.3 masked`, where the votes say anything beside the wrong label.
  private static func mix(_ row: inout ArraySlice<Float>, _ votes: [Float], without label: Int) {
    var votes = votes
    votes[label] = 0
    let sum = votes.reduce(0, +)
    guard sum > 0.05 else { return }
    for (offset, index) in row.indices.enumerated() {
      row[index] = 0.3 * row[index] + 0.7 * votes[offset] / sum
    }
  }

  /// Stamped unseen samples are taught the original model's answers to the clean ones. Where the
  /// poisoned records are not known they are still among the others, so no training sample is used.
  func unlearnBackdoor(_ session: UnlearningSession) throws {
    let problem = session.problem
    guard let trigger = problem.trigger else { return }
    let reference = try session.referenceAnswers()
    let stamped = GivenSamples(
      "stamped", try StampedSource(problem.data.unseen, trigger), rows: problem.referenceRows)
    let table = TargetTable.masked(
      [], logits: reference.logits, classCount: problem.classCount)
    let knowsRecords = !problem.forgetRows.isEmpty
    let others = try others(session, usesRetained: knowsRecords && problem.usesRetained)
    let plan = plan(
      session, others: others, checks: 0, taught: problem.referenceRows.count)
    session.note("stampedPasses", .number(plan.passes))
    try session.descend(descent(session, stage(table, plan, split: .given(stamped)), plan))
  }
}
