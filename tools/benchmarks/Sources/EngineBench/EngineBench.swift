public import ArgumentParser
import Checkpoints
public import Engine
import Foundation
import ModelCore

/// Times steps of a network on random data and prints one line of JSON, with the names that
/// `peers/torch_steps.py` uses.
@main
struct EngineBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Training or inference throughput of the engine; prints one line of JSON.",
    discussion: """
      A training step is forward, cross-entropy, backward and an optimizer step. The data are \
      made before timing.
      """)

  @Argument(help: "A network as Keras writes it (model.to_json()).")
  var network: String

  @Option(help: "Samples in a step.")
  var batch = 64

  @Option(help: "Threads; 0 for all cores.")
  var threads = 0

  @Option(help: "Seconds to measure.")
  var seconds = 5.0

  @Option(help: "Seconds to run before measuring.")
  var warmup = 1.0

  @Option(help: "Measure at least so many steps; with 1, no step comes before.")
  var steps = 5

  @Option(help: "What the factors of products are rounded to: float32 or bfloat16.")
  var precision = Precision.float32

  @Flag(help: "Forward only.")
  var inference = false

  @Flag(help: "Frozen running statistics and no dropout, as when unlearning.")
  var frozen = false

  @Flag(help: "Adam instead of SGD with momentum.")
  var adam = false

  @Flag(help: "Print the time of every part of a step instead.")
  var profile = false

  func run() throws {
    let text = try String(contentsOfFile: network, encoding: .utf8)
    let architecture = try KerasConfiguration(parsing: text).architecture
    let subject = try Subject(
      architecture, batch: batch, threads: threads, precision: precision, adam: adam)
    if profile {
      for (name, seconds) in try subject.profile(seconds: seconds, inference: inference) {
        print(String(format: "%9.1f us  %@", seconds * 1e6, name))
      }
      return
    }
    let step: () throws -> Void = {
      if inference { try subject.infer() } else { try subject.train(frozen ? .frozen : .training) }
    }
    // The first steps compile and allocate.
    _ = try measure(warmup, atLeast: steps > 1 ? 3 : 0, step)
    let times = try measure(seconds, atLeast: max(1, steps), step)
    print(report(times, threads: subject.network.threads))
  }

  private func measure(
    _ seconds: Double, atLeast count: Int, _ step: () throws -> Void
  ) throws -> [StepTime] {
    let start = StepTime.now
    var times: [StepTime] = []
    while times.count < count || StepTime.now.wall - start.wall < seconds {
      let before = StepTime.now
      try step()
      let after = StepTime.now
      times.append(
        StepTime(wall: after.wall - before.wall, processor: after.processor - before.processor))
    }
    return times
  }

  private func report(_ times: [StepTime], threads: Int) -> String {
    let median = times.map(\.wall).sorted()[times.count / 2]
    let processor = times.map(\.processor).sorted()[times.count / 2]
    let name = URL(fileURLWithPath: network).deletingPathExtension().lastPathComponent
    let fields: [String: JSONValue] = [
      "network": .string(name), "batch": .integer(Int64(batch)),
      "threads": .integer(Int64(threads)), "mode": .string("modelctl"),
      "precision": .string(precision.rawValue),
      "step": .string(inference ? "inference" : "training"),
      "ms_per_step_median": .number((median * 1e8).rounded() / 1e5),
      "processor_ms_per_step_median": .number((processor * 1e8).rounded() / 1e5),
      "samples_per_second": .number((Double(batch) / median * 10).rounded() / 10),
    ]
    return JSONValue.object(fields).text
  }
}

extension Precision: @retroactive ExpressibleByArgument {}

/// A moment, or how long a step took, in seconds.
private struct StepTime {
  var wall: Double
  /// Of all threads together: what is left to compare when other processes want the same cores.
  var processor: Double

  static var now: StepTime {
    func read(_ clock: clockid_t) -> Double {
      var time = timespec()
      clock_gettime(clock, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
    return StepTime(wall: read(CLOCK_MONOTONIC), processor: read(CLOCK_PROCESS_CPUTIME_ID))
  }
}

/// A network with random weights and a few random batches.
private final class Subject {
  let network: Network
  private let optimizer: Optimizer
  private let batches: [Batch]
  private let logits: UnsafeMutableBufferPointer<Float>
  private var turn = 0

  init(
    _ architecture: Architecture, batch size: Int, threads: Int, precision: Precision, adam: Bool
  ) throws {
    let weights = Parameters(
      initializing: try architecture.parameterSpecifications(), seed: 1)
    let network = try Network(
      architecture, parameters: weights, threads: threads, precision: precision)
    optimizer = try network.makeOptimizer(adam ? .adam : .sgd(momentum: 0.9))
    var random = SeededGenerator(seed: 1, stream: "benchmark")
    batches = (0..<4).map { _ in
      let batch = Batch(
        capacity: size, sampleElementCount: network.sampleShape.elementCount,
        classCount: network.classCount)
      for index in batch.inputs.indices { batch.inputs[index] = Float(random.nextNormal()) }
      for sample in 0..<size {
        batch.targets[sample * network.classCount + random.next(below: network.classCount)] = 1
        batch.weights[sample] = 1 / Float(size)
      }
      batch.setCount(size)
      return batch
    }
    logits = .allocate(capacity: size * network.classCount)
    self.network = network
  }

  deinit { logits.deallocate() }

  func train(_ mode: Network.Mode) throws {
    try network.backpropagate(next(), mode: mode)
    try optimizer.step(learningRate: 0.01)
  }

  func infer() throws {
    let batch = next()
    try network.logits(UnsafeBufferPointer(batch.inputs), count: batch.count, into: logits)
  }

  /// Every part of a step with its median seconds, in the order in which they run.
  func profile(seconds: Double, inference: Bool) throws -> [(String, Double)] {
    try network.profile(next(), inference: inference, seconds: seconds)
  }

  private func next() -> Batch {
    turn = (turn + 1) % batches.count
    return batches[turn]
  }
}
