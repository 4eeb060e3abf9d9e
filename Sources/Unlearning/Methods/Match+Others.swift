internal import Engine
internal import Evidence

extension Match {
  /// The samples that go along in every step so that all else stays: retained ones, or unseen ones
  /// with the original model's answers, and those that earlier requests forgot.
  ///
  /// The network has its original weights.
  func others(_ session: UnlearningSession, usesRetained: Bool? = nil) throws -> [Descent.Term] {
    var terms: [Descent.Term] = []
    if usesRetained ?? session.problem.usesRetained {
      terms += retained(session)
    } else {
      terms.append(try anchor(session))
    }
    if let held = try forgottenBefore(session) { terms.append(held) }
    return terms
  }

  /// Retained samples, and among them more of those that are soonest lost.
  private func retained(_ session: UnlearningSession) -> [Descent.Term] {
    let count = batchSizes(session).retain
    let weight = session.problem.scenario == .samples ? retainWeight : retainWeight * answerWeight
    let rows = session.problem.retainSampleRows
    guard let known = session.baseline.retained,
      let guarded = guarded(of: count, rows: rows.count, session)
    else { return [.init(.retain, count: count, .init(.labels, weight: weight))] }
    let margins = known.responses.margins
    let order = rows.indices.sorted { (margins[$0], $0) < (margins[$1], $1) }
    let hardest = GivenSamples(
      "guarded", session.problem.data.train,
      rows: order[..<(rows.count / 3)].map { rows[$0] }.sorted())
    return [
      holds(session)
        ? held(session, known, count: count - guarded)
        : .init(.retain, count: count - guarded, .init(.labels, weight: weight * 2 / 3)),
      .init(.given(hardest), count: guarded, .init(.labels, weight: weight / 3)),
    ]
  }

  /// How many samples of a step are from the third that is answered least surely; nil where they cannot
  /// be told. No more than half of `sampleBatch` are held.
  private func guarded(of count: Int, rows: Int, _ session: UnlearningSession) -> Int? {
    let least = Int((guardShare * Double(count)).rounded())
    let guarded = holds(session) && least > 0 ? max(least, count - sampleBatch / 2) : least
    return guarded > 0 && guarded < count && rows / 3 >= guarded ? guarded : nil
  }

  /// Whether some keep the original model's answers instead of their labels. Not after a reset, which is
  /// there to leave these behind, and not beside classes and wrong labels, which are taught other answers.
  private func holds(_ session: UnlearningSession) -> Bool {
    session.problem.scenario == .samples && !isDeep && holdWeight > 0
  }

  /// Retained samples that keep the original model's answers.
  private func held(
    _ session: UnlearningSession, _ known: Answers, count: Int
  ) -> Descent.Term {
    let table = TargetTable.masked(
      [], logits: known.logits, classCount: session.problem.classCount)
    let samples = GivenSamples(
      "held", session.problem.data.train, rows: session.problem.retainSampleRows)
    return .init(
      .given(samples), count: count, .softened(table, holdTemperature, weight: holdWeight))
  }

  /// Unseen samples of the classes that stay, and what the original model answers to them.
  private func anchor(_ session: UnlearningSession) throws -> Descent.Term {
    let problem = session.problem
    let answers = try session.referenceAnswers()
    let gone = Set(problem.forgottenClasses.map(Int32.init))
    let kept = answers.responses.labels.indices.filter {
      !gone.contains(answers.responses.labels[$0])
    }
    let width = problem.classCount
    let samples = GivenSamples(
      "anchor", problem.data.unseen, rows: kept.map { problem.referenceRows[$0] })
    let table = TargetTable.masked(
      problem.forgottenClasses,
      logits: kept.flatMap { answers.logits[($0 * width)..<(($0 + 1) * width)] },
      classCount: width)
    // Half of what retained ones would be, and as many where the two are as many.
    let sizes = batchSizes(session)
    let count = sizes.retain == sizes.forget ? sizes.retain : sizes.retain / 2
    return .init(
      .given(samples), count: min(max(1, count), kept.count), .init(.table(table)))
  }

  /// What earlier requests forgot, kept at the margins of unseen samples.
  ///
  /// Ranks are taken inside each request: among retained samples these would all rank low, and be
  /// forgotten a second time. No margin is ever raised.
  private func forgottenBefore(_ session: UnlearningSession) throws -> Descent.Term? {
    let problem = session.problem
    let rows = problem.forgottenBefore.joined().sorted()
    guard !rows.isEmpty else { return nil }
    let answers = try Baseline.answers(
      session.network, problem.data.train, rows, &session.meter)
    let unseen = try session.referenceAnswers().responses
    var margins = answers.responses.margins
    for request in problem.forgottenBefore where request.count >= MarginMap.smallestClass {
      let members = Set(request)
      let positions = rows.indices.filter { members.contains(rows[$0]) }
      let own = answers.responses[positions]
      guard let map = MarginMap(retained: own, unseen: unseen, persistence: 1) else { continue }
      for (position, target) in zip(positions, map.standings(own).map(map.target)) {
        margins[position] = min(margins[position], target)
      }
    }
    let table = TargetTable.margins(
      margins, logits: answers.logits, labels: answers.responses.labels,
      classCount: problem.classCount)
    let count = batchSizes(session).forget
    return .init(
      .given(GivenSamples("forgotten-before", problem.data.train, rows: rows)),
      count: min(count, rows.count), .init(.table(table)))
  }
}

extension UnlearningSession {
  /// The original model's answers to the unseen samples that serve as targets; asked for where
  /// nobody has. The network has its original weights.
  func referenceAnswers() throws -> Answers {
    if let known = baseline.reference { return known }
    return try Baseline.answers(network, problem.data.unseen, problem.referenceRows, &meter)
  }
}
