internal import CKernels
public import ModelCore
internal import OneDNN

/// A network that computes: forward, backward, and the weights in between.
///
/// One owner uses it at a time; it is not `Sendable`. With `N` samples, `E` elements of one
/// sample and `C` classes throughout.
public final class Network {
  public let architecture: Architecture
  public let sampleShape: Shape
  public let classCount: Int
  /// How the scores are to be read, and which loss they are trained with.
  public let head: Head
  /// The threads that share the work. The same number gives the same bits.
  public let threads: Int

  /// What the factors of its products are rounded to. It is part of what gives the same bits.
  public let precision: Precision

  /// What a step does to what training only tracks.
  public enum Mode: Hashable, Sendable {
    /// Batch statistics are used and the running ones move; dropout is on.
    case training
    /// Running statistics are used and stay; dropout is off. All weights still get gradients.
    case frozen
  }

  /// What measures the steps, if anything does.
  public let profiler: Profiler?

  let store: ParameterStore
  private let graph: Graph
  private lazy var inferenceGraph = graph.forInference()
  private var plans = PlanCache()
  private var dropout = SeededGenerator(seed: 0, stream: "dropout")
  private var lastPlan: Plan?
  private var lossRoom: [Double] = []

  /// - Parameters:
  ///   - parameters: every weight of the architecture, in Keras's layout.
  ///   - threads: 0 stands for all cores.
  ///   - precision: what the factors of products may be rounded to.
  ///   - profiler: measures where the time goes; the results are the same.
  /// - Throws: `ArchitectureError` when the network makes no sense, `EngineError` when a weight
  ///   is missing, unknown or of another shape, a layer cannot be run, or the processor has no such
  ///   precision, `OneDNNError`.
  public init(
    _ architecture: Architecture, parameters: Parameters, threads: Int = 0,
    precision: Precision = .float32, profiler: Profiler? = nil
  ) throws {
    guard threads >= 0, threads <= 1024 else {
      throw EngineError.invalidSetting(
        name: "the number of threads", value: "\(threads)", expected: "0 to 1024")
    }
    guard precision == .float32 || Processor.hasBFloat16 else {
      throw EngineError.noBFloat16(instructionSet: Processor.instructionSet)
    }
    self.precision = precision
    self.architecture = architecture
    self.profiler = profiler
    self.threads = threads == 0 ? Processor.coreCount : threads
    sampleShape = try architecture.inputShape()
    classCount = try architecture.classCount()
    head = try architecture.head()
    Processor.setThreads(self.threads)
    let processor = try Processor()
    var graph = try Graph(architecture)
    try graph.separatePaddings(on: processor)
    self.graph = graph
    store = try ParameterStore(architecture, graph: graph, processor: processor)
    try store.load(parameters)
  }

  /// A network that computes as another one does: its threads, precision and profiler.
  ///
  /// - Throws: what the other initializer throws.
  public convenience init(
    _ architecture: Architecture, parameters: Parameters, like other: Network
  ) throws {
    try self.init(
      architecture, parameters: parameters, threads: other.threads, precision: other.precision,
      profiler: other.profiler)
  }

  // MARK: Weights

  /// A copy of the weights in Keras's layout, in the order of
  /// `architecture.parameterSpecifications()`.
  public var parameters: Parameters {
    get throws {
      Processor.setThreads(threads)
      return try store.export(store.weights, statistics: store.statistics)
    }
  }

  /// Replaces all weights. Optimizers keep what they have gathered.
  ///
  /// - Throws: `EngineError` when a weight is missing, unknown or of another shape; nothing has
  ///   changed then.
  public func setParameters(_ parameters: Parameters) throws {
    Processor.setThreads(threads)
    try store.load(parameters)
  }

  // MARK: Inference

  /// The most samples that are computed at once, to bound memory.
  private static let largestChunk = 256

