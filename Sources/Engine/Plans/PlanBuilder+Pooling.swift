internal import CKernels
internal import ModelCore

extension PlanBuilder {
  func buildPool(_ node: Node, _ pooling: Pooling2D) throws {
    let input = node.inputs[0]
    let geometry = Self.geometry(pooling, from: input.form, to: node.form, samples: samples)
    let source = try activation(of: input).pointer
    let buffer = take(node.form)
    set(buffer, for: node)
    switch pooling.statistic {
    case .max: try buildMaxPool(node, geometry, source, buffer)
    case .average: buildAveragePool(node, geometry, source, buffer)
    }
  }

  private static func geometry(
    _ pooling: Pooling2D, from: Form, to: Form, samples: Int
  ) -> ck_pool {
    let (size, strides) = (pooling.size, pooling.strides)
    let rows = pooling.padding.amounts(
      input: from.height, extent: size.height, stride: strides.height)
    let columns = pooling.padding.amounts(
      input: from.width, extent: size.width, stride: strides.width)
    return ck_pool(
      planes: from.planes(samples: samples), lanes: from.lanes, h: from.height, w: from.width,
      oh: to.height, ow: to.width, kh: size.height, kw: size.width, sh: strides.height,
      sw: strides.width, top: rows.before, left: columns.before)
  }

  private func buildMaxPool(
    _ node: Node, _ geometry: ck_pool, _ source: UnsafeMutablePointer<Float>, _ buffer: Buffer
  ) throws {
    guard geometry.kh * geometry.kw <= Int(UInt16.max) else {
      throw EngineError.unsupported(
        layer: node.layer, className: node.className,
        reason: "its window has \(geometry.kh * geometry.kw) pixels, more than \(UInt16.max)")
    }
    let input = node.inputs[0]
    let target = buffer.pointer
    guard trains, needsGradient(input) else {
      add(node, "max pool") {
        withUnsafePointer(to: geometry) { ck_max_pool(target, nil, source, $0) }
      }
      return
    }
    // Two of them fit the room of a float.
    let memory = pool.take((elementCount(node.form) + 1) / 2)
    let winners = UnsafeMutableRawPointer(memory.pointer).assumingMemoryBound(to: UInt16.self)
    add(node, "max pool") {
      withUnsafePointer(to: geometry) { ck_max_pool(target, winners, source, $0) }
    }
    let masks = input.appliesReLU && isMaskedByReader(input)
    if masks { pool.hold(buffer) }
    whenBackward { [self] in
      let incoming = gradient(of: node)
      let outgoing = take(input.form)
      let (change, result, mask) = (incoming.pointer, outgoing.pointer, masks ? target : nil)
      add(node, "max pool gradient") {
        withUnsafePointer(to: geometry) {
          ck_max_pool_gradient(result, change, winners, mask, $0)
        }
      }
      pool.release(memory)
      if masks { pool.release(buffer) }
      finish(incoming, outgoing, input)
    }
  }

  private func buildAveragePool(
    _ node: Node, _ geometry: ck_pool, _ source: UnsafeMutablePointer<Float>, _ buffer: Buffer
  ) {
    let (input, target) = (node.inputs[0], buffer.pointer)
    add(node, "average pool") {
      withUnsafePointer(to: geometry) { ck_average_pool(target, source, $0) }
    }
    whenBackward { [self] in
      guard needsGradient(node) else { return }
      let incoming = gradient(of: node)
      let outgoing = take(input.form)
      let (change, result) = (incoming.pointer, outgoing.pointer)
      add(node, "average pool gradient") {
        withUnsafePointer(to: geometry) { ck_average_pool_gradient(result, change, $0) }
      }
      finish(incoming, outgoing, input)
    }
  }
}
