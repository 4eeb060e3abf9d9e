internal import CKernels
internal import ModelCore
internal import OneDNN

/// Compiles a graph for one batch size.
///
/// Forward steps are built in the graph's order, backward steps in the reverse order: the order
/// in which they run, which is what lets the pool give memory to one after the other.
final class PlanBuilder {
  let graph: Graph
  let store: ParameterStore
  let samples: Int
  let purpose: Plan.Purpose
  let precision: Precision
  private let profiler: Profiler?
  let state: PlanState
  let pool = BufferPool()
  private let consumers: [Node: [Node]]
  private var activations: [Node: Activations] = [:]
  /// Copies of activations in 16 bits, as long as forward steps read the activation.
  var roundedActivations: [Node: Buffer] = [:]
  private(set) var forwardSteps: [Step] = []
  private(set) var backwardSteps: [Step] = []
  private var preparation: [Step] = []
  /// Bounds on what inference computes.
  var magnitudes: [Node: Magnitude] = [:]
  private var outputs: [LayerOutput] = []
  private var isBackward = false
  /// What a node's backward step has to know from its forward step.
  private var pending: [() throws -> Void] = []
  private var contributions: [Node: [Buffer]] = [:]
  /// `[N, E]`: what flows back into the samples, where that is asked for.
  private var inputGradient = UnsafeMutableBufferPointer<Float>(start: nil, count: 0)
  private(set) var inputMemories: [InputMemory] = []
  private var scratchpads: [Memory] = []
  private var keptAlive: [AnyObject] = []
  private var writtenGradients: Set<Int> = []

  /// - Parameter profiler: measures every step of a plan for training.
  init(
    graph: Graph, store: ParameterStore, samples: Int, purpose: Plan.Purpose,
    precision: Precision, profiler: Profiler? = nil
  ) {
    self.graph = graph
    self.store = store
    self.samples = samples
    self.purpose = purpose
    self.precision = precision
    self.profiler = purpose == .inference ? nil : profiler
    consumers = graph.consumers()
    let placeholder = FloatArena(count: 16)
    keptAlive.append(placeholder)
    state = PlanState(input: UnsafePointer(placeholder.pointer()))
  }

  var trains: Bool { purpose != .inference }
  var usesBatchStatistics: Bool { purpose == .training(.training) }
  var processor: Processor { store.processor }
  /// Whether a step may hide a NaN; in training, the gradients tell.
  private(set) lazy var watchesMagnitudes =
    !trains
    && graph.nodes.contains { node in
      if case .convolution = node.work { return node.appliesReLU && !node.form.isInterleaved }
      return false
    }

  /// - Throws: `OneDNNError`.
  func build() throws -> Plan {
    countReaders()
    for node in graph.nodes {
      try buildForward(node)
      noteOutput(of: node)
      try boundOutput(of: node)
      for input in node.inputs { releaseReader(of: input) }
    }
    let output = try activation(of: graph.output)
    let classes = graph.output.form.elementCount
    let logits = UnsafeMutableBufferPointer(start: output.pointer, count: samples * classes)
    var gradient = UnsafeMutableBufferPointer<Float>(start: nil, count: 0)
    if trains {
      let buffer = take(graph.output.form)
      // The caller's loss writes it after the forward steps, so nobody else may.
      pool.hold(buffer)
      contributions[graph.output] = [buffer]
      gradient = UnsafeMutableBufferPointer(start: buffer.pointer, count: samples * classes)
      isBackward = true
      for step in pending.reversed() { try step() }
    }
    // They refer to the builder.
    pending = []
    try placeScratchpads()
    return Plan(
      samples: samples, state: state, forward: forwardSteps, backward: backwardSteps,
      outputs: outputs, preparation: preparation, store: store, logits: logits,
      logitGradient: gradient, inputGradient: inputGradient,
      inputMemories: inputMemories,
      keepingAlive: keptAlive + pool.all)
  }

  private func noteOutput(of node: Node) {
    guard let pointer = activations[node]?.buffer?.pointer else { return }
    outputs.append(
      LayerOutput(
        layer: node.layer, steps: forwardSteps.count,
        values: UnsafeBufferPointer(start: pointer, count: elementCount(node.form))))
  }

