internal import CKernels
internal import ModelCore
internal import OneDNN

/// What a normalization makes of the output y of the layer before it: `factor y + shift`, one of
/// each for a channel, the layer's bias included.
private struct Folding {
  let channels: Int
  let factor: UnsafeMutablePointer<Float>
  let shift: UnsafeMutablePointer<Float>
}

extension PlanBuilder {
  /// A convolution's weights, for a step that takes them in a layout of its own.
  func weightsInUse(
    _ node: Node, _ problem: ConvolutionProblem, _ kernel: ParameterSlot, _ bias: ParameterSlot?,
    _ stored: Layout, as wanted: Layout
  ) throws -> (memory: Memory, range: WeightRange) {
    guard let folding = try addFolding(node, bias) else {
      return try plainWeights(node, problem, kernel, stored, bias: bias, as: wanted)
    }
    let plain = try problem.weights(in: problem.groups > 1 ? .hwigo : .hwio)
    let source = try memory(at: store.pointer(kernel), stored)
    // Magnitudes are those of 32-bit numbers: of rounded weights, what they were before.
    let isRounded = wanted.scalar == .bfloat16
    let room = isRounded ? pool.takeUnused(plain.floatCount) : pool.take(plain.floatCount)
    let target = pool.takeUnused(wanted.floatCount).pointer
    let result = try memory(at: target, wanted)
    let rows = plain.floatCount / folding.channels
    let (values, factor, channels) = (room.pointer, folding.factor, folding.channels)
    let staging = try memory(at: values, plain)
    try prepare(node, try processor.reorder(from: source, to: staging))
    prepare(node) { ck_scale_columns(values, values, factor, rows, channels) }
    try prepare(node, try processor.reorder(from: staging, to: result))
    if !isRounded { pool.release(room) }
    return (
      result,
      WeightRange(
        kernel: isRounded ? values : target,
        count: isRounded ? plain.floatCount : wanted.floatCount, bias: folding.shift,
        products: problem.products)
    )
  }

  /// A convolution's weights as they are trained.
  func plainWeights(
    _ node: Node, _ problem: ConvolutionProblem, _ kernel: ParameterSlot, _ stored: Layout,
    bias: ParameterSlot? = nil, as wanted: Layout
  ) throws -> (memory: Memory, range: WeightRange) {
    let weights = try weights(node, store.pointer(kernel), stored, as: wanted)
    let range = WeightRange(
      kernel: store.pointer(kernel), count: kernel.count, bias: bias.map(store.pointer),
      products: problem.products)
    return (weights, range)
  }

  /// A dense layer's weights.
  func weightsInUse(
    _ node: Node, _ kernel: ParameterSlot, _ bias: ParameterSlot?
  ) throws -> WeightRange {
    let source = store.pointer(kernel)
    let inputs = node.inputs[0].form.elementCount
    guard let folding = try addFolding(node, bias) else {
      return WeightRange(
        kernel: source, count: kernel.count, bias: bias.map(store.pointer), products: inputs)
    }
    let target = pool.takeUnused(kernel.count).pointer
    let (factor, units) = (folding.factor, folding.channels)
    let rows = inputs
    prepare(node) { ck_scale_columns(target, source, factor, rows, units) }
    return WeightRange(
      kernel: target, count: kernel.count, bias: folding.shift, products: inputs)
  }

  /// Computes a folded normalization's factors and shifts whenever weights have changed.
  ///
  /// A ReLU that follows at once would hide a NaN among them, so they are looked at here.
  private func addFolding(_ node: Node, _ bias: ParameterSlot?) throws -> Folding? {
    guard let folded = node.normalization else { return nil }
    let store = store
    func find(_ role: String) -> UnsafeMutablePointer<Float>? {
      store.slot(folded.layer, role).map(store.pointer)
    }
    guard let mean = find("moving_mean"), let variance = find("moving_variance") else {
      preconditionFailure("\(folded.layer) has no statistics")
    }
    let normalization = folded.normalization
    let gamma = normalization.usesScale ? find("gamma") : nil
    let beta = normalization.usesCenter ? find("beta") : nil
    let before = bias.map(store.pointer)
    let (used, count) = (node.form.channels, node.form.paddedChannels)
    let folding = Folding(
      channels: count, factor: pool.takeUnused(count).pointer,
      shift: pool.takeUnused(count).pointer)
    prepare(node) {
      ck_norm_fold(
        folding.factor, folding.shift, mean, variance, gamma, beta, before,
        normalization.epsilon, used, count)
      for values in [folding.factor, folding.shift] {
        let floats = UnsafeBufferPointer(start: UnsafePointer(values), count: count)
        guard floats.firstNonFinite == nil else {
          throw EngineError.unusableStatistics(layer: folded.layer)
        }
      }
    }
    return folding
  }

  /// Where a convolution leaves its output; what it adds to lies there before.
  func convolutionOutput(_ node: Node) throws -> Buffer {
    guard node.inputs.count > 1 else {
      let output = take(node.form)
      set(output, for: node)
      return output
    }
    let addend = node.inputs[1]
    if mayOverwrite(addend) {
      try alias(node, to: addend)
      return try activation(of: node)
    }
    let source = try activation(of: addend).pointer
    let output = take(node.form)
    set(output, for: node)
    let (target, count) = (output.pointer, elementCount(node.form))
    add(node, "copy") { ck_copy(target, source, count) }
    return output
  }
}
