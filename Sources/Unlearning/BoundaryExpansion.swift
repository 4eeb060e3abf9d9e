internal import Engine
internal import ModelCore

/// Gives the samples of a class to one that is added for them, and takes that class away again.
///
/// What is left answers each sample with the class that comes next. For a while the last dense layer has
/// one output more, which starts from fresh weights; the file never does.
///
/// - SeeAlso: Chen et al., "Boundary Unlearning", CVPR 2023, boundary expand, which trains on the samples
///   to forget alone.
struct BoundaryExpansion {
  /// How many retained samples go along for each one to forget; 0 for none.
  var retained: Double
  /// The most passes over the samples to forget.
  var passes: Double
  /// Adam's rate as a share of training's; it falls linearly to zero.
  var rateShare: Float

  func apply(to session: UnlearningSession) throws {
    let (network, problem) = (session.network, session.problem)
    guard let scores = ConfidenceRestore.scoringLayer(of: network.architecture) else {
      throw UnlearningError.architecture(
        method: session.methodName, reason: "its scores come from no dense layer that could grow")
    }
    let rows = try rows(session)
    let architecture = Self.widened(network.architecture, scores)
    let specifications = try architecture.parameterSpecifications()
    var random = SeededGenerator(seed: session.seed, stream: "unlearn/boundary/expand")
    var wide = Parameters(initializing: specifications, seed: random.next())
    let width = problem.classCount
    let narrow = session.original
    wide.update { name, values in
      guard let old = narrow[name]?.values else { return }
      values = name.layer == scores ? Self.widen(old, width, keeping: values) : old
    }
    let whole = try Network(architecture, parameters: wide, like: network)
    let affordable = Int(min(session.remaining / Double(rows.count), passes))
    let recipe = TrainingRecipe(
      epochs: max(1, affordable), batchSize: session.recipe.batchSize,
      learningRate: session.adamLearningRate * rateShare, seed: random.next())
    session.note("passes", .number(Double(recipe.epochs)))
    let source = ExpandedSource(problem.data.train, forgotten: problem.forgetRows)
    let summary = try whole.train(on: source, rows: rows, recipe: recipe) {
      try session.progress(step: $0.step, of: $0.steps)
    }
    session.meter.addTrained(summary.samplePasses)
    let trained = try whole.parameters
    var result = narrow
    result.update { name, values in
      guard let new = trained[name]?.values else { return }
      values = name.layer == scores ? Self.narrowed(new, width) : new
    }
    try network.setParameters(result)
  }

  /// The samples to forget, and as many retained ones as wanted and paid for: ascending.
  private func rows(_ session: UnlearningSession) throws -> [Int] {
    let problem = session.problem
    let forget = problem.forgetRows.count
    try session.require(Double(forget), purpose: "a pass over the samples to forget takes")
    let room = min(session.remaining, 1e9) - Double(forget)
    let wanted = min(retained * Double(forget), room)
    guard wanted >= 1 else { return problem.forgetRows }
    var others = try session.rows(of: .retain)
    var random = SeededGenerator(seed: session.seed, stream: "unlearn/boundary/retained")
    random.shuffle(&others)
    return (problem.forgetRows + others.prefix(Int(wanted))).sorted()
  }

  private static func widened(_ architecture: Architecture, _ layer: String) -> Architecture {
    let layers = architecture.layers.map { each in
      guard each.name == layer, case .dense(var dense) = each.kind else { return each }
      dense.units += 1
      return Layer(name: each.name, kind: .dense(dense), inputs: each.inputs)
    }
    return Architecture(name: architecture.name, layers: layers, output: architecture.output)
  }

  /// `[.., C]` as `[.., C + 1]`, the last column from `fresh`.
  private static func widen(_ values: [Float], _ width: Int, keeping fresh: [Float]) -> [Float] {
    var result = fresh
    for (index, value) in values.enumerated() {
      result[index / width * (width + 1) + index % width] = value
    }
    return result
  }

  /// `[.., C + 1]` without the last column.
  private static func narrowed(_ values: [Float], _ width: Int) -> [Float] {
    values.indices.filter { $0 % (width + 1) != width }.map { values[$0] }
  }
}

/// The samples of a source, some of them in a class of their own after all others.
private final class ExpandedSource: SampleSource {
  let layout: SampleLayout
  private let source: any SampleSource
  private let forgotten: Set<Int>

  init(_ source: any SampleSource, forgotten: [Int]) {
    var layout = source.layout
    layout.classCount += 1
    self.layout = layout
    self.source = source
    self.forgotten = Set(forgotten)
  }

  func readInputs(_ rows: Range<Int>, into bytes: UnsafeMutableRawBufferPointer) throws {
    try source.readInputs(rows, into: bytes)
  }

  func readTargets(_ rows: Range<Int>) throws -> Targets {
    let width = source.layout.classCount
    switch try source.readTargets(rows) {
    case .classes(let labels):
      return .classes(
        zip(rows, labels).map { forgotten.contains($0) ? Int32(width) : $1 })
    case .distributions(let values, _):
      var result: [Float] = []
      for (index, row) in rows.enumerated() {
        let isGone = forgotten.contains(row)
        let own = values[(index * width)..<((index + 1) * width)]
        result += isGone ? own.map { _ in 0 } : Array(own)
        result.append(isGone ? 1 : 0)
      }
      return .distributions(result, classCount: width + 1)
    }
  }
}
