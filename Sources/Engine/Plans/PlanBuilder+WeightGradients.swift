internal import CKernels
internal import ModelCore
internal import OneDNN

/// The weight gradients of convolutions: each thread's share by itself, then their sum.
extension PlanBuilder {
  /// One share of the work: an operation, and where its result goes.
  private struct Share {
    let samples: Range<Int>
    let operation: Operation
    var kernel: UnsafeMutablePointer<Float>
    var bias: UnsafeMutablePointer<Float>?
  }

  func buildBackwardWeights(
    _ node: Node, _ problem: ConvolutionProblem, _ kernel: ParameterSlot, _ bias: ParameterSlot?,
    _ stored: Layout, _ source: Factor, _ change: Factor
  ) throws {
    if problem.usesWinograd {
      return buildWinogradWeights(node, problem, kernel, bias, source, change)
    }
    if try buildDepthwiseWeights(node, problem, kernel, bias, stored, change) { return }
    // Adding up the shares of a few samples would take longer than making them.
    let shares = shares(problem, from: 1024)
    let factors = factors(of: .weightGradient, problem)
    let operands = Operands(
      factors: factors, source: operand(source, as: factors),
      change: operand(change, as: factors))
    try writeGradient(of: kernel, node) { dw in
      try writeGradient(of: bias, node) { db in
        guard let dw else { return }
        let target = Target(kernel: dw, bias: db, layout: stored)
        try shares.make {
          try buildWeightGradients(node, problem, target, operands, shares.ranges)
        }
      }
    }
  }

  /// What a weight gradient is the product of.
  private struct Operands {
    let factors: Layout.Scalar
    let source: Operand
    let change: Operand
  }

  /// Where a layer's gradients go.
  private struct Target {
    let kernel: UnsafeMutablePointer<Float>
    let bias: UnsafeMutablePointer<Float>?
    let layout: Layout
  }

  private func buildWeightGradients(
    _ node: Node, _ problem: ConvolutionProblem, _ target: Target, _ operands: Operands,
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
      let operation = try Self.choose(stored) { weights throws(OneDNNError) in
        try operations.operation(.weightGradient, of: operands.factors, weights: weights)
      }
      // The first share is where the sum ends up, so that one of one needs no sum.
      let isInPlace = index == 0 && operation.gradientLayout(stored) == stored
      return Share(
        samples: range, operation: operation,
        kernel: isInPlace
          ? target.kernel : room(operation.gradientLayout(stored).floatCount),
        bias: target.bias.map { index == 0 ? $0 : room(node.form.paddedChannels) })
    }
    try addWeightGradients(node, problem, shares, stored, operands, room)
    try addUp(node, shares, target)
    for buffer in rooms { pool.release(buffer) }
  }

  private func addWeightGradients(
    _ node: Node, _ problem: ConvolutionProblem, _ shares: [Share], _ stored: Layout,
    _ operands: Operands, _ room: (Int) -> UnsafeMutablePointer<Float>
  ) throws {
    let primitives = try shares.map { share in
      let layouts = try problem.layouts(
        samples: share.samples.count, weights: stored, for: .weightGradient,
        of: operands.factors)
      let first = share.samples.lowerBound
      var arguments: [(Argument, Memory)] = [
        (.source, try memory(of: operands.source, layouts.source, from: first)),
        (
          .destinationGradient,
          try memory(of: operands.change, layouts.destination, from: first)
        ),
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
}

extension Operation {
  /// The layout in which the operation gives the weights' gradient.
  fileprivate func gradientLayout(_ stored: Layout) -> Layout {
    layout(of: .weightsGradient) ?? stored
  }
}