  // MARK: Steps

  func add(
    _ node: Node, _ operation: String, implementation: String = "kernel",
    _ run: @escaping () throws -> Void
  ) {
    append(node, operation, implementation, run)
  }

  func add(_ node: Node, _ operation: String, _ primitive: Primitive) {
    if let scratchpad = primitive.scratchpad { scratchpads.append(scratchpad) }
    append(node, operation, primitive.implementation) { try primitive.execute() }
  }

  private func append(
    _ node: Node, _ operation: String, _ implementation: String,
    _ run: @escaping () throws -> Void
  ) {
    var run = run
    if let profiler {
      run = profiler.timing(
        node, isBackward ? .backward : .forward,
        operations: node.arithmetic(operation, samples: samples), run)
    }
    let step = Step(
      name: "\(node.layer): \(operation)", implementation: implementation, run: run)
    if isBackward { backwardSteps.append(step) } else { forwardSteps.append(step) }
  }

  /// Adds what is to be done only when the weights have changed.
  func prepare(_ node: Node, _ run: @escaping () throws -> Void) {
    preparation.append(
      Step(name: "\(node.layer): preparation", implementation: "kernel", run: run))
  }

  func prepare(_ node: Node, _ primitive: Primitive) throws {
    if let scratchpad = primitive.scratchpad { scratchpads.append(scratchpad) }
    prepare(node) { try primitive.execute() }
  }

  /// Says how a node's gradient passes to its inputs; called when its turn comes.
  func whenBackward(_ body: @escaping () throws -> Void) {
    if trains { pending.append(body) }
  }

  /// Makes room for the gradient of the samples, which the caller reads after the last step.
  func takeInputGradient(_ form: Form) -> UnsafeMutablePointer<Float> {
    let buffer = take(form)
    pool.hold(buffer)
    inputGradient = UnsafeMutableBufferPointer(
      start: buffer.pointer, count: elementCount(form))
    return buffer.pointer
  }

  func keepAlive(_ object: AnyObject) { keptAlive.append(object) }
  func addInputMemory(_ memory: InputMemory) { inputMemories.append(memory) }

  // MARK: Activations

  /// A node's output.
  struct Activations {
    /// Nil for the caller's own samples.
    var buffer: Buffer?
    /// Forward steps that still have to read it.
    var readers: Int
  }

  func take(_ form: Form) -> Buffer { pool.take(elementCount(form)) }

  func elementCount(_ form: Form) -> Int { form.elementCount(samples: samples) }

  private func countReaders() {
    for node in graph.nodes {
      let isOutput = node === graph.output
      // The output's reader is the caller, who never stops.
      activations[node] = Activations(
        buffer: nil, readers: (consumers[node]?.count ?? 0) + (isOutput ? 1 : 0))
    }
  }

  private func releaseReader(of node: Node) {
    guard var activation = activations[node] else { return }
    activation.readers -= 1
    if activation.readers == 0 {
      for buffer in [activation.buffer, roundedActivations.removeValue(forKey: node)] {
        if let buffer { pool.release(buffer) }
      }
    }
    activations[node] = activation
  }

  /// Records a node's output; the builder's own hold passes to its readers.
  func set(_ buffer: Buffer, for node: Node) { activations[node]?.buffer = buffer }

  func activation(of node: Node) throws -> Buffer {
    guard let buffer = activations[node]?.buffer else {
      preconditionFailure("\(node.layer) is read before it is computed")
    }
    return buffer
  }

  func hasActivation(_ node: Node) -> Bool { activations[node]?.buffer != nil }

  /// Whether the step that is being built may write its output over this input.
  func mayOverwrite(_ node: Node) -> Bool {
    guard let activation = activations[node], let buffer = activation.buffer else { return false }
    return activation.readers == 1 && buffer.holders == 1
  }

  /// Lets a node share its input's memory, because it only looks at it in another way.
  func alias(_ node: Node, to input: Node) throws {
    let buffer = try activation(of: input)
    pool.hold(buffer)
    set(buffer, for: node)
  }

