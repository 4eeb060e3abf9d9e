internal import CKernels
internal import ModelCore
internal import OneDNN

extension PlanBuilder {
  func buildConvolution(_ node: Node, _ problem: ConvolutionProblem) throws {
    if node.form.isInterleaved { return try buildInterleavedConvolution(node, problem) }
    guard let kernel = store.slot(node.parameterLayer, node.kernelRole), let stored = kernel.layout
    else { preconditionFailure("\(node.layer) has no kernel") }
    let input = node.inputs[0]
    let bias = problem.usesBias ? store.slot(node.parameterLayer, "bias") : nil
    try buildForward(node, problem, kernel, bias, stored)

    let source = try holdInput(of: node, as: factors(of: .weightGradient, problem))
    let mask = holdForMask(node, try activation(of: node))
    whenBackward { [self] in
      let change = change(of: node, gradient(of: node, maskedBy: mask))
      if let mask { pool.release(mask) }
      try buildBackwardWeights(node, problem, kernel, bias, stored, source, change)
      release(source)
      if needsGradient(input) { try buildBackwardData(node, problem, kernel, stored, change) }
      release(change)
    }
  }

  private func buildForward(
    _ node: Node, _ problem: ConvolutionProblem, _ kernel: ParameterSlot, _ bias: ParameterSlot?,
    _ stored: Layout
  ) throws {
    if problem.usesWinograd { return try buildWinogradForward(node, problem, kernel, bias, stored) }
    let factors = factors(of: .forward, problem)
    let portions = try portions(problem, stored, .forward, of: factors) { operation in
      try weightsInUse(
        node, problem, kernel, bias, stored, as: operation.layout(of: .weights) ?? stored)
    }
    let output = try convolutionOutput(node)
    let source = try self.input(of: node, as: factors)
    // Portions differ in the layout of the weights at most.
    try boundSums(node, portions[0].range, hidesNaN: node.appliesReLU)
    try add(node, "forward", problem, portions) { portion in
      let first = portion.samples.lowerBound
      let target = output.pointer + node.form.elementCount(samples: first)
      var arguments: [(Argument, Memory)] = [
        (.source, try memory(of: source, portion.layouts.source, from: first)),
        (.weights, portion.weights),
        (.destination, try memory(at: target, portion.layouts.destination)),
      ]
      if let values = portion.range.bias, let layout = portion.layouts.bias {
        arguments.append((.bias, try memory(at: values, layout)))
      }
      return arguments
    }
  }

  /// The operation in the layout of the stored weights; in another one if it is only
  /// implemented, or only implemented well, there.
  static func choose(
    _ layout: Layout, _ make: (Layout?) throws(OneDNNError) -> Operation
  ) throws(OneDNNError) -> Operation {
    var fallback: Operation?
    do {
      let operation = try make(layout)
      if !operation.isReference { return operation }
      fallback = operation
    } catch .unimplemented {}
    do {
      let operation = try make(nil)
      if !operation.isReference || fallback == nil { return operation }
    } catch .unimplemented where fallback != nil {}
    guard let fallback else { throw .unimplemented(operation: "a layer with a kernel") }
    return fallback
  }

  // MARK: Sharing

  /// The samples of a batch that each thread computes, with a primitive of its own.
  ///
  /// oneDNN can share the work too, but its threads then wait for each other by spinning, inside the
  /// primitive: on a busy machine that takes whole time slices.
  ///
  /// - Parameter minimum: fewer pixels of all samples together are not cut up.
  func shares(_ problem: ConvolutionProblem, from minimum: Int = 1) -> Shares {
    let (team, all) = (Processor.threads, 0..<samples)
    guard team > 1, Double(samples) * problem.multiplications >= Self.leastShared else {
      return Shares(ranges: [all], areLibrarys: false)
    }
    guard samples >= team, samples * problem.destination.pixels >= minimum else {
      return Shares(
        ranges: [all],
        areLibrarys: Double(samples) * problem.multiplications >= Self.leastLibraryShared)
    }
    let ranges = (0..<team).map { samples * $0 / team..<samples * ($0 + 1) / team }
    return Shares(ranges: ranges, areLibrarys: false)
  }

  /// Fewer multiplications take no longer than handing them out.
  private static let leastShared = 5e5

  /// oneDNN's own threads have to be woken, and get into the way of ours.
  private static let leastLibraryShared = 1e8

  struct Shares {
    let ranges: [Range<Int>]
    /// Whether the only one is left to oneDNN to share.
    let areLibrarys: Bool

