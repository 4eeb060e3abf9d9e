import Engine
import Foundation
import ModelCore
import Unlearning

/// One method's result on one seed.
struct Row: Codable {
  let network: String
  let scenario: String
  let method: String
  let seed: Int
  var measures: [String: Double]
  /// Sample passes and wall time, as shares of retraining's.
  var cost: Double
  var wall: Double
  var verdict: String?

  var key: String { "\(network) \(scenario) \(method) \(seed)" }

  /// One request has a verdict; of several it is the share of accepted ones that is kept.
  mutating func judge(_ verdicts: [Verdict]) {
    if verdicts.count == 1 { verdict = verdicts[0].rawValue }
    let accepted = verdicts.count { $0.isAccepted(requiringPower: false) }
    measures["accepted"] = 100 * Double(accepted) / Double(max(1, verdicts.count))
  }
}

/// All methods on all seeds of a scenario; what was done before is read from the cache.
struct Study {
  let study: Case
  let cache: String
  let deadline: Date
  let maxCost: Double?
  /// How many models an attacker has of his own.
  let shadowCount: Int
  let verbose: Bool
  private(set) var rows: [Row] = []
  private(set) var isCut = false

  init(
    _ study: Case, cache: String, deadline: Date, maxCost: Double?, shadowCount: Int,
    verbose: Bool
  ) {
    self.study = study
    self.cache = cache
    self.deadline = deadline
    self.maxCost = maxCost
    self.shadowCount = shadowCount
    self.verbose = verbose
  }

  mutating func run(_ scenario: Scenario, methods: [String], seeds: Range<Int>) throws {
    for seed in seeds {
      guard Date() < deadline else {
        isCut = true
        return
      }
      let setting = try Setting(scenario, seed: seed, case: study)
      let name = scenario.isSamples ? "original" : "original-\(scenario.originalName)"
      let original = try study.trained(on: setting.train, without: [], seed: seed, name: name)
      let retrained = try retrained(setting)
      let margins = try RetrainedMargins(
        retrained[0].parameters, shadows: retrained.dropFirst(2).map(\.parameters), setting,
        case: study)
      let compared = Comparison(
        scenario,
        try retrained.map { try study.measures($0.parameters, setting, like: margins) })
      try addGiven(setting, original, retrained, margins, compared)
      for method in methods {
        guard Date() < deadline else {
          isCut = true
          break
        }
        guard let row = try run(method, setting, original, margins, retrained[0].seconds)
        else { continue }
        var full = row
        full.measures = compared.adding(row.measures)
        add(full)
      }
    }
  }

  /// Models trained without what is forgotten: the one that everything is compared with, a second one, and
  /// the attacker's.
  private func retrained(_ setting: Setting) throws -> [Case.Trained] {
    func model(_ kind: String, from start: Int) throws -> Case.Trained {
      try study.trained(
        on: setting.train, without: setting.forget, seed: setting.seed, from: start + setting.seed,
        name: "\(kind)-\(setting.scenario.name)")
    }
    let shadows = setting.scenario.isSamples ? shadowCount : 0
    return try [model("retrained", from: 100), model("second", from: 500)]
      + (0..<shadows).map { try model("shadow-\($0)", from: 1000 * ($0 + 1)) }
  }

  /// What no method has made: two retrained models, the untouched one, and the mean of all retrained ones.
  private mutating func addGiven(
    _ setting: Setting, _ original: Case.Trained, _ retrained: [Case.Trained],
    _ margins: RetrainedMargins, _ compared: Comparison
  ) throws {
    let untouched = try study.measures(original.parameters, setting, like: margins)
    for (name, cost, model, measures) in [
      ("retrained", 1.0, retrained[0], compared.ofRetrained(0)),
      ("retrained again", 1, retrained[1], compared.ofRetrained(1)),
      ("original", 0, original, compared.adding(untouched)),
    ] {
      var row = row(name, setting, cost: cost)
      row.measures = measures
      row.judge(try setting.requests.map { try verdict(on: model.parameters, $0, original) })
      add(row)
    }
    if let measures = compared.ofAllRetrained {
      var row = row("retrained, all", setting, cost: 1)
      row.measures = measures
      add(row)
    }
  }

  /// What the stop rule says of weights that no method has made.
  private func verdict(
    on parameters: Parameters, _ setting: Setting, _ original: Case.Trained
  ) throws -> Verdict {
    let report = try Unlearner(
      try study.network(original.parameters),
      data: UnlearningData(train: setting.train, unseen: study.unseen),
      request: try request(setting), method: Given(parameters: parameters)
    ).run().report
    if verbose { show("\(report)\n\(report.samplewise.map { "\($0)" } ?? "")") }
    return report.verdict.outcome
  }

  private func request(_ setting: Setting, knowing: String? = nil) throws -> UnlearningRequest {
    var request = UnlearningRequest(
      try setting.subject(knowing: knowing), recipe: study.recipe(seed: UInt64(setting.seed)),
      maxCost: maxCost, retries: false, seed: UInt64(setting.seed))
    request.usesRetained = knowing != "no-retain"
    return request
  }

