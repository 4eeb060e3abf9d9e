internal import CKernels
internal import ModelCore
internal import OneDNN

/// The operations of a layer with a kernel, and how to make each in a layout of one's choice.
private struct WeightedOperations {
  var forward: (Layout?) throws(OneDNNError) -> Operation
  var backwardData: (Layout?) throws(OneDNNError) -> Operation
  var backwardWeights: (Layout?) throws(OneDNNError) -> Operation
}

extension PlanBuilder {
  func buildDense(_ node: Node, _ dense: Dense) throws {
    let problem = DenseProblem(
      inputs: node.inputs[0].form.elementCount, units: dense.units, usesBias: dense.usesBias,
      appliesReLU: node.appliesReLU)
    let (processor, samples) = (processor, samples)
    try buildWeighted(
      node, usesBias: dense.usesBias,
      layouts: try problem.layouts(samples: samples, weights: nil),
      WeightedOperations(
        forward: { weights throws(OneDNNError) in
          try processor.innerProductForward(
            try problem.layouts(samples: samples, weights: weights),
            appliesReLU: problem.appliesReLU)
        },
        backwardData: { weights throws(OneDNNError) in
          try processor.innerProductBackwardData(
            try problem.layouts(samples: samples, weights: weights))
        },
        backwardWeights: { weights throws(OneDNNError) in
          try processor.innerProductBackwardWeights(
            try problem.layouts(samples: samples, weights: weights))
        }))
  }

  func buildConvolution(_ node: Node, _ problem: ConvolutionProblem) throws {
    if node.form.isInterleaved { return try buildInterleavedConvolution(node, problem) }
    let (processor, samples, geometry) = (processor, samples, problem.geometry)
    let algorithm = problem.algorithm(samples: samples)
    try buildWeighted(
      node, usesBias: problem.usesBias,
      layouts: try problem.layouts(samples: samples, weights: nil),
      WeightedOperations(
        forward: { weights throws(OneDNNError) in
          let layouts = try problem.layouts(samples: samples, weights: weights)
          return try Self.first(algorithm) { algorithm throws(OneDNNError) in
            try processor.convolutionForward(
              layouts, geometry, algorithm: algorithm, appliesReLU: problem.appliesReLU)
          }
        },
        backwardData: { weights throws(OneDNNError) in
          let layouts = try problem.layouts(samples: samples, weights: weights)
          return try Self.first(algorithm) { algorithm throws(OneDNNError) in
            try processor.convolutionBackwardData(layouts, geometry, algorithm: algorithm)
          }
        },
        backwardWeights: { weights throws(OneDNNError) in
          let layouts = try problem.layouts(samples: samples, weights: weights)
          return try Self.first(algorithm) { algorithm throws(OneDNNError) in
            try processor.convolutionBackwardWeights(layouts, geometry, algorithm: algorithm)
          }
        }))
  }

  /// Not every step of a convolution exists in Winograd's form.
  private static func first(
    _ algorithm: ConvolutionAlgorithm,
    _ make: (ConvolutionAlgorithm) throws(OneDNNError) -> Operation
  ) throws(OneDNNError) -> Operation {
    guard algorithm == .winograd else { return try make(algorithm) }
    do { return try make(.winograd) } catch .unimplemented { return try make(.direct) }
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

  private func buildWeighted(
    _ node: Node, usesBias: Bool, layouts: WeightedLayouts, _ operations: WeightedOperations
  ) throws {
    guard let kernel = store.slot(node.parameterLayer, node.kernelRole), let stored = kernel.layout
    else { preconditionFailure("\(node.layer) has no kernel") }
    let input = node.inputs[0]
    let bias = usesBias ? store.slot(node.parameterLayer, "bias") : nil

    let operation = try Self.choose(stored, operations.forward)
    let output = take(node.form)
    let source = try memory(of: input, layouts.source)
    let destination = try memory(at: output.pointer, layouts.destination)
    var arguments: [(Argument, Memory)] = [
      (.source, source),
      (.weights, try weights(node, store.pointer(kernel), stored, for: operation)),
      (.destination, destination),
    ]
    if let bias, let layout = layouts.bias {
      arguments.append((.bias, try memory(at: store.pointer(bias), layout)))
    }
    add(node, "forward", try operation.compile(arguments))
    set(output, for: node)

    let held = isCallersInput(input) ? nil : try activation(of: input)
    if let held, trains { pool.hold(held) }
    let mask = holdForMask(node, output)
    whenBackward { [self] in
      let incoming = gradient(of: node, maskedBy: mask)
      if let mask { pool.release(mask) }
      let change = try memory(at: incoming.pointer, layouts.destination)
      try buildBackwardWeights(node, kernel, bias, source, change, layouts, operations)
      if let held { pool.release(held) }
      if needsGradient(input) {
        try buildBackwardData(node, kernel, change, layouts, operations)
      }
      pool.release(incoming)
    }
  }

  private func buildBackwardWeights(
    _ node: Node, _ kernel: ParameterSlot, _ bias: ParameterSlot?, _ source: Memory,
    _ change: Memory, _ layouts: WeightedLayouts, _ operations: WeightedOperations
  ) throws {
    guard let stored = kernel.layout else { return }
    let operation = try Self.choose(stored, operations.backwardWeights)
    try writeGradient(of: kernel, node) { dw in
      try writeGradient(of: bias, node) { db in
        guard let dw else { return }
        let target = try memory(at: dw, stored)
        var arguments: [(Argument, Memory)] = [(.source, source), (.destinationGradient, change)]
        if let db, let layout = layouts.bias {
          arguments.append((.biasGradient, try memory(at: db, layout)))
        }
        try addWeightGradient(node, operation, arguments, to: target)
      }
    }
  }

  /// Computes a weight gradient in the layout that the operation likes, and puts it into that
  /// of the weights if that is another.
  func addWeightGradient(
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

  private func buildBackwardData(
    _ node: Node, _ kernel: ParameterSlot, _ change: Memory, _ layouts: WeightedLayouts,
    _ operations: WeightedOperations
  ) throws {
    guard let stored = kernel.layout else { return }
    let input = node.inputs[0]
    let operation = try Self.choose(stored, operations.backwardData)
    let outgoing = take(input.form)
    let weights = try weights(node, store.pointer(kernel), stored, for: operation)
    add(
      node, "backward data",
      try operation.compile([
        (.destinationGradient, change), (.weights, weights),
        (.sourceGradient, try memory(at: outgoing.pointer, layouts.source)),
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
    let room = pool.take(wanted.byteCount / MemoryLayout<Float>.stride)
    let reordered = try self.memory(at: room.pointer, wanted)
    add(node, "reorder weights", try processor.reorder(from: memory, to: reordered))
    return reordered
  }
}
