internal import Engine
internal import Foundation
internal import ModelCore

/// The loop that all gradient methods share.
struct DescentRun {
  private let descent: Descent
  private let session: UnlearningSession
  private var course: Descent.Course
  private var streams: [Descent.Split: SampleStream] = [:]
  private let batch: Batch
  private let optimizer: Optimizer
  private let average: WeightAverage?
  private var teacher: Teacher?
  private let needsOwnLoss: Bool
  private var nearest: (distance: Double, parameters: Parameters)?

  init(_ descent: Descent, session: UnlearningSession) throws {
    self.descent = descent
    self.session = session
    course = Descent.Course(cycle: descent.cycle)
    let network = session.network
    let terms = descent.cycle.flatMap(\.terms)
    for split in Set(terms.map(\.split)) { streams[split] = try session.stream(of: split) }
    batch = Batch(
      capacity: descent.cycle.map { $0.terms.reduce(0) { $0 + $1.count } }.max() ?? 0,
      sampleElementCount: network.sampleShape.elementCount, classCount: network.classCount)
    optimizer = try network.makeOptimizer(descent.optimizer)
    average = descent.averages ? try network.makeAverage() : nil
    let losses = terms.flatMap(\.losses)
    // Parts of one step go through one loss: the network's own, or the one below.
    needsOwnLoss =
      losses.contains { $0.temperature != 1 || $0.ceiling.isFinite }
      || terms.contains { $0.losses.count > 1 }
    if losses.contains(where: { $0.target == .original }) {
      teacher = try Teacher(session, capacity: batch.capacity)
    }
  }

  mutating func run() throws {
    let checkedSteps = descent.checkedSteps
    var (stage, stepsOfStage) = (0, 0)
    for step in 0..<descent.steps {
      // A reaction may have left fewer stages, or shorter ones.
      if stage >= course.cycle.count {
        (stage, stepsOfStage) = (0, 0)
      } else if stepsOfStage >= course.cycle[stage].steps {
        (stage, stepsOfStage) = ((stage + 1) % course.cycle.count, 0)
      }
      stepsOfStage += 1
      try EngineError.naming(step: step + 1, of: descent.steps) {
        try takeStep(
          course.cycle[stage], learningRate: course.pace * descent.learningRate(step: step))
      }
      // Young averages follow closely: the first steps are no part of the result.
      average?.update(decay: min(0.98, Float(step + 1) / Float(step + 10)))
      try session.progress(step: step + 1, of: descent.steps)
      if checkedSteps.contains(step + 1), try check(step: step + 1) == .stop { break }
    }
    try leaveResult()
  }

  private mutating func takeStep(_ stage: Descent.Stage, learningRate: Float) throws {
    batch.removeAll()
    var parts: [Part] = []
    try session.network.profiled(.input) {
      for term in stage.terms { parts += try append(term) }
    }
    try session.timed(batch.count) {
      if parts.isEmpty {
        try session.network.backpropagate(batch, mode: descent.mode)
      } else {
        try backpropagate(parts)
      }
    }
    session.meter.addTrained(batch.count)
    if let norm = stage.gradientNorm { session.network.clipGradients(to: norm) }
    try optimizer.step(learningRate: learningRate)
  }

  /// A loss over neighbouring rows of the batch that the network's own does not cover.
  private struct Part {
    let rows: Range<Int>
    /// `[rows, C]`.
    let targets: [Float]
    let weight: Float
    let temperature: Float
    let ceiling: Float
  }

  /// Appends a term's samples. A plain loss goes into the batch itself; the parts are returned when
  /// some stage of the descent asks for what the network's own loss cannot express.
  private mutating func append(_ term: Descent.Term) throws -> [Part] {
    // Stages that a reaction brings may ask for samples that those of the start did not.
    let stream = try streams[term.split] ?? session.stream(of: term.split)
    streams[term.split] = stream
    guard let first = term.losses.first else { return [] }
    let start = batch.count
    let count = min(term.count, stream.count)
    let positions = try stream.append(count, to: batch, weight: first.weight / Float(count))
    let rows = start..<batch.count
    let columns = (start * batch.classCount)..<(batch.count * batch.classCount)
    let labels = Array(batch.targets[columns])
    var parts: [Part] = []
    for loss in term.losses {
      let targets = try targets(loss, positions: positions, rows: rows, labels: labels)
      parts.append(
        Part(
          rows: rows, targets: targets, weight: loss.weight / Float(count),
          temperature: loss.temperature, ceiling: loss.ceiling))
    }
    if !needsOwnLoss {
      _ = batch.targets[columns].update(fromContentsOf: parts[0].targets)
      return []
    }
    return parts
  }

