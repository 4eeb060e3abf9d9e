internal import CKernels
internal import ModelCore
internal import OneDNN

extension PlanBuilder {
  /// Forward is the source gradient of a convolution that goes the other way; backward is that
  /// convolution.
  func buildTransposedConvolution(_ node: Node, _ convolution: Convolution2D) throws {
    try Processor.withSharedPrimitives { try buildTransposedForward(node, convolution) }
  }

  private func buildTransposedForward(_ node: Node, _ convolution: Convolution2D) throws {
    guard let kernel = store.slot(node.parameterLayer, node.kernelRole),
      let stored = kernel.layout
    else { preconditionFailure("\(node.layer) has no kernel") }
    let problem = ConvolutionProblem(adjointOf: convolution, node: node)
    let (processor, samples, geometry) = (processor, samples, problem.geometry)
    let bias = convolution.usesBias ? store.slot(node.parameterLayer, "bias") : nil
    let input = node.inputs[0]
    let x = try activation(of: input)
    let output = take(node.form)
    set(output, for: node)
    let layouts = try problem.layouts(samples: samples, weights: nil)
    let source = try memory(at: x.pointer, layouts.destination)
    let forward = try Self.choose(stored) { weights throws(OneDNNError) in
      try processor.convolutionBackwardData(
        try problem.layouts(samples: samples, weights: weights), geometry)
    }
    add(
      node, "forward",
      try forward.compile([
        (.destinationGradient, source),
        (
          .weights,
          try weights(
            node, store.pointer(kernel), stored, as: forward.layout(of: .weights) ?? stored)
        ),
        (.sourceGradient, try memory(at: output.pointer, layouts.source)),
      ]))
    addBias(node, bias, to: output.pointer)
    if trains { pool.hold(x) }
    whenBackward { [self] in
      let incoming = gradient(of: node)
      try Processor.withSharedPrimitives {
        try buildTransposedWeights(node, problem, kernel, stored, source, incoming)
      }
      addBiasGradient(node, bias, from: incoming.pointer)
      pool.release(x)
      if needsGradient(input) {
        try Processor.withSharedPrimitives {
          try buildTransposedData(node, problem, kernel, stored, incoming)
        }
      }
      pool.release(incoming)
    }
  }

  private func buildTransposedWeights(
    _ node: Node, _ problem: ConvolutionProblem, _ kernel: ParameterSlot, _ stored: Layout,
    _ source: Memory, _ incoming: Buffer
  ) throws {
    let (processor, samples) = (processor, samples)
    let layouts = try problem.layouts(samples: samples, weights: nil)
    let change = try memory(at: incoming.pointer, layouts.source)
    let operation = try Self.choose(stored) { weights throws(OneDNNError) in
      try processor.convolutionBackwardWeights(
        try problem.layouts(samples: samples, weights: weights), problem.geometry)
    }
    try writeGradient(of: kernel, node) { gradient in
      guard let gradient else { return }
      try addWeightGradient(
        node, operation, [(.source, change), (.destinationGradient, source)],
        to: memory(at: gradient, stored))
    }
  }

  private func buildTransposedData(
    _ node: Node, _ problem: ConvolutionProblem, _ kernel: ParameterSlot, _ stored: Layout,
    _ incoming: Buffer
  ) throws {
    let (processor, samples) = (processor, samples)
    let layouts = try problem.layouts(samples: samples, weights: nil)
    let operation = try Self.choose(stored) { weights throws(OneDNNError) in
      try processor.convolutionForward(
        try problem.layouts(samples: samples, weights: weights), problem.geometry,
        appliesReLU: false)
    }
    let outgoing = take(node.inputs[0].form)
    add(
      node, "backward data",
      try operation.compile([
        (.source, try memory(at: incoming.pointer, layouts.source)),
        (
          .weights,
          try weights(
            node, store.pointer(kernel), stored, as: operation.layout(of: .weights) ?? stored)
        ),
        (.destination, try memory(at: outgoing.pointer, layouts.destination)),
      ]))
    contribute(outgoing, to: node.inputs[0])
  }

  private func addBias(
    _ node: Node, _ bias: ParameterSlot?, to target: UnsafeMutablePointer<Float>
  ) {
    guard let values = bias.map(store.pointer) else { return }
    let (samples, form) = (samples, node.form)
    add(node, "bias") {
      ck_add_bias(target, values, samples, form.blocks, form.pixels, form.lanes)
    }
  }

  private func addBiasGradient(
    _ node: Node, _ bias: ParameterSlot?, from change: UnsafeMutablePointer<Float>
  ) {
    guard let bias else { return }
    let (samples, form) = (samples, node.form)
    writeGradient(of: bias, node) { gradient in
      add(node, "bias gradient") {
        ck_bias_gradient(gradient, change, samples, form.blocks, form.pixels, form.lanes)
      }
    }
  }

  /// Computes a weight gradient in the layout that the operation likes, and puts it into that
  /// of the weights if that is another.
  private func addWeightGradient(
    _ node: Node, _ operation: Operation, _ arguments: [(Argument, Memory)], to target: Memory
  ) throws {
    guard let wanted = operation.layout(of: .weightsGradient), wanted != target.layout else {
      let all = arguments + [(.weightsGradient, target)]
      return add(node, "backward weights", try operation.compile(all))
    }
    let room = pool.take(wanted.byteCount / MemoryLayout<Float>.stride)
    let staging = try memory(at: room.pointer, wanted)
    let all = arguments + [(.weightsGradient, staging)]
    add(node, "backward weights", try operation.compile(all))
    add(node, "reorder weight gradient", try processor.reorder(from: staging, to: target))
    pool.release(room)
  }
}