  static func mean(_ measures: [[String: Double]]) -> [String: Double] {
    let sums = measures.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }
    return sums.mapValues { $0 / Double(measures.count) }
  }

  private mutating func add(_ row: Row) {
    show(Table.line(row))
    rows.append(row)
  }

  private func row(_ method: String, _ setting: Setting, cost: Double) -> Row {
    Row(
      network: study.architecture.name, scenario: setting.scenario.name, method: method,
      seed: setting.seed, measures: [:], cost: cost, wall: cost)
  }

  /// - Returns: nil for a method that does not serve the scenario.
  private func run(
    _ text: String, _ setting: Setting, _ original: Case.Trained, _ margins: RetrainedMargins,
    _ seconds: Double
  ) throws -> Row? {
    var row = row(text, setting, cost: 0)
    let path = "\(cache)/rows/\(study.size)-\(row.key)-\(maxCost ?? 0).json"
    if let data = FileManager.default.contents(atPath: path) {
      return try JSONDecoder().decode(Row.self, from: data)
    }
    let variant = Variant(text)
    guard variant.serves(setting.scenario) else { return nil }
    var verdicts: [Verdict] = []
    var measures: [[String: Double]] = []
    for single in setting.requests {
      let start = ContinuousClock.now
      let outcome: UnlearningOutcome
      do {
        outcome = try Unlearner(
          try study.network(original.parameters),
          data: UnlearningData(train: single.train, unseen: study.unseen),
          request: try request(single, knowing: variant.knowing), method: try variant.method()
        ).run()
      } catch let error as UnlearningError {
        show("  \(row.key): \(error)")
        return nil
      }
      let share = 1 / Double(setting.requests.count)
      row.wall += share * ((ContinuousClock.now - start) / .seconds(1)) / max(seconds, 1e-9)
      row.cost += share * outcome.report.cost.share
      verdicts.append(outcome.report.verdict.outcome)
      if verbose { show("\(outcome.report)\n\(outcome.report.method.findings)") }
      measures.append(try study.measures(outcome.parameters, single, like: margins))
      if let test = outcome.report.after.expectation {
        show(
          "  as hard: AUC \(test.auc) +- \(test.aucError), excess \(test.accuracy - test.unseenAccuracy) +- \(test.accuracyError)"
        )
      }
    }
    row.measures = Self.mean(measures)
    row.judge(verdicts)
    try FileManager.default.createDirectory(
      atPath: "\(cache)/rows", withIntermediateDirectories: true)
    try JSONEncoder().encode(row).write(to: URL(fileURLWithPath: path), options: .atomic)
    return row
  }
}

/// Differences to retrained models.
struct Comparison {
  private let columns: [String]
  /// What each retrained model measures; the first is the one that `gap` is taken from.
  private let retrained: [[String: Double]]

  init(_ scenario: Scenario, _ retrained: [[String: Double]]) {
    columns = scenario.columns.compared
    self.retrained = retrained
  }

  /// - Parameter own: which of the retrained models these are the measures of; it is left out of the mean.
  private func adding(_ measures: [String: Double], own: Int?) -> [String: Double] {
    var result = measures
    let first = retrained[0]
    result["gap"] = distance(measures, to: first)
    result["dTA"] = (measures["TA"] ?? 0) - (first["TA"] ?? 0)
    if let auc = measures["AUC"], let other = first["AUC"] { result["dAUC"] = auc - other }
    let others = retrained.indices.filter { $0 != own }.map { retrained[$0] }
    if retrained.count > 2 {
      result["gap to mean"] = distance(measures, to: Study.mean(others))
    }
    return result
  }

  func adding(_ measures: [String: Double]) -> [String: Double] { adding(measures, own: nil) }

  func ofRetrained(_ index: Int) -> [String: Double] { adding(retrained[index], own: index) }

  /// The mean over all retrained models, where there are three or more: of their measures, of what each is
  /// away from the mean of the others, and of what all others are away from the first.
  var ofAllRetrained: [String: Double]? {
    guard retrained.count > 2 else { return nil }
    let each = retrained.indices.map(ofRetrained)
    let differences = ["gap", "dTA", "dAUC", "dM", "absM"]
    let others = Study.mean(Array(each.dropFirst())).filter { differences.contains($0.key) }
    // Some of them are the attacker's own.
    return Study.mean(each).merging(others) { $1 }.filter { $0.key != "LiRA" }
  }

  private func distance(_ measures: [String: Double], to other: [String: Double]) -> Double {
    let differences = columns.map { abs((measures[$0] ?? 0) - (other[$0] ?? 0)) }
    return differences.reduce(0, +) / Double(max(1, differences.count))
  }
}

extension Scenario {
  var isSamples: Bool {
    switch self {
    case .samples, .each: true
    case .wholeClass, .backdoor, .wrongLabels: false
    }
  }
  /// Classes are forgotten by the model that samples are.
  var originalName: String { self == .wholeClass ? "clean" : name }
}

/// A method by name, what is known, and settings: `match`, `match-deep`, `scrub:rateShare=0.3`.
private struct Variant {
  let name: String
  let knowing: String?
  let settings: [String: Unlearning.Setting]

  init(_ text: String) {
    let parts = text.split(separator: ":").map(String.init)
    var settings: [String: Unlearning.Setting] = [:]
    for part in parts.dropFirst() {
      let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
      if pair.count == 2 { settings[pair[0]] = Unlearning.Setting(parsing: pair[1]) }
    }
    var knowing: String?
    var name = parts.first ?? ""
    if name.hasPrefix("match-") {
      knowing = String(name.dropFirst(6))
      name = "match"
    }
    if knowing == "deep" { settings["deep"] = .flag(true) }
    self.name = name
    self.knowing = knowing
    self.settings = settings
  }

  func method() throws -> any UnlearningMethod { try UnlearningMethods.named(name).with(settings) }

  func serves(_ scenario: Scenario) -> Bool {
    switch knowing {
    case "deep": scenario.isSamples
    case "patch", "patch-only":
      if case .backdoor = scenario { true } else { false }
    default: true
    }
  }
}