  func readerCount(of node: Node) -> Int { consumers[node]?.count ?? 0 }
  func onlyReader(of node: Node) -> Node? {
    node !== graph.output && readerCount(of: node) == 1 ? consumers[node]?.first : nil
  }

  // MARK: Gradients

  /// Whether any weight lies at or before this node.
  func needsGradient(_ node: Node) -> Bool { trainableBefore.contains(node) }
  private lazy var trainableBefore: Set<Node> = {
    var result: Set<Node> = []
    for node in graph.nodes
    where node.hasTrainableWeights || (node.isInput && purpose == .inputGradient)
      || node.inputs.contains(where: result.contains)
    {
      result.insert(node)
    }
    return result
  }()

  /// Adds to what a node's gradient is made of. One hold of the buffer passes to the builder.
  func contribute(_ buffer: Buffer, to node: Node) {
    contributions[node, default: []].append(buffer)
  }

  /// The sum of what was contributed, counted only where `output` is positive if it is given.
  /// The caller has one hold of the result and may write to it if it has no other holder.
  func gradient(of node: Node, maskedBy output: Buffer? = nil) -> Buffer {
    let parts = contributions.removeValue(forKey: node) ?? []
    precondition(!parts.isEmpty, "nothing flows back into \(node.layer)")
    if parts.count == 1, output == nil { return parts[0] }
    let sum = parts.first { $0.holders == 1 } ?? take(node.form)
    let terms = FloatPointers(parts.map(\.pointer))
    keepAlive(terms)
    let (target, mask, count) = (sum.pointer, output?.pointer, elementCount(node.form))
    add(node, mask == nil ? "gradient sum" : "gradient mask") {
      ck_sum_masked(target, terms.base, terms.count, mask, count)
    }
    for part in parts where part !== sum { pool.release(part) }
    return sum
  }

  // MARK: Gradients of weights

  /// Lets steps write a weight's gradient: in its place, or where another call of the layer has
  /// written before, beside it and then added.
  func writeGradient(
    of slot: ParameterSlot?, _ node: Node,
    _ body: (UnsafeMutablePointer<Float>?) throws -> Void
  ) rethrows {
    guard let slot else { return try body(nil) }
    let target = store.gradient(slot)
    guard !writtenGradients.insert(slot.offset).inserted else { return try body(target) }
    let room = pool.take(slot.count)
    let (share, count) = (room.pointer, slot.count)
    add(node, "clear weight gradient") { ck_fill(share, 0, count) }
    try body(share)
    add(node, "sum weight gradient") { ck_blend(target, 1, share, 1, count) }
    pool.release(room)
  }

  // MARK: Scratchpads

  /// Primitives run one after the other, so the largest scratchpad is enough for all. What is
  /// free now has been in use while some of them run, so it has memory of its own.
  private func placeScratchpads() throws {
    let bytes = scratchpads.map(\.layout.byteCount).max() ?? 0
    guard bytes > 0 else { return }
    let room = pool.takeUnused(bytes / MemoryLayout<Float>.stride + 16)
    for scratchpad in scratchpads { try scratchpad.move(to: room.pointer) }
  }
}

/// A C array of pointers that stays where it is.
final class FloatPointers {
  private let pointers: UnsafeMutableBufferPointer<UnsafePointer<Float>?>

  init(_ pointers: [UnsafeMutablePointer<Float>]) {
    self.pointers = .allocate(capacity: pointers.count)
    for (index, pointer) in pointers.enumerated() {
      self.pointers.initializeElement(at: index, to: UnsafePointer(pointer))
    }
  }

  deinit { pointers.deallocate() }

  var base: UnsafePointer<UnsafePointer<Float>?>? { UnsafePointer(pointers.baseAddress) }
  var count: Int { pointers.count }
}

extension Node {
  var isInput: Bool {
    if case .input = work { return true }
    return false
  }

  var hasTrainableWeights: Bool {
    switch work {
    case .dense, .convolution, .transposedConvolution, .embedding, .parametricReLU: true
    case .normalization(let normalization): normalization.usesScale || normalization.usesCenter
    case .groupNormalization(let normalization, _):
      normalization.usesScale || normalization.usesCenter
    default: false
    }
  }
}
