internal import CKernels
internal import ModelCore
internal import OneDNN

/// A convolution for a number of samples, and how to make each of its operations with weights in
/// a layout of one's choice.
private struct ConvolutionOperations {
  let processor: Processor
  let problem: ConvolutionProblem
  let samples: Int

  func layouts(weights: Layout? = nil) throws(OneDNNError) -> WeightedLayouts {
    try problem.layouts(samples: samples, weights: weights)
  }

  func forward(_ weights: Layout?) throws(OneDNNError) -> Operation {
    let layouts = try layouts(weights: weights)
    return try inBestForm { algorithm throws(OneDNNError) in
      try processor.convolutionForward(
        layouts, problem.geometry, algorithm: algorithm, appliesReLU: problem.appliesReLU,
        accumulates: problem.accumulates)
    }
  }

  func backwardData(_ weights: Layout?) throws(OneDNNError) -> Operation {
    let layouts = try layouts(weights: weights)
    return try inBestForm { algorithm throws(OneDNNError) in
      try processor.convolutionBackwardData(layouts, problem.geometry, algorithm: algorithm)
    }
  }

  func backwardWeights(_ weights: Layout?) throws(OneDNNError) -> Operation {
    let layouts = try layouts(weights: weights)
    return try inBestForm { algorithm throws(OneDNNError) in
      try processor.convolutionBackwardWeights(layouts, problem.geometry, algorithm: algorithm)
    }
  }

  /// Not every step of a convolution exists in Winograd's form.
  private func inBestForm(
    _ make: (ConvolutionAlgorithm) throws(OneDNNError) -> Operation
  ) throws(OneDNNError) -> Operation {
    guard problem.algorithm(samples: samples) == .winograd else { return try make(.direct) }
    do { return try make(.winograd) } catch .unimplemented { return try make(.direct) }
  }
}

extension PlanBuilder {
  func buildConvolution(_ node: Node, _ problem: ConvolutionProblem) throws {
    if node.form.isInterleaved { return try buildInterleavedConvolution(node, problem) }
    guard let kernel = store.slot(node.parameterLayer, node.kernelRole), let stored = kernel.layout
    else { preconditionFailure("\(node.layer) has no kernel") }
    let input = node.inputs[0]
    let bias = problem.usesBias ? store.slot(node.parameterLayer, "bias") : nil
    try buildForward(node, problem, kernel, bias, stored)

    let held = isCallersInput(input) ? nil : try activation(of: input)
    if let held, trains { pool.hold(held) }
    let mask = holdForMask(node, try activation(of: node))
    whenBackward { [self] in
      let incoming = gradient(of: node, maskedBy: mask)
      if let mask { pool.release(mask) }
      try buildBackwardWeights(node, problem, kernel, bias, stored, incoming)
      if let held { pool.release(held) }
      if needsGradient(input) { try buildBackwardData(node, problem, kernel, stored, incoming) }
      pool.release(incoming)
    }
  }

