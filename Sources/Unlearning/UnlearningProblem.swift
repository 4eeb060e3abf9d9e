internal import Engine
public import ModelCore

/// What a request means for the samples at hand: who is forgotten, who stays, who compares.
public struct UnlearningProblem {
  /// What kind of forgetting it is.
  public enum Scenario: Hashable, Sendable {
    /// Some samples: the result must answer them like data it has never seen.
    case samples
    /// Whole classes, ascending: the result must not know them.
    case classes([Int])
    /// Samples whose labels are wrong: the result must not give them these labels.
    case wrongLabels
    /// Like the last, by a pattern: the result must not answer to it.
    case backdoor

    /// What a report calls it.
    public var kind: UnlearningReport.Scenario.Kind {
      switch self {
      case .samples: .samples
      case .classes: .classes
      case .wrongLabels: .wrongLabels
      case .backdoor: .backdoor
      }
    }

    /// Whether the labels in the file are what is to be forgotten.
    public var hasWrongLabels: Bool { self == .wrongLabels || self == .backdoor }
  }

  public let scenario: Scenario
  public let data: UnlearningData
  public let classCount: Int
  /// Rows of the training split, ascending.
  public let forgetRows: [Int]
  /// Their right classes where the labels in the file are wrong and these are known.
  public let rightLabels: [Int32?]
  /// What a backdoor answers to.
  public let trigger: Trigger?
  /// Rows that earlier requests forgot, request by request, each ascending.
  public let forgottenBefore: [[Int]]
  /// The other rows of the training split, ascending.
  public let retainRows: [Int]
  /// Whether the retained rows may be read.
  public let usesRetained: Bool
  /// Whether weights may be mixed with fresh ones.
  public let allowsReset: Bool
  /// Rows of the unseen split that serve as targets, ascending: every other one of each class.
  public let referenceRows: [Int]
  /// Rows of the unseen split that test, ascending: the others. No target rests on them.
  public let validationRows: [Int]
  /// Retained rows whose answers stand for all of them, ascending.
  public let retainSampleRows: [Int]
  /// Positions in `forgetRows` that are tested, ascending.
  public let checkedPositions: [Int]
  /// What people should know about the request itself.
  public let remarks: [String]

  /// The classes to forget whole; empty when samples are.
  public var forgottenClasses: [Int] {
    if case .classes(let classes) = scenario { classes } else { [] }
  }

  /// How many samples a retraining would see in each epoch: the retained ones, or where the file
  /// has none, as many as there are.
  public var retrainingCount: Int { retainRows.isEmpty ? forgetRows.count : retainRows.count }

  /// The tested forget rows, ascending.
  public var checkedRows: [Int] { checkedPositions.map { forgetRows[$0] } }

  /// What testing a result takes, in sample passes.
  ///
  /// - Parameter restoringConfidence: whether unseen reference samples are asked first.
  func finalTestPasses(restoringConfidence: Bool) -> Double {
    let unseen = validationRows.count * (trigger == nil ? 1 : 2)
    let reference = restoringConfidence ? referenceRows.count : 0
    return Double(checkedPositions.count + unseen + reference) / 3
  }

  /// - Parameter allowance: how many samples one evaluation may run over, besides the forget set.
  /// - Throws: `UnlearningError` when the request makes no sense for the data.
  init(
    _ request: UnlearningRequest, data: UnlearningData, network: Network, allowance: Int
  ) throws {
    try Self.requireFit(data, network)
    let labels = try Self.labels(of: data.train, split: "training")
    let resolved = try Self.resolve(request.subject, labels: labels, classCount: network.classCount)
    let before = try Self.earlier(request.forgottenBefore, labels, besides: resolved.rows)
    var isGone = [Bool](repeating: false, count: labels.count)
    for row in resolved.rows + before.joined() { isGone[row] = true }
    let retained = labels.indices.filter { !isGone[$0] }
    guard !retained.isEmpty || !request.usesRetained else {
      throw UnlearningError.nothingRetained(count: labels.count)
    }
    let unseen = data.unseen.layout.count
    guard unseen >= Self.smallestUnseenCount else {
      throw UnlearningError.unseenTooSmall(found: unseen, needed: Self.smallestUnseenCount)
    }
    let halves = Self.halves(try Self.labels(of: data.unseen, split: "unseen"))
    let draw = Subset(seed: request.seed)
    scenario = resolved.scenario
    rightLabels = Self.right(request.subject, resolved.rows)
    trigger = try Self.trigger(request.subject, data)
    forgottenBefore = before
    usesRetained = request.usesRetained
    allowsReset = request.allowsReset
    self.data = data
    classCount = network.classCount
    forgetRows = resolved.rows
    retainRows = retained
    referenceRows = draw.rows(
      halves.reference, atMost: min(2500, max(200, allowance)),
      for: "reference")
    validationRows = draw.rows(
      halves.validation, atMost: min(2500, max(500, allowance)),
      for: "validation")
    retainSampleRows =
      !request.usesRetained
      ? []
      : draw.rows(
        retained, atMost: min(3000, max(200, allowance)), for: "retained")
    checkedPositions = draw.rows(
      Array(resolved.rows.indices), atMost: 2000, for: "forget")
    remarks =
      resolved.remarks
      + Self.remarks(forget: resolved.rows.count, of: labels.count, unseen: unseen)
  }

