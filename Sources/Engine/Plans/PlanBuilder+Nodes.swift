internal import CKernels
internal import ModelCore
internal import OneDNN

extension PlanBuilder {
  func buildForward(_ node: Node) throws {
    switch node.work {
    case .input: buildInput(node)
    case .dense(let dense): try buildDense(node, dense)
    case .convolution(let convolution, let border):
      try buildConvolution(node, ConvolutionProblem(convolution, border: border, node: node))
    case .pool(let pooling): try buildPool(node, pooling)
    case .normalization(let normalization): try buildNormalization(node, normalization)
    case .function(let activation): try buildFunction(node, activation)
    case .transposedConvolution(let convolution):
      try buildTransposedConvolution(node, convolution)
    case .groupNormalization(let normalization, let shape):
      try buildGroupNormalization(node, normalization, shape)
    case .embedding(let embedding): try buildEmbedding(node, embedding)
    case .affine(let affine): try buildAffine(node, affine)
    case .parametricReLU(let slopes): try buildParametricReLU(node, slopes)
    case .softmax, .logSoftmax: try buildSoftmax(node)
    case .dropout(let rate, let index): try buildDropout(node, rate: rate, index: index)
    case .noise(let noise, let index): try buildNoise(node, noise, index: index)
    case .flatten, .reshape: try buildFlatten(node)
    case .linear(let map): try buildLinear(node, map)
    case .convert: try buildConversion(node)
    case .pad(let border): try buildPad(node, border)
    case .add: try buildAdd(node)
    case .merge(let merge): try buildMerge(node, merge)
    case .concatenate(let rows): try buildConcatenation(node, rows: rows)
    }
  }

  /// Samples that already lie as they are needed are read where the caller has them.
  private func buildInput(_ node: Node) {
    let form = node.form
    let wantsGradient = purpose == .inputGradient
    guard wantsGradient || !form.isSameMemory(as: form.channelsLast) || !readsInputInPlace(node)
    else { return }
    let buffer = take(form)
    set(buffer, for: node)
    if wantsGradient { whenBackward { [self] in leaveInputGradient(node) } }
    let (target, state, samples) = (buffer.pointer, state, samples)
    if form.isInterleaved {
      add(node, "stage") {
        ck_interleave(
          target, state.input, 1, form.channels, form.channels, samples, form.pixels)
      }
      return
    }
    add(node, "stage") {
      ck_convert(
        target, form.blocks, form.lanes, state.input, 1, form.channels, form.channels, samples,
        form.pixels)
    }
  }

  /// Puts what flows back into the samples where and how the caller has them.
  private func leaveInputGradient(_ node: Node) {
    let incoming = gradient(of: node)
    addConversion(
      node, "input gradient", from: node.form, incoming.pointer, to: node.form.channelsLast,
      takeInputGradient(node.form.channelsLast))
    pool.release(incoming)
  }

  /// Kernels take their addresses when the plan is built; only oneDNN's can be moved.
  private func readsInputInPlace(_ node: Node) -> Bool {
    node !== graph.output
      && readers(of: node).allSatisfy { reader in
        switch reader.work {
        // What a convolution adds to is copied by a kernel.
        case .dense, .convolution: reader.inputs.count == 1
        case .flatten, .reshape: readsInputInPlace(reader)
        default: false
        }
      }
  }

  private func readers(of node: Node) -> [Node] {
    graph.nodes.filter { $0.inputs.contains(node) }
  }

  private func buildFlatten(_ node: Node) throws {
    let input = node.inputs[0]
    if isCallersInput(input) { return }
    try alias(node, to: input)
    whenBackward { [self] in
      guard needsGradient(node) else { return }
      contribute(gradient(of: node), to: input)
    }
  }

  /// Whether the node is the caller's samples, read where they are.
  func isCallersInput(_ node: Node) -> Bool {
    switch node.work {
    case .input: !hasActivation(node)
    case .flatten, .reshape: isCallersInput(node.inputs[0])
    default: false
    }
  }

  /// oneDNN's view of a node's output, or of its samples from `first` on.
  func memory(of node: Node, _ layout: Layout, from first: Int = 0) throws -> Memory {
    let offset = node.form.elementCount(samples: first)
    if isCallersInput(node) {
      let memory = try Memory(layout, at: nil, on: processor)
      addInputMemory(InputMemory(memory: memory, offset: offset))
      return memory
    }
    return try memory(at: try activation(of: node).pointer + offset, layout)
  }

  /// Where a node's output will be when a step runs.
  func floats(of node: Node) throws -> () -> UnsafePointer<Float> {
    if isCallersInput(node) {
      let state = state
      return { state.input }
    }
    let pointer = UnsafePointer(try activation(of: node).pointer)
    return { pointer }
  }

  func memory(at pointer: UnsafeMutablePointer<Float>, _ layout: Layout) throws -> Memory {
    try Memory(layout, at: pointer, on: processor)
  }

  private func buildConversion(_ node: Node) throws {
    let input = node.inputs[0]
    let (from, to) = (input.form, node.form)
    let source = try activation(of: input).pointer
    let buffer = take(to)
    set(buffer, for: node)
    addConversion(node, "convert", from: from, source, to: to, buffer.pointer)
    whenBackward { [self] in
      guard needsGradient(node) else { return }
      let incoming = gradient(of: node)
      let outgoing = take(from)
      addConversion(
        node, "convert gradient", from: to, incoming.pointer, to: from, outgoing.pointer)
      pool.release(incoming)
      contribute(outgoing, to: input)
    }
  }