    func make<Result>(_ body: () throws -> Result) rethrows -> Result {
      areLibrarys ? try Processor.withSharedPrimitives(body) : try body()
    }
  }

  /// Some samples, what computes them, and the weights as it wants them.
  private struct Portion {
    let samples: Range<Int>
    let layouts: WeightedLayouts
    let operation: Operation
    let weights: Memory
    let range: WeightRange
  }

  private func portions(
    _ problem: ConvolutionProblem, _ stored: Layout, _ step: ConvolutionStep,
    of factors: Layout.Scalar,
    weights: (Operation) throws -> (memory: Memory, range: WeightRange)
  ) throws -> [Portion] {
    var portions: [Portion] = []
    let shares = shares(problem)
    for range in shares.ranges {
      // Of one size they are alike, and read the same weights.
      if let like = portions.first(where: { $0.samples.count == range.count }) {
        portions.append(
          Portion(
            samples: range, layouts: like.layouts, operation: like.operation,
            weights: like.weights, range: like.range))
        continue
      }
      let operations = ConvolutionOperations(
        processor: processor, problem: problem, samples: range.count)
      let operation = try shares.make {
        try Self.choose(stored) { weights throws(OneDNNError) in
          try operations.operation(step, of: factors, weights: weights)
        }
      }
      let used = try weights(operation)
      portions.append(
        Portion(
          samples: range,
          layouts: try problem.layouts(
            samples: range.count, weights: nil, for: step, of: factors),
          operation: operation,
          weights: used.memory, range: used.range))
    }
    return portions
  }

  private func add(
    _ node: Node, _ name: String, _ problem: ConvolutionProblem, _ portions: [Portion],
    _ arguments: (Portion) throws -> [(Argument, Memory)]
  ) throws {
    let primitives = try portions.map { portion in
      try shares(problem).make { try portion.operation.compile(try arguments(portion)) }
    }
    var rooms: [Buffer] = []
    try add(node, name, primitives) { count in
      rooms.append(pool.take(count))
      return rooms[rooms.count - 1].pointer
    }
    for room in rooms { pool.release(room) }
  }

  /// Adds primitives that run at the same time.
  func add(
    _ node: Node, _ name: String, _ primitives: [Primitive],
    _ room: (Int) -> UnsafeMutablePointer<Float>
  ) throws {
    if primitives.count == 1 { return add(node, name, primitives[0]) }
    for primitive in primitives {
      guard let scratchpad = primitive.scratchpad else { continue }
      try scratchpad.move(to: room(scratchpad.layout.floatCount))
    }
    let together = try ConcurrentPrimitives(primitives)
    add(node, name, implementation: together.implementation) { try together.execute() }
  }

  private func buildBackwardData(
    _ node: Node, _ problem: ConvolutionProblem, _ kernel: ParameterSlot, _ stored: Layout,
    _ change: Factor
  ) throws {
    if problem.usesWinograd { return buildWinogradData(node, problem, kernel, change) }
    let input = node.inputs[0]
    let factors = factors(of: .sourceGradient, problem)
    let incoming = operand(change, as: factors)
    let outgoing = take(input.form)
    let portions = try portions(problem, stored, .sourceGradient, of: factors) { operation in
      try plainWeights(
        node, problem, kernel, stored, as: operation.layout(of: .weights) ?? stored)
    }
    try add(node, "backward data", problem, portions) { portion in
      let first = portion.samples.lowerBound
      let target = outgoing.pointer + input.form.elementCount(samples: first)
      return [
        (
          .destinationGradient,
          try memory(of: incoming, portion.layouts.destination, from: first)
        ),
        (.weights, portion.weights),
        (.sourceGradient, try memory(at: target, portion.layouts.source)),
      ]
    }
    contribute(outgoing, to: input)
  }

  /// The stored weights, put into the layout that is wanted if that is another.
  func weights(
    _ node: Node, _ pointer: UnsafeMutablePointer<Float>, _ stored: Layout, as wanted: Layout
  ) throws -> Memory {
    let memory = try memory(at: pointer, stored)
    guard wanted != stored else { return memory }
    // Held by nobody else for as long as the plan lives: it is read right after it is written.
    let room = pool.take(wanted.floatCount)
    let reordered = try self.memory(at: room.pointer, wanted)
    add(node, "reorder weights", try processor.reorder(from: memory, to: reordered))
    return reordered
  }
}

extension Layout {
  /// The 32-bit floats that take as much memory.
  var floatCount: Int {
    (byteCount + MemoryLayout<Float>.stride - 1) / MemoryLayout<Float>.stride
  }
}