  /// Below this many the halves of the unseen data could not hold a quantile.
  static let smallestUnseenCount = 40

  private static func remarks(forget: Int, of total: Int, unseen: Int) -> [String] {
    var remarks: [String] = []
    if forget * 2 > total {
      remarks.append(
        "More than half of the training samples are forgotten: retraining on the rest is cheaper "
          + "than its share suggests, and exact.")
    }
    if unseen < 1000 {
      remarks.append(
        "\(unseen) unseen samples leave \(unseen / 2) to test with; 500 or more make the test "
          + "sharper.")
    }
    return remarks
  }
}

/// Fixed random subsets, one stream of numbers for each purpose.
private struct Subset {
  let seed: UInt64

  func rows(_ rows: [Int], atMost count: Int, for purpose: String) -> [Int] {
    guard rows.count > count else { return rows }
    var random = SeededGenerator(seed: seed, stream: "unlearn/subset/\(purpose)")
    var shuffled = rows
    random.shuffle(&shuffled)
    return shuffled[..<count].sorted()
  }
}

extension UnlearningProblem {
  private static func requireFit(_ data: UnlearningData, _ network: Network) throws {
    let splits = [("training", data.train), ("unseen", data.unseen)] + data.reported
    for (name, source) in splits {
      let layout = source.layout
      guard layout.sampleShape == network.sampleShape else {
        throw UnlearningError.layout(
          split: name, expected: "samples of \(network.sampleShape)",
          found: "\(layout.sampleShape)")
      }
      guard layout.classCount == network.classCount else {
        throw UnlearningError.layout(
          split: name, expected: "\(network.classCount) classes", found: "\(layout.classCount)")
      }
    }
  }

  /// Halves the unseen samples class by class: files often hold the classes in turn, and then all
  /// even rows together would be half of the classes.
  static func halves(_ labels: [Int32]) -> (reference: [Int], validation: [Int]) {
    var isTaken: [Int32: Bool] = [:]
    var (reference, validation): ([Int], [Int]) = ([], [])
    for (row, label) in labels.enumerated() {
      if isTaken[label, default: false] { validation.append(row) } else { reference.append(row) }
      isTaken[label, default: false].toggle()
    }
    return (reference, validation)
  }

  private static func labels(of source: any SampleSource, split: String) throws -> [Int32] {
    var labels: [Int32] = []
    let count = source.layout.count
    let classCount = source.layout.classCount
    labels.reserveCapacity(count)
    for start in stride(from: 0, to: count, by: 65_536) {
      switch try source.readTargets(start..<min(count, start + 65_536)) {
      case .classes(let classes): labels += classes
      case .distributions(let values, let width):
        for row in stride(from: 0, to: values.count, by: max(1, width)) {
          let shares = values[row..<min(values.count, row + width)]
          let largest = shares.indices.max { shares[$0] < shares[$1] } ?? row
          labels.append(Int32(largest - row))
        }
      }
    }
    for (row, label) in labels.enumerated() where label < 0 || label >= classCount {
      throw UnlearningError.layout(
        split: split, expected: "classes within 0..<\(classCount)",
        found: "\(label) in row \(row)")
    }
    return labels
  }

  private static func right(
    _ subject: UnlearningRequest.Subject, _ rows: [Int]
  ) -> [Int32?] {
    guard case .wrongLabels(_, let right) = subject else { return rows.map { _ in nil } }
    return rows.map { right[$0] }
  }

  private static func trigger(
    _ subject: UnlearningRequest.Subject, _ data: UnlearningData
  ) throws -> Trigger? {
    guard case .backdoor(let trigger, _) = subject else { return nil }
    _ = try StampedSource(data.unseen, trigger)
    return trigger
  }

