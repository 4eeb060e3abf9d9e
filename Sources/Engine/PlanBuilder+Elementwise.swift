internal import CKernels
internal import ModelCore

extension PlanBuilder {
  func buildFunction(_ node: Node, _ activation: Activation) throws {
    guard let (function, parameter) = activation.kernel else {
      preconditionFailure("\(node.layer) is no element-wise function")
    }
    let input = node.inputs[0]
    let (form, count) = (node.form, elementCount(node.form))
    let source = try activationPointer(of: input)
    let buffer = try output(of: node, over: input)
    let target = buffer.pointer
    add(node, "activation") { ck_apply(target, source, function, parameter, count) }
    if function == CK_SIGMOID, form.hasPadding { clearPadding(node, target) }
    if trains { pool.hold(buffer) }
    whenBackward { [self] in
      defer { pool.release(buffer) }
      guard needsGradient(node) else { return }
      let incoming = gradient(of: node)
      let outgoing = writable(incoming, form)
      let (source, change) = (incoming.pointer, outgoing.pointer)
      add(node, "activation gradient") {
        ck_apply_gradient(change, source, target, function, parameter, count)
      }
      finish(incoming, outgoing, input)
    }
  }

  /// Sigmoid turns the zeros of unused lanes into halves.
  private func clearPadding(_ node: Node, _ target: UnsafeMutablePointer<Float>) {
    let form = node.form
    let used = form.channels - (form.blocks - 1) * form.lanes
    let (samples, stride) = (samples, form.elementCount)
    let last = (form.blocks - 1) * form.pixels * form.lanes
    add(node, "clear padding") {
      for sample in 0..<samples {
        ck_clear_padding(target + sample * stride + last, form.pixels, form.lanes, used)
      }
    }
  }

  func buildSoftmax(_ node: Node) throws {
    let input = node.inputs[0]
    let form = node.form
    let (rows, classes) = (samples * form.pixels, form.channels)
    let source = try activationPointer(of: input)
    let buffer = try output(of: node, over: input)
    let target = buffer.pointer
    add(node, "softmax") { ck_softmax(target, source, rows, classes) }
    if trains { pool.hold(buffer) }
    whenBackward { [self] in
      defer { pool.release(buffer) }
      guard needsGradient(node) else { return }
      let incoming = gradient(of: node)
      let outgoing = writable(incoming, form)
      let (source, change) = (incoming.pointer, outgoing.pointer)
      add(node, "softmax gradient") { ck_softmax_gradient(change, source, target, rows, classes) }
      finish(incoming, outgoing, input)
    }
  }

  func buildDropout(_ node: Node, rate: Float, index: Int) throws {
    let input = node.inputs[0]
    guard usesBatchStatistics else { return try passThrough(node, input) }
    let (form, count, keep) = (node.form, elementCount(node.form), 1 - rate)
    let (state, salt) = (state, UInt64(index) &* 0x9e37_79b9_7f4a_7c15)
    let source = try activationPointer(of: input)
    let buffer = try output(of: node, over: input)
    let target = buffer.pointer
    add(node, "dropout") { ck_dropout(target, source, keep, state.dropoutKey &+ salt, count) }
    whenBackward { [self] in
      guard needsGradient(node) else { return }
      let incoming = gradient(of: node)
      let outgoing = writable(incoming, form)
      let (source, change) = (incoming.pointer, outgoing.pointer)
      add(node, "dropout gradient") {
        ck_dropout(change, source, keep, state.dropoutKey &+ salt, count)
      }
      finish(incoming, outgoing, input)
    }
  }

  private func passThrough(_ node: Node, _ input: Node) throws {
    try alias(node, to: input)
    whenBackward { [self] in
      guard needsGradient(node) else { return }
      contribute(gradient(of: node), to: input)
    }
  }

  // MARK: Memory

  private func activationPointer(of node: Node) throws -> UnsafeMutablePointer<Float> {
    try activation(of: node).pointer
  }

  /// Memory for a node's output: its input's, if nobody else needs that.
  private func output(of node: Node, over input: Node) throws -> Buffer {
    if mayOverwrite(input), input.form.isSameMemory(as: node.form) {
      try alias(node, to: input)
      return try activation(of: node)
    }
    let buffer = take(node.form)
    set(buffer, for: node)
    return buffer
  }

  /// Memory for a gradient that is computed from another: the same, if nobody else needs it.
  func writable(_ incoming: Buffer, _ form: Form) -> Buffer {
    incoming.holders == 1 ? incoming : take(form)
  }

  func finish(_ incoming: Buffer, _ outgoing: Buffer, _ input: Node) {
    if outgoing !== incoming { pool.release(incoming) }
    contribute(outgoing, to: input)
  }
}

extension Activation {
  fileprivate var kernel: (ck_function, Float)? {
    switch self {
    case .relu: (CK_LEAKY_RELU, 0)
    case .leakyReLU(let slope): (CK_LEAKY_RELU, slope)
    case .elu(let alpha): (CK_ELU, alpha)
    case .sigmoid: (CK_SIGMOID, 0)
    case .tanh: (CK_TANH, 0)
    case .linear, .softmax: nil
    }
  }
}
