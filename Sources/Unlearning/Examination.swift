internal import Engine
internal import Evidence
internal import ModelCore

/// A model's answers put to every test that a request calls for.
struct Examination {
  /// The samples to forget beside unseen ones of the same classes; nil when there are none, or when
  /// their labels are what is wrong.
  let comparison: UnseenComparison?
  /// The same beside unseen ones as hard, where the samples are no fair sample of their classes.
  let expectation: UnseenComparison?
  let samplewise: SamplewiseTest?
  let classTest: ClassTest?
  let labelTest: LabelTest?

  /// What decides about a group of samples: the comparison with ones as hard, where there is one.
  var deciding: UnseenComparison? { expectation ?? comparison }
}

/// What is asked of the original model and of every result alike.
struct Examiner {
  private let problem: UnlearningProblem
  private let baseline: Baseline
  /// Where the tested samples are to be expected; empty for other requests than samples.
  let standings: [MarginMap.Standing]
  /// The class that a backdoor answers.
  let attack: Int32?
  /// `[C]`: how often the original model gives each class to unseen samples of others.
  private let baseRates: [Double]
  /// The labels of the tested samples in the file.
  private let tested: (positions: [Int], right: [Int32?])
  /// Fewer samples make no group that could be harder than others.
  private static let smallestGroup = 20

  init(
    _ network: Network, _ problem: UnlearningProblem, _ baseline: Baseline, meter: inout CostMeter
  ) throws {
    self.problem = problem
    self.baseline = baseline
    if problem.scenario == .samples, let map = baseline.marginMap, let forget = baseline.forget {
      let all = map.standings(forget.responses)
      standings = problem.checkedPositions.map { all[$0] }
    } else {
      standings = []
    }
    baseRates = problem.scenario.hasWrongLabels ? LabelTest.baseRates(baseline.validation) : []
    tested = (problem.checkedPositions, problem.checkedPositions.map { problem.rightLabels[$0] })
    attack = try Self.attack(network, problem, baseline, &meter)
  }

  /// The class that stamped samples of other classes are given much more often than clean ones.
  private static func attack(
    _ network: Network, _ problem: UnlearningProblem, _ baseline: Baseline,
    _ meter: inout CostMeter
  ) throws -> Int32? {
    guard let trigger = problem.trigger else { return nil }
    if let label = trigger.label { return Int32(label) }
    let stamped = try Self.stamped(network, problem, trigger, &meter)
    let (clean, attacked) = (
      LabelTest.baseRates(baseline.validation), LabelTest.baseRates(stamped)
    )
    let likeliest = clean.indices.max {
      attacked[$0] - clean[$0] < attacked[$1] - clean[$1]
    }
    return likeliest.map(Int32.init)
  }

  private static func stamped(
    _ network: Network, _ problem: UnlearningProblem, _ trigger: Trigger,
    _ meter: inout CostMeter
  ) throws -> Responses {
    try Baseline.answers(
      network, try StampedSource(problem.data.unseen, trigger), problem.validationRows, &meter
    ).responses
  }

  /// - Parameters:
  ///   - checked: answers about the tested samples to forget.
  ///   - validation: answers about the unseen samples that test.
  ///   - samplewise: whether each sample is judged by itself.
  func examine(
    _ network: Network, checked: Responses, validation: Responses, samplewise: Bool,
    meter: inout CostMeter
  ) throws -> Examination {
    let comparison =
      problem.scenario.hasWrongLabels ? nil : UnseenComparison(checked, unseen: validation)
    return Examination(
      comparison: comparison, expectation: expectation(checked, validation),
      samplewise: samplewise && !standings.isEmpty
        ? SamplewiseTest(
          margins: checked.margins, standings: standings, unseen: validation,
          before: baseline.validation, untouched: baseline.checked.margins) : nil,
      classTest: classTest(checked, validation),
      labelTest: try labelTest(network, checked, &meter))
  }

  /// The samples beside unseen ones of the same classes that are as hard; nil where the samples are
  /// as hard as others. Then all unseen ones make the better test, which rests on no expectation.
  private func expectation(_ checked: Responses, _ validation: Responses) -> UnseenComparison? {
    guard standings.count >= Self.smallestGroup, HardnessWeights.areNeeded(standings) else {
      return nil
    }
    return UnseenComparison(
      checked, unseen: validation,
      weights: HardnessWeights.weights(
        validation, like: standings, persistence: MarginMap.persistence))
  }

  private func classTest(_ forget: Responses, _ unseen: Responses) -> ClassTest? {
    guard case .classes(let classes) = problem.scenario else { return nil }
    let set = Set(classes.map(Int32.init))
    let theirs = unseen.labels.indices.filter { set.contains(unseen.labels[$0]) }
    return ClassTest(
      forgetAccuracy: forget.accuracy,
      unseenAccuracy: theirs.isEmpty ? nil : unseen[theirs].accuracy)
  }

  private func labelTest(
    _ network: Network, _ checked: Responses, _ meter: inout CostMeter
  ) throws -> LabelTest? {
    if let trigger = problem.trigger, let attack {
      let answers = try Self.stamped(network, problem, trigger, &meter)
      let others = answers.labels.indices.filter { answers.labels[$0] != attack }
      return LabelTest(stamped: answers[others], attack: attack, base: baseRates[Int(attack)])
    }
    guard problem.scenario == .wrongLabels else { return nil }
    let rates = checked.labels.map { baseRates[Int($0)] }
    return LabelTest(
      records: checked, right: tested.right,
      base: rates.reduce(0, +) / Double(max(1, rates.count)))
  }
}
