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

/// A convolution's weights as its operations read them.
struct ConvolutionWeights {
  /// The kernel for an operation, in the layout that it wants.
  let memory: (Operation) throws -> Memory
  let bias: UnsafeMutablePointer<Float>?
  /// The kernel of any of the operations that there are by now.
  let range: () -> WeightRange
}

/// Scaled copies of one kernel, one for each layout.
private final class FoldedKernels {
  var all: [(layout: Layout, memory: Memory, floats: UnsafeMutablePointer<Float>)] = []
}

extension PlanBuilder {
  func weightsInUse(
    _ node: Node, _ problem: ConvolutionProblem, _ kernel: ParameterSlot, _ bias: ParameterSlot?,
    _ stored: Layout
  ) throws -> ConvolutionWeights {
    let products = problem.kernel.height * problem.kernel.width * problem.inputs / problem.groups
    let own = store.pointer(kernel)
    guard let folding = try addFolding(node, bias) else {
      let bias = bias.map(store.pointer)
      return ConvolutionWeights(
        memory: { [self] in try weights(node, own, stored, for: $0) }, bias: bias,
        range: { WeightRange(kernel: own, count: kernel.count, bias: bias, products: products) })
    }
    let kernels = FoldedKernels()
    return ConvolutionWeights(
      memory: { [self] operation in
        let wanted = operation.layout(of: .weights) ?? stored
        if let known = kernels.all.first(where: { $0.layout == wanted }) { return known.memory }
        let floats = pool.takeUnused(wanted.floatCount).pointer
        let result = try memory(at: floats, wanted)
        try prepareKernel(node, problem, memory(at: own, stored), folding, result)
        kernels.all.append((wanted, result, floats))
        return result
      }, bias: folding.shift,
      range: {
        let first = kernels.all.first
        return WeightRange(
          kernel: first?.floats ?? own, count: first?.layout.floatCount ?? kernel.count,
          bias: folding.shift, products: products)
      })
  }

  /// Scales a kernel where its output channels come last, and puts it where it is wanted.
  private func prepareKernel(
    _ node: Node, _ problem: ConvolutionProblem, _ source: Memory, _ folding: Folding,
    _ result: Memory
  ) throws {
    let plain = try problem.weights(in: problem.groups > 1 ? .hwigo : .hwio)
    let room = pool.take(plain.floatCount)
    let rows = plain.floatCount / folding.channels
    let (values, factor, channels) = (room.pointer, folding.factor, folding.channels)
    let staging = try memory(at: values, plain)
    try prepare(node, try processor.reorder(from: source, to: staging))
    prepare(node) { ck_scale_columns(values, values, factor, rows, channels) }
    try prepare(node, try processor.reorder(from: staging, to: result))
    pool.release(room)
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