  private mutating func targets(
    _ loss: Descent.Loss, positions: [Int], rows: Range<Int>, labels: [Float]
  ) throws -> [Float] {
    switch loss.target {
    case .labels: return labels
    case .table(let table):
      let width = table.classCount
      return positions.flatMap { table.probabilities[($0 * width)..<(($0 + 1) * width)] }
    case .original:
      session.meter.addEvaluated(rows.count)
      return try teacher?.answers(batch, rows, temperature: loss.temperature) ?? labels
    }
  }

  /// `T^2 CE(t, softmax(z / T))`, whose gradient is `T (softmax(z / T) - t)`.
  private func backpropagate(_ parts: [Part]) throws {
    let width = batch.classCount
    try session.network.backpropagate(batch, mode: descent.mode) { logits, gradient in
      gradient.update(repeating: 0)
      var total: Float = 0
      for part in parts {
        let temperature = part.temperature
        for (index, row) in part.rows.enumerated() {
          let scores = logits[(row * width)..<((row + 1) * width)]
          let largest = scores.max() ?? 0
          let logSum = log(scores.reduce(0) { $0 + exp(($1 - largest) / temperature) })
          // Lazy: a step allocates nothing for a sample.
          let logShares = scores.lazy.map { ($0 - largest) / temperature - logSum }
          let targets = part.targets[(index * width)..<((index + 1) * width)]
          let crossEntropy = -zip(targets, logShares).reduce(0) { $0 + $1.0 * $1.1 }
          guard crossEntropy < part.ceiling else { continue }
          total += part.weight * temperature * temperature * crossEntropy
          for (column, (target, logShare)) in zip(targets, logShares).enumerated() {
            gradient[row * width + column] +=
              part.weight * temperature * (exp(logShare) - target)
          }
        }
      }
      return total
    }
  }

  private mutating func check(step: Int) throws -> Descent.Reaction {
    guard let check = try withResult({ try session.check(step: step) }) else { return .go }
    if check.passes, !check.isOverForgotten { session.keepAsFallback(try result()) }
    if descent.choice == .nearest {
      let distance = session.distance(of: check)
      if distance <= nearest?.distance ?? .infinity { nearest = (distance, try result()) }
    }
    return descent.react(check, &course)
  }

  private func withResult<Value>(_ body: () throws -> Value) throws -> Value {
    guard let average else { return try body() }
    return try average.withAveragedWeights(body)
  }

  private func result() throws -> Parameters {
    if let average { try average.parameters } else { try session.network.parameters }
  }

  private mutating func leaveResult() throws {
    if let nearest {
      try session.network.setParameters(nearest.parameters)
    } else if average != nil {
      try session.network.setParameters(try result())
    }
  }
}

/// The original model, asked again about each batch.
private final class Teacher {
  private let network: Network
  private let logits: UnsafeMutableBufferPointer<Float>

  init(_ session: UnlearningSession, capacity: Int) throws {
    network = try Network(
      session.network.architecture, parameters: session.original, like: session.network)
    logits = .allocate(capacity: capacity * network.classCount)
  }

  deinit { logits.deallocate() }

  /// The original model's answers to some rows of a batch, `[rows, C]`.
  func answers(_ batch: Batch, _ rows: Range<Int>, temperature: Float) throws -> [Float] {
    let size = batch.sampleElementCount
    let width = batch.classCount
    let inputs = UnsafeBufferPointer(
      rebasing: batch.inputs[(rows.lowerBound * size)..<(rows.upperBound * size)])
    try network.logits(inputs, count: rows.count, into: logits)
    var result: [Float] = []
    result.reserveCapacity(rows.count * width)
    for index in rows.indices {
      let start = (index - rows.lowerBound) * width
      let scores = logits[start..<(start + width)]
      let largest = scores.max() ?? 0
      let powers = scores.map { exp(($0 - largest) / temperature) }
      let sum = powers.reduce(0, +)
      result += powers.map { $0 / sum }
    }
    return result
  }
}

extension UnlearningSession {
  /// The samples of a split in the order of this descent.
  fileprivate func stream(of split: Descent.Split) throws -> SampleStream {
    try SampleStream(
      source(of: split), rows: rows(of: split), seed: seed, stream: streamName(split.name))
  }

  func source(of split: Descent.Split) -> any SampleSource {
    switch split {
    case .forget, .retain: problem.data.train
    case .unseen: problem.data.unseen
    case .given(let samples): samples.source
    }
  }

  /// - Throws: `UnlearningError` for rows that the request withholds or does not have.
  func rows(of split: Descent.Split) throws -> [Int] {
    switch split {
    case .forget:
      guard !problem.forgetRows.isEmpty else {
        throw UnlearningError.needsRecords(method: methodName)
      }
      return problem.forgetRows
    case .retain:
      guard problem.usesRetained, !problem.retainRows.isEmpty else {
        throw UnlearningError.needsRetained(method: methodName)
      }
      return problem.retainRows
    case .unseen: return problem.referenceRows
    case .given(let samples): return samples.rows
    }
  }
}