  /// Rows of earlier requests, without those that this one names again.
  private static func earlier(
    _ requests: [[Int]], _ labels: [Int32], besides rows: [Int]
  ) throws -> [[Int]] {
    var known = Set(rows)
    var result: [[Int]] = []
    for request in requests {
      for row in request where !labels.indices.contains(row) {
        throw UnlearningError.row(row, count: labels.count)
      }
      result.append(request.filter { known.insert($0).inserted }.sorted())
    }
    return result.filter { !$0.isEmpty }
  }

  private typealias Resolved = (scenario: Scenario, rows: [Int], remarks: [String])

  private static func resolve(
    _ subject: UnlearningRequest.Subject, labels: [Int32], classCount: Int
  ) throws -> Resolved {
    switch subject {
    case .classes(let classes): try resolve(classes: classes, labels, classCount)
    case .samples(let rows): try resolve(rows: rows, labels, classCount)
    case .wrongLabels(let rows, let right):
      try resolve(wrong: rows, right, labels, classCount)
    case .backdoor(_, let rows):
      (.backdoor, rows.isEmpty ? [] : try ordered(rows, labels), [])
    }
  }

  private static func resolve(
    classes: [Int], _ labels: [Int32], _ classCount: Int
  ) throws -> Resolved {
    let wanted = Set(classes).sorted()
    guard !wanted.isEmpty else { throw UnlearningError.nothingToForget }
    for index in wanted {
      guard (0..<classCount).contains(index) else {
        throw UnlearningError.classIndex(index, count: classCount)
      }
      guard labels.contains(Int32(index)) else { throw UnlearningError.emptyClass(index) }
    }
    guard wanted.count < classCount else {
      throw UnlearningError.everyClassForgotten(count: classCount)
    }
    let set = Set(wanted.map(Int32.init))
    return (.classes(wanted), labels.indices.filter { set.contains(labels[$0]) }, [])
  }

  private static func resolve(
    wrong rows: [Int], _ right: [Int: Int32], _ labels: [Int32], _ classCount: Int
  ) throws -> Resolved {
    let sorted = try ordered(rows, labels)
    for row in sorted {
      guard let label = right[row] else { continue }
      guard (0..<classCount).contains(Int(label)) else {
        throw UnlearningError.classIndex(Int(label), count: classCount)
      }
      guard label != labels[row] else { throw UnlearningError.labelIsRight(row: row) }
    }
    return (.wrongLabels, sorted, [])
  }

  /// Rows in ascending order, each there and there once.
  private static func ordered(_ rows: [Int], _ labels: [Int32]) throws -> [Int] {
    guard !rows.isEmpty else { throw UnlearningError.nothingToForget }
    let sorted = rows.sorted()
    for (position, row) in sorted.enumerated() {
      guard labels.indices.contains(row) else {
        throw UnlearningError.row(row, count: labels.count)
      }
      guard position == 0 || sorted[position - 1] != row else {
        throw UnlearningError.duplicateRow(row)
      }
    }
    return sorted
  }

  private static func resolve(
    rows: [Int], _ labels: [Int32], _ classCount: Int
  ) throws -> Resolved {
    let sorted = try ordered(rows, labels)
    let whole = wholeClasses(sorted, labels, classCount)
    guard !whole.isEmpty else { return (.samples, sorted, []) }
    let names = whole.map(String.init).joined(separator: ", ")
    let covered = labels.count { whole.contains(Int($0)) }
    if covered == sorted.count, whole.count < classCount {
      // A model retrained without them would not know the classes either.
      let remark = "The samples named are all there are of class \(names): it is forgotten whole."
      return (.classes(whole), sorted, [remark])
    }
    let remark =
      "Class \(names) keeps no training sample, and others keep some: a model retrained without "
      + "these samples would not know it at all. Forget it as a class of its own, first."
    return (.samples, sorted, [remark])
  }

  /// The classes all of whose samples are among `rows`, ascending.
  private static func wholeClasses(
    _ rows: [Int], _ labels: [Int32], _ classCount: Int
  ) -> [Int] {
    var total = [Int](repeating: 0, count: classCount)
    var named = total
    for label in labels { total[Int(label)] += 1 }
    for row in rows { named[Int(labels[row])] += 1 }
    return (0..<classCount).filter { named[$0] > 0 && named[$0] == total[$0] }
  }
}