  /// Class scores before a final softmax or sigmoid, in inference mode: dropout off, running statistics.
  ///
  /// - Parameters:
  ///   - inputs: `[count, E]`.
  ///   - logits: receives `[count, C]`.
  /// - Throws: `EngineError.elementCount`, `EngineError.nonFiniteScore`, `OneDNNError`.
  public func logits(
    _ inputs: UnsafeBufferPointer<Float>, count: Int,
    into logits: UnsafeMutableBufferPointer<Float>
  ) throws {
    try check("inputs", inputs.count, atLeast: count, sampleShape.elementCount)
    try check("logits", logits.count, atLeast: count, classCount)
    guard count > 0, let input = inputs.baseAddress, let output = logits.baseAddress else {
      return
    }
    Processor.setThreads(threads)
    var first = 0
    while first < count {
      let samples = min(Self.largestChunk, count - first)
      let plan = try plan(samples, .inference)
      try profiled(.evaluation) {
        try plan.runForward(input + first * sampleShape.elementCount, dropoutKey: 0)
      }
      guard let result = plan.logits.baseAddress else { return }
      if let index = UnsafeBufferPointer(plan.logits).firstNonFinite {
        throw EngineError.nonFiniteScore(
          result[index], sample: first + index / classCount,
          layer: try plan.firstNonFiniteLayer())
      }
      (output + first * classCount).update(from: result, count: samples * classCount)
      first += samples
    }
  }

  // MARK: Training

  /// Runs forward and backward and replaces the gradients.
  ///
  /// - Returns: `L = sum_i weights[i] * CE(targets[i], softmax(z_i))`, with `z` the logits and
  ///   `CE(t, p) = -sum_c t_c log p_c`; for a head of several labels
  ///   `L = sum_i weights[i] * mean_c BCE(targets[i, c], sigmoid(z_ic))`.
  /// - Throws: `EngineError.nonFiniteLoss`, `EngineError.emptyBatch`, `EngineError.elementCount`,
  ///   `OneDNNError`. Gradients are undefined after an error.
  @discardableResult
  public func backpropagate(_ batch: Batch, mode: Mode) throws -> Float {
    if lossRoom.count < batch.count {
      lossRoom = [Double](repeating: 0, count: batch.capacity)
    }
    return try backpropagate(batch, mode: mode) { logits, gradient in
      lossRoom.withUnsafeMutableBufferPointer { room in
        let loss = head == .multiLabel ? ck_binary_cross_entropy : ck_cross_entropy
        return Float(
          loss(
            gradient.baseAddress, logits.baseAddress, batch.targets.baseAddress,
            batch.weights.baseAddress, batch.count, classCount, room.baseAddress))
      }
    }
  }

  /// Runs forward and backward with the caller's own loss.
  ///
  /// - Parameter loss: given the logits `[N, C]`, fills their gradient `[N, C]` and returns the
  ///   loss.
  /// - Throws: what `loss` throws, and as above.
  @discardableResult
  public func backpropagate(
    _ batch: Batch, mode: Mode,
    loss: (
      _ logits: UnsafeBufferPointer<Float>, _ gradient: UnsafeMutableBufferPointer<Float>
    ) throws -> Float
  ) throws -> Float {
    var value: Float = 0
    _ = try run(batch, .training(mode)) { logits, gradient in
      value = try loss(logits, gradient)
      return value
    }
    return value
  }

  /// Runs forward, the caller's loss and backward.
  ///
  /// - Throws: what `loss` throws, `EngineError`, `OneDNNError`.
  func run(
    _ batch: Batch, _ purpose: Plan.Purpose,
    loss: (
      _ logits: UnsafeBufferPointer<Float>, _ gradient: UnsafeMutableBufferPointer<Float>
    ) throws -> Float
  ) throws -> Plan {
    guard batch.count > 0, let input = batch.inputs.baseAddress else {
      throw EngineError.emptyBatch
    }
    try check("a sample of the batch", batch.sampleElementCount, is: sampleShape.elementCount)
    try check("a target of the batch", batch.classCount, is: classCount)
    Processor.setThreads(threads)
    let plan = try self.plan(batch.count, purpose)
    lastPlan = plan
    profiler?.countStep()
    // Running statistics move.
    if purpose == .training(.training) { store.markChanged() }
    try plan.runForward(input, dropoutKey: purpose == .training(.training) ? dropout.next() : 0)
    let value = try profiled(.loss) {
      try loss(UnsafeBufferPointer(plan.logits), plan.logitGradient)
    }
    guard value.isFinite else {
      throw EngineError.nonFiniteLoss(value, layer: try plan.firstNonFiniteLayer())
    }
    try plan.runBackward()
    return plan
  }

