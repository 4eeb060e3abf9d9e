internal import Engine
public import Evidence
internal import ModelCore

/// The original model's answers, which everything later is compared with.
public struct Baseline: Sendable {
  /// About the samples that test.
  let tested: TestedAnswers
  /// All samples to forget.
  public private(set) var forget: Answers?
  /// The unseen samples that serve as targets.
  public private(set) var reference: Answers?
  /// Some of the samples that stay.
  public private(set) var retained: Answers?

  /// Runs the network over what is needed, and counts it.
  init(
    _ network: Network, problem: UnlearningProblem, parts: BaselineParts, meter: inout CostMeter
  ) throws {
    let validation = try Self.answers(
      network, problem.data.unseen, problem.validationRows, &meter)
    // All samples to forget are asked once, also where only some of them are tested.
    if parts.contains(.forget) || problem.checkedPositions.count == problem.forgetRows.count {
      let answers = try Self.answers(network, problem.data.train, problem.forgetRows, &meter)
      tested = TestedAnswers(forget: answers[problem.checkedPositions], unseen: validation)
      forget = answers
    } else {
      tested = TestedAnswers(
        forget: try Self.answers(network, problem.data.train, problem.checkedRows, &meter),
        unseen: validation)
    }
    try measure(parts, network, problem, &meter)
  }

  /// Measures what is asked for and not there yet; the network has its original weights.
  mutating func measure(
    _ parts: BaselineParts, _ network: Network, _ problem: UnlearningProblem,
    _ meter: inout CostMeter
  ) throws {
    let train = problem.data.train
    if parts.contains(.forget), forget == nil {
      forget = try Self.answers(network, train, problem.forgetRows, &meter)
    }
    if parts.contains(.reference), reference == nil {
      reference = try Self.answers(network, problem.data.unseen, problem.referenceRows, &meter)
    }
    if parts.contains(.retained), retained == nil, problem.usesRetained {
      retained = try Self.answers(network, train, problem.retainSampleRows, &meter)
    }
  }

  static func answers(
    _ network: Network, _ source: any SampleSource, _ rows: [Int], _ meter: inout CostMeter
  ) throws -> Answers {
    meter.addEvaluated(rows.count)
    let scores =
      rows.isEmpty
      ? Scores(classCount: network.classCount) : try network.logits(of: source, rows: rows)
    return try Answers(
      logits: scores.logits, labels: scores.labels, classCount: scores.classCount)
  }

  /// The tested samples to forget.
  public var checked: Responses { tested.forget.responses }
  /// The unseen samples that test.
  public var validation: Responses { tested.unseen.responses }

  /// Maps margins of trained samples to those of unseen ones; nil before both were measured.
  ///
  /// Where no retained sample may be read, the samples to forget stand for them.
  public var marginMap: MarginMap? {
    guard let members = retained ?? forget, let reference else { return nil }
    return MarginMap(retained: members.responses, unseen: reference.responses)
  }
}

/// A model's answers about the samples that test: some of those to forget, and unseen ones.
struct TestedAnswers: Sendable {
  let forget: Answers
  let unseen: Answers
}

/// Which answers of the original model are wanted, besides those every test needs.
public struct BaselineParts: OptionSet, Hashable, Sendable {
  public let rawValue: Int
  public init(rawValue: Int) { self.rawValue = rawValue }

  /// All samples to forget.
  public static let forget = BaselineParts(rawValue: 1)
  /// Unseen samples to serve as targets.
  public static let reference = BaselineParts(rawValue: 2)
  /// A sample of those that stay.
  public static let retained = BaselineParts(rawValue: 4)
  /// What `Baseline.marginMap` rests on, and the margins to map.
  public static let margins: BaselineParts = [.forget, .reference, .retained]
}
