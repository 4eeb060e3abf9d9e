internal import CKernels
internal import ModelCore

extension PlanBuilder {
  func buildFunction(_ node: Node, _ activation: Activation) throws {
    guard let (function, parameter) = activation.kernel else {
      return try buildMap(node, activation)
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

  /// A function whose slope follows from what went in.
  private func buildMap(_ node: Node, _ activation: Activation) throws {
    guard let map = activation.map else {
      preconditionFailure("\(node.layer) is no element-wise function")
    }
    let input = node.inputs[0]
    let (form, count) = (node.form, elementCount(node.form))
    let x = try self.activation(of: input)
    if trains { pool.hold(x) }
    let buffer = try output(of: node, over: input)
    let (source, target) = (x.pointer, buffer.pointer)
    add(node, "activation") { ck_map(target, source, map.function, map.a, map.b, map.c, count) }
    if !map.keepsZero, form.hasPadding { clearPadding(node, target) }
    whenBackward { [self] in
      defer { pool.release(x) }
      guard needsGradient(node) else { return }
      let incoming = gradient(of: node)
      let outgoing = writable(incoming, form)
      let (arriving, change) = (incoming.pointer, outgoing.pointer)
      add(node, "activation gradient") {
        ck_map_gradient(change, arriving, source, map.function, map.a, map.b, map.c, count)
      }
      finish(incoming, outgoing, input)
    }
  }

  func buildSoftmax(_ node: Node) throws {
    let input = node.inputs[0]
    let form = node.form
    let (rows, classes) = (samples * form.pixels, form.channels)
    var isLogarithm = false
    if case .logSoftmax = node.work { isLogarithm = true }
    let source = try activationPointer(of: input)
    let buffer = try output(of: node, over: input)
    let target = buffer.pointer
    let (forward, backward) =
      isLogarithm
      ? (ck_log_softmax, ck_log_softmax_gradient) : (ck_softmax, ck_softmax_gradient)
    add(node, "softmax") { forward(target, source, rows, classes) }
    if trains { pool.hold(buffer) }
    whenBackward { [self] in
      defer { pool.release(buffer) }
      guard needsGradient(node) else { return }
      let incoming = gradient(of: node)
      let outgoing = writable(incoming, form)
      let (source, change) = (incoming.pointer, outgoing.pointer)
      add(node, "softmax gradient") { backward(change, source, target, rows, classes) }
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

  func buildNoise(_ node: Node, _ noise: Noise, index: Int) throws {
    let input = node.inputs[0]
    guard usesBatchStatistics else { return try passThrough(node, input) }
    let (form, count) = (node.form, elementCount(node.form))
    let (state, salt) = (state, UInt64(index) &* 0x9e37_79b9_7f4a_7c15)
    let (kind, amount) = noise.kernel
    let (lanes, pixels) = noise.planes(of: form)
    let source = try activationPointer(of: input)
    let buffer = try output(of: node, over: input)
    let target = buffer.pointer
    add(node, "noise") {
      ck_add_noise(
        target, source, kind, amount, 0, state.dropoutKey &+ salt, lanes, pixels, count)
    }
    if form.hasPadding { clearPadding(node, target) }
    whenBackward { [self] in
      guard needsGradient(node) else { return }
      let incoming = gradient(of: node)
      let outgoing = writable(incoming, form)
      let (source, change) = (incoming.pointer, outgoing.pointer)
      add(node, "noise gradient") {
        ck_add_noise(
          change, source, kind, amount, 1, state.dropoutKey &+ salt, lanes, pixels, count)
      }
      finish(incoming, outgoing, input)
    }
  }

  func buildMerge(_ node: Node, _ merge: Merge) throws {
    let buffers = try node.inputs.map { try activation(of: $0) }
    let terms = FloatPointers(buffers.map(\.pointer))
    keepAlive(terms)
    let buffer = take(node.form)
    set(buffer, for: node)
    let (target, count, join) = (buffer.pointer, elementCount(node.form), merge.kernel)
    add(node, "join") { ck_join_apply(target, terms.base, terms.count, join, count) }
    if trains { for buffer in buffers { pool.hold(buffer) } }
    whenBackward { [self] in
      defer { for buffer in buffers { pool.release(buffer) } }
      guard needsGradient(node) else { return }
      let incoming = gradient(of: node)
      let change = incoming.pointer
      for (index, input) in node.inputs.enumerated() where needsGradient(input) {
        let outgoing = take(node.form)
        let result = outgoing.pointer
        add(node, "join gradient") {
          ck_join_gradient(result, change, terms.base, terms.count, index, join, count)
        }
        contribute(outgoing, to: input)
      }
      pool.release(incoming)
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
  func output(of node: Node, over input: Node) throws -> Buffer {
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

extension Noise {
  /// What is dropped together: each lane of so many pixels by itself. Of a whole sample all pixels
  /// and lanes are; of interleaved ones each lane is a sample.
  fileprivate func planes(of form: Form) -> (lanes: Int, pixels: Int) {
    guard case .sampleDropout = self else { return (form.lanes, form.pixels) }
    return form.isInterleaved
      ? (form.lanes, form.pixels * form.channels) : (1, form.elementCount)
  }
}
