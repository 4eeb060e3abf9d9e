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
    let operations = ConvolutionOperations(
      processor: processor, problem: problem, samples: samples)
    let layouts = try operations.layouts()
    let input = node.inputs[0]
    let bias = problem.usesBias ? store.slot(node.parameterLayer, "bias") : nil

    let operation = try Self.choose(stored, operations.forward)
    let output = try convolutionOutput(node)
    let used = try weightsInUse(node, problem, kernel, bias, stored, for: operation)
    var arguments: [(Argument, Memory)] = [
      (.source, try memory(of: input, layouts.source)),
      (.weights, used.memory),
      (.destination, try memory(at: output.pointer, layouts.destination)),
    ]
    if let values = used.range.bias, let layout = layouts.bias {
      arguments.append((.bias, try memory(at: values, layout)))
    }
    try boundSums(node, used.range, hidesNaN: node.appliesReLU)
    add(node, "forward", try operation.compile(arguments))

    let held = isCallersInput(input) ? nil : try activation(of: input)
    if let held, trains { pool.hold(held) }
    let mask = holdForMask(node, output)
    whenBackward { [self] in
      let incoming = gradient(of: node, maskedBy: mask)
      if let mask { pool.release(mask) }
      try buildBackwardWeights(node, problem, kernel, bias, stored, incoming)
      if let held { pool.release(held) }
      if needsGradient(input) { try buildBackwardData(node, operations, kernel, stored, incoming) }
      pool.release(incoming)
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

  // MARK: Weight gradients

  /// The samples of a batch that each thread sums the weights' gradient over.
  ///
  /// oneDNN can share this work too, but its threads then wait for each other by spinning, inside
  /// the primitive: on a busy machine that takes whole time slices. A few samples are left to it:
  /// adding up the shares would take longer than making them.
  private func shares(_ problem: ConvolutionProblem) -> [Range<Int>] {
    let team = min(Processor.threads, samples)
    guard team > 1, samples * problem.destination.pixels >= 1024 else { return [0..<samples] }
    return (0..<team).map { samples * $0 / team..<samples * ($0 + 1) / team }
  }

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
    let shares = shares(problem)
    try writeGradient(of: kernel, node) { dw in
      try writeGradient(of: bias, node) { db in
        guard let dw else { return }
        let target = Target(kernel: dw, bias: db, layout: stored)
        guard shares.count > 1 else {
          return try buildWeightGradients(node, problem, target, incoming, shares)
        }
        try Processor.withOneThread {
          try buildWeightGradients(node, problem, target, incoming, shares)
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
    if shares.count == 1 { return add(node, "backward weights", primitives[0]) }
    for primitive in primitives {
      guard let scratchpad = primitive.scratchpad else { continue }
      try scratchpad.move(to: room(scratchpad.layout.floatCount))
    }
    let together = try ConcurrentPrimitives(primitives)
    add(node, "backward weights", implementation: together.implementation) {
      try together.execute()
    }
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
    _ node: Node, _ operations: ConvolutionOperations, _ kernel: ParameterSlot, _ stored: Layout,
    _ incoming: Buffer
  ) throws {
    let input = node.inputs[0]
    let layouts = try operations.layouts()
    let operation = try Self.choose(stored, operations.backwardData)
    let outgoing = take(input.form)
    let weights = try weights(node, store.pointer(kernel), stored, for: operation)
    add(
      node, "backward data",
      try operation.compile([
        (.destinationGradient, try memory(at: incoming.pointer, layouts.destination)),
        (.weights, weights), (.sourceGradient, try memory(at: outgoing.pointer, layouts.source)),
      ]))
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
