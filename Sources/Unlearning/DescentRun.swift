internal import Engine
internal import Foundation
internal import ModelCore

/// The loop that all gradient methods share.
struct DescentRun {
  private let descent: Descent
  private let session: UnlearningSession
  private var cycle: [Descent.Stage]
  private var streams: [Descent.Split: SampleStream] = [:]
  private let batch: Batch
  private let optimizer: Optimizer
  private let average: WeightAverage?
  private var teacher: Teacher?
  private var nearest: (distance: Double, parameters: Parameters)?

  init(_ descent: Descent, session: UnlearningSession) throws {
    self.descent = descent
    self.session = session
    cycle = descent.cycle
    let network = session.network
    let terms = descent.cycle.flatMap(\.terms)
    for split in Set(terms.map(\.split)) {
      streams[split] = try SampleStream(
        session.source(of: split), rows: session.rows(of: split), seed: session.seed,
        stream: "unlearn/\(split.rawValue)/\(session.attempt)")
    }
    batch = Batch(
      capacity: descent.cycle.map { $0.terms.reduce(0) { $0 + $1.count } }.max() ?? 0,
      sampleElementCount: network.sampleShape.elementCount, classCount: network.classCount)
    optimizer = try network.makeOptimizer(descent.optimizer)
    average = descent.averages ? try network.makeAverage() : nil
    if terms.contains(where: { $0.target == .original }) {
      teacher = try Teacher(session, capacity: batch.capacity)
    }
  }

  mutating func run() throws {
    let checkedSteps = descent.checkedSteps
    var (stage, stepsOfStage) = (0, 0)
    for step in 0..<descent.steps {
      if stepsOfStage == cycle[stage].steps {
        (stage, stepsOfStage) = ((stage + 1) % cycle.count, 0)
      }
      stepsOfStage += 1
      try takeStep(cycle[stage], learningRate: descent.learningRate(step: step))
      // Young averages follow closely: the first steps are no part of the result.
      average?.update(decay: min(0.98, Float(step + 1) / Float(step + 10)))
      try session.progress(step: step + 1, of: descent.steps)
      if checkedSteps.contains(step + 1), try check(step: step + 1) == .stop { break }
    }
    try leaveResult()
  }

  private mutating func takeStep(_ stage: Descent.Stage, learningRate: Float) throws {
    batch.removeAll()
    var spans: [(range: Range<Int>, temperature: Float)] = []
    for term in stage.terms {
      let start = batch.count
      try append(term)
      spans.append((start..<batch.count, term.temperature))
    }
    if spans.allSatisfy({ $0.temperature == 1 }) {
      try session.network.backpropagate(batch, mode: descent.mode)
    } else {
      try backpropagate(spans)
    }
    session.meter.addTrained(batch.count)
    if let norm = stage.gradientNorm { session.network.clipGradients(to: norm) }
    try optimizer.step(learningRate: learningRate)
  }

  private mutating func append(_ term: Descent.Term) throws {
    guard let stream = streams[term.split] else { return }
    let start = batch.count
    let count = min(term.count, stream.count)
    let positions = try stream.append(count, to: batch, weight: term.weight / Float(count))
    switch term.target {
    case .labels: break
    case .table(let table):
      let width = table.classCount
      for (index, position) in positions.enumerated() {
        for column in 0..<width {
          batch.targets[(start + index) * width + column] =
            table.probabilities[position * width + column]
        }
      }
    case .original:
      try teacher?.answer(batch, start..<batch.count, temperature: term.temperature)
      session.meter.addEvaluated(count)
    }
  }

  /// `T^2 CE(t, softmax(z / T))`, whose gradient is `T (softmax(z / T) - t)`.
  private func backpropagate(_ spans: [(range: Range<Int>, temperature: Float)]) throws {
    let batch = batch
    let width = batch.classCount
    try session.network.backpropagate(batch, mode: descent.mode) { logits, gradient in
      var loss: Float = 0
      for (range, temperature) in spans {
        for row in range {
          let scores = logits[(row * width)..<((row + 1) * width)]
          let weight = batch.weights[row]
          let largest = scores.max() ?? 0
          let logSum = log(scores.reduce(0) { $0 + exp(($1 - largest) / temperature) })
          for column in 0..<width {
            let logShare = (logits[row * width + column] - largest) / temperature - logSum
            let target = batch.targets[row * width + column]
            gradient[row * width + column] = weight * temperature * (exp(logShare) - target)
            loss -= weight * temperature * temperature * target * logShare
          }
        }
      }
      return loss
    }
  }

  private mutating func check(step: Int) throws -> Descent.Reaction {
    guard let check = try withResult({ try session.check(step: step) }) else { return .go }
    if check.passes, !check.isOverForgotten { session.keepAsFallback(try result()) }
    if descent.choice == .nearestToUnseen {
      let distance = abs(check.accuracyExcess)
      if distance <= nearest?.distance ?? .infinity { nearest = (distance, try result()) }
    }
    return descent.react(check, &cycle)
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
      session.network.architecture, parameters: session.original,
      threads: session.network.threads)
    logits = .allocate(capacity: capacity * network.classCount)
  }

  deinit { logits.deallocate() }

  /// Replaces the targets of some samples by the original model's answers.
  func answer(_ batch: Batch, _ range: Range<Int>, temperature: Float) throws {
    let size = batch.sampleElementCount
    let width = batch.classCount
    let inputs = UnsafeBufferPointer(
      rebasing: batch.inputs[(range.lowerBound * size)..<(range.upperBound * size)])
    try network.logits(inputs, count: range.count, into: logits)
    for (index, row) in range.enumerated() {
      let scores = logits[(index * width)..<((index + 1) * width)]
      let largest = scores.max() ?? 0
      let sum = scores.reduce(0) { $0 + exp(($1 - largest) / temperature) }
      for column in 0..<width {
        batch.targets[row * width + column] =
          exp((scores[index * width + column] - largest) / temperature) / sum
      }
    }
  }
}

extension UnlearningSession {
  func source(of split: Descent.Split) -> any SampleSource {
    split == .unseen ? problem.data.unseen : problem.data.train
  }

  func rows(of split: Descent.Split) -> [Int] {
    switch split {
    case .forget: problem.forgetRows
    case .retain: problem.retainRows
    case .unseen: problem.referenceRows
    }
  }
}