  private func addConversion(
    _ node: Node, _ name: String, from: Form, _ source: UnsafeMutablePointer<Float>, to: Form,
    _ target: UnsafeMutablePointer<Float>
  ) {
    let (samples, channels, pixels) = (samples, to.channels, to.pixels)
    if to.isInterleaved {
      add(node, name) {
        ck_interleave(target, source, from.blocks, from.lanes, channels, samples, pixels)
      }
    } else if from.isInterleaved {
      add(node, name) {
        ck_separate(target, to.blocks, to.lanes, source, channels, samples, pixels)
      }
    } else {
      add(node, name) {
        ck_convert(
          target, to.blocks, to.lanes, source, from.blocks, from.lanes, channels, samples, pixels)
      }
    }
  }

  private func buildPad(_ node: Node, _ border: Border) throws {
    let input = node.inputs[0]
    let (from, to) = (input.form, node.form)
    let planes = from.planes(samples: samples)
    let source = try activation(of: input).pointer
    let buffer = take(to)
    set(buffer, for: node)
    let target = buffer.pointer
    add(node, "pad") {
      ck_pad(
        target, source, planes, from.height, from.width, from.lanes, to.height, to.width,
        border.top, border.left)
    }
    whenBackward { [self] in
      guard needsGradient(node) else { return }
      let incoming = gradient(of: node)
      let outgoing = take(from)
      let (source, target) = (incoming.pointer, outgoing.pointer)
      add(node, "crop gradient") {
        ck_crop(
          target, source, planes, from.height, from.width, from.lanes, to.height, to.width,
          border.top, border.left)
      }
      pool.release(incoming)
      contribute(outgoing, to: input)
    }
  }

  /// Along another axis than the last, a row of a sample is everything from that axis on: joined
  /// like the channels of one pixel.
  private func joined(_ form: Form, rows: Int?) -> Form {
    rows.map { .vector(form.elementCount / max(1, $0)) } ?? form
  }

  private func buildConcatenation(_ node: Node, rows: Int?) throws {
    let to = joined(node.form, rows: rows)
    let buffer = take(node.form)
    set(buffer, for: node)
    let (target, samples) = (buffer.pointer, samples * (rows ?? 1))
    if to.hasPadding {
      let count = elementCount(to)
      add(node, "clear") { ck_fill(target, 0, count) }
    }
    var first = 0
    for input in node.inputs {
      let (from, start) = (joined(input.form, rows: rows), first)
      let source = try activation(of: input).pointer
      add(node, "copy") {
        ck_copy_channels(
          target, to.blocks, to.lanes, start, source, from.blocks, from.lanes, 0, from.channels,
          samples, to.pixels)
      }
      first += from.channels
    }
    whenBackward { [self] in splitGradient(node, rows: rows) }
  }

  private func splitGradient(_ node: Node, rows: Int?) {
    guard needsGradient(node) else { return }
    let (to, samples) = (joined(node.form, rows: rows), samples * (rows ?? 1))
    let incoming = gradient(of: node)
    let source = incoming.pointer
    var first = 0
    for input in node.inputs {
      let (from, start) = (joined(input.form, rows: rows), first)
      first += from.channels
      guard needsGradient(input) else { continue }
      let outgoing = take(input.form)
      let target = outgoing.pointer
      if from.hasPadding {
        let count = elementCount(from)
        add(node, "clear gradient") { ck_fill(target, 0, count) }
      }
      add(node, "copy gradient") {
        ck_copy_channels(
          target, from.blocks, from.lanes, 0, source, to.blocks, to.lanes, start, from.channels,
          samples, to.pixels)
      }
      contribute(outgoing, to: input)
    }
    pool.release(incoming)
  }

  private func buildAdd(_ node: Node) throws {
    let terms = FloatPointers(try node.inputs.map { try activation(of: $0).pointer })
    keepAlive(terms)
    let buffer = take(node.form)
    set(buffer, for: node)
    let (target, count, relu) = (
      buffer.pointer, elementCount(node.form), Int32(node.appliesReLU ? 1 : 0)
    )
    add(node, "add") { ck_sum(target, terms.base, terms.count, relu, count) }
    let mask = holdForMask(node, buffer)
    whenBackward { [self] in
      guard needsGradient(node) else { return }
      let incoming = gradient(of: node, maskedBy: mask)
      if let mask { pool.release(mask) }
      for input in node.inputs where needsGradient(input) {
        pool.hold(incoming)
        contribute(incoming, to: input)
      }
      pool.release(incoming)
    }
  }

  /// Keeps an output whose sign its own gradient depends on. Nil when there is no ReLU, or when
  /// a max pool that follows masks the gradient, on a quarter of the numbers.
  func holdForMask(_ node: Node, _ output: Buffer) -> Buffer? {
    guard node.appliesReLU, trains, !isMaskedByReader(node) else { return nil }
    pool.hold(output)
    return output
  }

  func isMaskedByReader(_ node: Node) -> Bool {
    guard let reader = onlyReader(of: node), case .pool(let pooling) = reader.work else {
      return false
    }
    return pooling.statistic == .max
  }
}
