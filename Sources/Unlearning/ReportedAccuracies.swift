internal import Engine
internal import ModelCore

/// Accuracies that are reported and decide nothing, so that no budget pays for them.
struct ReportedAccuracies {
  private(set) var before: [UnlearningReport.SplitAccuracy] = []
  private(set) var after: [UnlearningReport.SplitAccuracy] = []
  var meter = CostMeter()

  init(_ network: Network, problem: UnlearningProblem) throws {
    before = try measure(network, problem)
  }

  mutating func measureAfter(_ network: Network, problem: UnlearningProblem) throws {
    after = try measure(network, problem)
  }

  private mutating func measure(
    _ network: Network, _ problem: UnlearningProblem
  ) throws -> [UnlearningReport.SplitAccuracy] {
    var result: [UnlearningReport.SplitAccuracy] = []
    if !problem.retainSampleRows.isEmpty {
      result.append(
        try accuracy(network, "retained", problem.data.train, problem.retainSampleRows))
    }
    let forgotten = Set(problem.forgottenClasses)
    for (name, source) in problem.data.reported {
      result.append(try accuracy(network, name, source, nil, without: forgotten))
    }
    return result
  }

  private mutating func accuracy(
    _ network: Network, _ name: String, _ source: any SampleSource, _ rows: [Int]?,
    without classes: Set<Int> = []
  ) throws -> UnlearningReport.SplitAccuracy {
    let width = network.classCount
    var (count, right, asked) = (0, 0, 0)
    try network.forEachBatch(of: source, rows: rows) { batch, logits, _ in
      asked += batch.count
      for row in 0..<batch.count {
        let columns = (row * width)..<((row + 1) * width)
        let label = Self.largest(batch.targets, columns)
        guard !classes.contains(label - columns.lowerBound) else { continue }
        count += 1
        if Self.largest(logits, columns) == label { right += 1 }
      }
    }
    meter.addEvaluated(asked)
    return .init(
      split: name, count: count, accuracy: count == 0 ? 0 : Double(right) / Double(count))
  }

  /// The column with the largest value; the first of equals.
  private static func largest<Values: RandomAccessCollection<Float>>(
    _ values: Values, _ columns: Range<Int>
  ) -> Int where Values.Index == Int {
    var best = columns.lowerBound
    for column in columns where values[column] > values[best] { best = column }
    return best
  }
}