  private func buildForward(
    _ node: Node, _ problem: ConvolutionProblem, _ kernel: ParameterSlot, _ bias: ParameterSlot?,
    _ stored: Layout
  ) throws {
    let portions = try portions(problem, stored) { operations, weights throws(OneDNNError) in
      try operations.forward(weights)
    } weights: { operation in
      try weightsInUse(node, problem, kernel, bias, stored, for: operation)
    }
    let output = try convolutionOutput(node)
    // Portions differ in the layout of the weights at most.
    try boundSums(node, portions[0].range, hidesNaN: node.appliesReLU)
    try add(node, "forward", problem, portions) { portion in
      let first = portion.samples.lowerBound
      let target = output.pointer + node.form.elementCount(samples: first)
      var arguments: [(Argument, Memory)] = [
        (.source, try memory(of: node.inputs[0], portion.layouts.source, from: first)),
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
  private func shares(_ problem: ConvolutionProblem, from minimum: Int = 1) -> Shares {
    let (team, all) = (Processor.threads, 0..<samples)
    guard team > 1, Double(samples) * problem.multiplications >= Self.leastShared else {
      return Shares(ranges: [all], areLibrarys: false)
    }
    guard samples >= team, samples * problem.destination.pixels >= minimum,
      !problem.isMostlyWeights(samples: samples)
    else {
      return Shares(ranges: [all], areLibrarys: true)
    }
    let ranges = (0..<team).map { samples * $0 / team..<samples * ($0 + 1) / team }
    return Shares(ranges: ranges, areLibrarys: false)
  }

  /// Fewer multiplications take no longer than handing them out.
  private static let leastShared = 5e5

  private struct Shares {
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
    _ problem: ConvolutionProblem, _ stored: Layout,
    _ make: (ConvolutionOperations, Layout?) throws(OneDNNError) -> Operation,
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
        try Self.choose(stored) { weights throws(OneDNNError) in try make(operations, weights) }
      }
      let used = try weights(operation)
      portions.append(
        Portion(
          samples: range, layouts: try operations.layouts(), operation: operation,
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
  private func add(
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

  // MARK: Weight gradients

  /// One share of the work: an operation, and where its result goes.
  private struct Share {
    let samples: Range<Int>
    let operations: ConvolutionOperations
    let operation: Operation
    var kernel: UnsafeMutablePointer<Float>
    var bias: UnsafeMutablePointer<Float>?
  }

  private func buildBackwardWeights(
    _ node: Node, _ problem: ConvolutionProblem, _ kernel: ParameterSlot, _ bias: ParameterSlot?,
    _ stored: Layout, _ incoming: Buffer
  ) throws {
    if try buildDepthwiseWeights(node, problem, kernel, bias, stored, incoming) { return }
    // Adding up the shares of a few samples would take longer than making them.
    let shares = shares(problem, from: 1024)
    try writeGradient(of: kernel, node) { dw in
      try writeGradient(of: bias, node) { db in
        guard let dw else { return }
        let target = Target(kernel: dw, bias: db, layout: stored)
        try shares.make {
          try buildWeightGradients(node, problem, target, incoming, shares.ranges)
        }
      }
    }
  }

  /// Where a layer's gradients go.
  private struct Target {
    let kernel: UnsafeMutablePointer<Float>
    let bias: UnsafeMutablePointer<Float>?
    let layout: Layout
  }

  private func buildWeightGradients(
    _ node: Node, _ problem: ConvolutionProblem, _ target: Target, _ incoming: Buffer,
    _ ranges: [Range<Int>]
  ) throws {
    let stored = target.layout
    var rooms: [Buffer] = []
    func room(_ count: Int) -> UnsafeMutablePointer<Float> {
      rooms.append(pool.take(count))
      return rooms[rooms.count - 1].pointer
    }
    let shares = try ranges.enumerated().map { index, range in
      let operations = ConvolutionOperations(
        processor: processor, problem: problem, samples: range.count)
      let operation = try Self.choose(stored, operations.backwardWeights)
      // The first share is where the sum ends up, so that one of one needs no sum.
      let isInPlace = index == 0 && operation.gradientLayout(stored) == stored
      return Share(
        samples: range, operations: operations, operation: operation,
        kernel: isInPlace
          ? target.kernel : room(operation.gradientLayout(stored).floatCount),
        bias: target.bias.map { index == 0 ? $0 : room(node.form.paddedChannels) })
    }
    try addWeightGradients(node, shares, stored, incoming, room)
    try addUp(node, shares, target)
    for buffer in rooms { pool.release(buffer) }
  }

  private func addWeightGradients(
    _ node: Node, _ shares: [Share], _ stored: Layout, _ incoming: Buffer,
    _ room: (Int) -> UnsafeMutablePointer<Float>
  ) throws {
    let primitives = try shares.map { share in
      let layouts = try share.operations.layouts()
      let first = share.samples.lowerBound
      let change = incoming.pointer + node.form.elementCount(samples: first)
      var arguments: [(Argument, Memory)] = [
        (.source, try memory(of: node.inputs[0], layouts.source, from: first)),
        (.destinationGradient, try memory(at: change, layouts.destination)),
        (
          .weightsGradient,
          try memory(at: share.kernel, share.operation.gradientLayout(stored))
        ),
      ]
      if let bias = share.bias, let layout = layouts.bias {
        arguments.append((.biasGradient, try memory(at: bias, layout)))
      }
      return try share.operation.compile(arguments)
    }
    try add(node, "backward weights", primitives, room)
  }

  /// Adds all shares into the first, and puts the sum where it belongs.
  private func addUp(
    _ node: Node, _ shares: [Share], _ goal: Target
  ) throws {
    let stored = goal.layout
    let layout = shares[0].operation.gradientLayout(stored)
    guard shares.allSatisfy({ $0.operation.gradientLayout(stored) == layout }) else {
      throw OneDNNError.unimplemented(operation: "weight gradients of one layout")
    }
    if shares.count > 1 {
      addSum(node, shares.map(\.kernel), layout.floatCount)
      let biases = shares.compactMap(\.bias)
      if !biases.isEmpty { addSum(node, biases, node.form.paddedChannels) }
    }
    guard layout != stored else { return }
    let staging = try memory(at: shares[0].kernel, layout)
    let target = try memory(at: goal.kernel, stored)
    add(node, "reorder weight gradient", try processor.reorder(from: staging, to: target))
  }

  private func addSum(_ node: Node, _ parts: [UnsafeMutablePointer<Float>], _ count: Int) {
    let terms = FloatPointers(parts)
    keepAlive(terms)
    let target = parts[0]
    add(node, "sum weight gradients") { ck_sum(target, terms.base, terms.count, 0, count) }
  }

  // MARK: Source gradients

  private func buildBackwardData(
    _ node: Node, _ problem: ConvolutionProblem, _ kernel: ParameterSlot, _ stored: Layout,
    _ incoming: Buffer
  ) throws {
    let input = node.inputs[0]
    let outgoing = take(input.form)
    let portions = try portions(problem, stored) { operations, weights throws(OneDNNError) in
      try operations.backwardData(weights)
    } weights: { operation in
      try plainWeights(node, problem, kernel, stored, for: operation)
    }
    try add(node, "backward data", problem, portions) { portion in
      let first = portion.samples.lowerBound
      let change = incoming.pointer + node.form.elementCount(samples: first)
      let target = outgoing.pointer + input.form.elementCount(samples: first)
      return [
        (.destinationGradient, try memory(at: change, portion.layouts.destination)),
        (.weights, portion.weights),
        (.sourceGradient, try memory(at: target, portion.layouts.source)),
      ]
    }
    contribute(outgoing, to: input)
  }

  /// The stored weights, put into the layout that the operation wants if that is another.
  func weights(
    _ node: Node, _ pointer: UnsafeMutablePointer<Float>, _ stored: Layout,
    for operation: Operation
  ) throws -> Memory {
    let memory = try memory(at: pointer, stored)
    guard let wanted = operation.layout(of: .weights), wanted != stored else { return memory }
    // Held by nobody else for as long as the plan lives: it is read right after it is written.
    let room = pool.take(wanted.floatCount)
    let reordered = try self.memory(at: room.pointer, wanted)
    add(node, "reorder weights", try processor.reorder(from: memory, to: reordered))
    return reordered
  }
}

extension Operation {
  /// The layout in which the operation gives the weights' gradient.
  fileprivate func gradientLayout(_ stored: Layout) -> Layout {
    layout(of: .weightsGradient) ?? stored
  }
}

extension Layout {
  var floatCount: Int { byteCount / MemoryLayout<Float>.stride }
}