  /// The logits `[N, C]` of the last `backpropagate`'s batch; empty before the first. They are
  /// overwritten by the next.
  public var lastLogits: UnsafeBufferPointer<Float> {
    lastPlan.map { UnsafeBufferPointer($0.logits) } ?? UnsafeBufferPointer(start: nil, count: 0)
  }

  /// A copy of the gradients of the last `backpropagate`, trainable weights only, in Keras's
  /// layout.
  ///
  /// - Throws: `EngineError.noStepYet` before the first.
  public var gradients: Parameters {
    get throws {
      try requireStep()
      Processor.setThreads(threads)
      return try store.export(store.gradients, statistics: nil)
    }
  }

  /// The Euclidean norm of all gradients together, without those of layers that are not trained.
  public var gradientNorm: Float {
    guard store.movingCount > 0 else { return 0 }
    Processor.setThreads(threads)
    return Float(ck_sum_of_squares(store.gradients.pointer(), store.movingCount).squareRoot())
  }

  /// Scales the gradients down so that their norm is at most `norm`.
  ///
  /// - Returns: the norm before.
  @discardableResult
  public func clipGradients(to norm: Float) -> Float {
    let before = gradientNorm
    if before > norm, before.isFinite {
      ck_scale(store.gradients.pointer(), norm / before, store.movingCount)
    }
    return before
  }

  /// An optimizer for this network's weights, which it keeps alive.
  ///
  /// - Throws: `EngineError.invalidSetting`.
  public func makeOptimizer(
    _ kind: TrainingRecipe.Optimizer, weightDecay: Float = 0,
    clipping: TrainingRecipe.Clipping = .none
  ) throws -> Optimizer {
    try Optimizer(network: self, kind: kind, weightDecay: weightDecay, clipping: clipping)
  }

  /// A running average that starts as a copy of the weights.
  public func makeAverage() throws -> WeightAverage { WeightAverage(network: self) }

  /// Starts the sequence of dropout masks anew.
  public func reseedDropout(_ seed: UInt64) {
    dropout = SeededGenerator(seed: seed, stream: "dropout")
  }

  // MARK: Plans

  /// The implementation behind each step of the plans made so far, as
  /// `"layer: operation: implementation"`; our own loops are called `kernel`.
  public var implementations: [String] { plans.all.flatMap(\.implementations) }

  /// Whether `precision` makes a difference: whether any product of the network, for a batch of
  /// usual size, is one of rounded factors.
  public var roundsFactors: Bool {
    precision == .bfloat16
      && graph.nodes.contains { node in
        guard case .convolution(let convolution, let border) = node.work, !node.form.isInterleaved
        else { return false }
        return ConvolutionProblem(convolution, border: border, node: node).gainsByRounding
      }
  }

  /// How many times the network has been compiled for a batch size and a purpose.
  var plansMade: Int { plans.made }

  func plan(_ samples: Int, _ purpose: Plan.Purpose) throws -> Plan {
    let key = PlanCache.Key(samples: samples, purpose: purpose)
    return try plans.plan(key) {
      try profiled(.planning) {
        try PlanBuilder(
          graph: purpose == .inference ? inferenceGraph : graph, store: store, samples: samples,
          purpose: purpose, precision: precision, profiler: profiler
        ).build()
      }
    }
  }

  func requireStep() throws {
    guard lastPlan != nil else { throw EngineError.noStepYet }
  }

  private func check(_ what: String, _ found: Int, is expected: Int) throws {
    guard found == expected else {
      throw EngineError.elementCount(what: what, expected: expected, found: found)
    }
  }

  private func check(_ what: String, _ found: Int, atLeast count: Int, _ each: Int) throws {
    let (expected, overflow) = count.multipliedReportingOverflow(by: each)
    guard count >= 0, !overflow, found >= expected else {
      throw EngineError.elementCount(what: what, expected: expected, found: found)
    }
  }
}
