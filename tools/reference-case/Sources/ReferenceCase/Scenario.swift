import Evidence
import ModelCore
import Unlearning

/// What is forgotten in a study.
enum Scenario: Hashable {
  /// So many samples at random, or one of the requests that are no random sample.
  case samples(String)
  /// So many samples at random, each by a request of its own.
  case each(Int)
  /// One class.
  case wholeClass
  /// So many poisoned samples: a white square, and class 0.
  case backdoor(Int)
  /// So many samples with a label drawn at random, not their own.
  case wrongLabels(Int)

  init(_ text: String) throws {
    let parts = text.split(separator: "-").map(String.init)
    switch parts.first {
    case "class": self = .wholeClass
    case "each": self = .each(parts.count > 1 ? Int(parts[1]) ?? 40 : 40)
    case "backdoor": self = .backdoor(parts.count > 1 ? Int(parts[1]) ?? 100 : 100)
    case "relabel": self = .wrongLabels(parts.count > 1 ? Int(parts[1]) ?? 100 : 100)
    case .some where Int(text) != nil || ["one", "five", "hard", "easy", "cluster"].contains(text):
      self = .samples(text)
    default:
      throw CaseError(
        "a scenario is a number of samples, one, five, hard, easy, cluster, each-N, class, "
          + "backdoor-N or relabel-N, not '\(text)'")
    }
  }

  var name: String {
    switch self {
    case .samples(let what): what
    case .each(let count): "each-\(count)"
    case .wholeClass: "class"
    case .backdoor(let count): "backdoor-\(count)"
    case .wrongLabels(let count): "relabel-\(count)"
    }
  }

  /// The numbers that are compared with a retrained model's, and those that are shown beside them.
  var columns: (compared: [String], shown: [String]) {
    switch self {
    case .samples: (["FA", "RA", "TA", "MIAe"], ["AUC", "dM", "absM", "LiRA"])
    case .each: (["FA", "RA", "TA", "MIAe"], ["AUC", "dM", "absM", "LiRA", "accepted"])
    case .wholeClass: (["FA", "FA unseen", "RA", "TA"], [])
    case .backdoor: (["ASR", "TA", "right class"], [])
    case .wrongLabels: (["wrong label", "right class", "RA", "TA"], [])
    }
  }
}

/// A scenario with its rows and its training samples.
struct Setting {
  let scenario: Scenario
  let seed: Int
  /// With the poison in it, where there is one.
  let train: Images
  /// Ascending.
  private(set) var forget: [Int]
  let trigger: Trigger?

  static let attack: Int32 = 0

  init(_ scenario: Scenario, seed: Int, case study: Case) throws {
    self.scenario = scenario
    self.seed = seed
    var trigger: Trigger?
    switch scenario {
    case .samples(let what):
      train = study.train
      let original = try study.trained(on: study.train, without: [], seed: seed, name: "original")
      forget = try study.forgetRows(what, seed: seed, original: original.parameters)
    case .each(let count):
      train = study.train
      forget = study.rows(count, seed: seed)
    case .wholeClass:
      train = study.train
      forget = train.labels.indices.filter { study.train.labels[$0] == Int32(3 * seed % 10) }
    case .backdoor(let count):
      let rows = study.rows(count, seed: seed).filter { study.train.labels[$0] != Self.attack }
      let square = try Self.square()
      trigger = square
      forget = rows
      train = try study.train.poisoned(rows, square, label: Self.attack)
    case .wrongLabels(let count):
      let rows = study.rows(count, seed: seed)
      var random = SeededGenerator(seed: UInt64(seed), stream: "reference/labels")
      var labels = study.train.labels
      for row in rows { labels[row] = (labels[row] + 1 + Int32(random.next(below: 9))) % 10 }
      forget = rows
      train = try study.train.labelled(labels)
    }
    self.trigger = trigger
  }

  /// What is asked for at a time: all there is to forget, or one sample after the other, each of the
  /// original model.
  var requests: [Setting] {
    guard case .each = scenario else { return [self] }
    return forget.map { row in
      var single = self
      single.forget = [row]
      return single
    }
  }

  /// A white square of three by three, two pixels from the lower right corner.
  private static func square() throws -> Trigger {
    var mask = [Float](repeating: 0, count: 784)
    for y in 24...26 { for x in 24...26 { mask[28 * y + x] = 1 } }
    return try Trigger(patch: mask.map { 255 * $0 }, mask: mask, label: Int(attack))
  }

  /// The request as a method gets it; `match-patch` and the like say what is known.
  func subject(knowing variant: String?) throws -> UnlearningRequest.Subject {
    switch (scenario, trigger) {
    case (.samples, _), (.each, _): return .samples(forget)
    case (.wholeClass, _): return .classes([3 * seed % 10])
    case (.backdoor, .some(let trigger)) where variant == "patch":
      return .backdoor(trigger, rows: forget)
    case (.backdoor, .some(let trigger)) where variant == "patch-only":
      return .backdoor(trigger, rows: [])
    case (.backdoor, _), (.wrongLabels, _): return .wrongLabels(forget, right: [:])
    }
  }
}
