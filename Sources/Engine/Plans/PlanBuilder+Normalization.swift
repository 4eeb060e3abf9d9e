internal import CKernels
internal import ModelCore

/// What the steps of one normalization share.
private struct NormalizationMemory {
  var geometry: ck_norm
  var channels: Int
  var mean: UnsafeMutablePointer<Float>
  var variance: UnsafeMutablePointer<Float>
  var gamma: UnsafeMutablePointer<Float>?
  var beta: UnsafeMutablePointer<Float>?
  var room: UnsafeMutablePointer<Float>
}

extension PlanBuilder {
  func buildNormalization(_ node: Node, _ normalization: BatchNormalization) throws {
    let input = node.inputs[0]
    let residual = node.inputs.count > 1 ? node.inputs[1] : nil
    let memory = try normalizationMemory(node, normalization)
    let x = try activation(of: input)
    let source = x.pointer
    if usesOwnStatistics(node) { trackStatistics(node, normalization, memory, source) }

    // For inference nobody needs the input any more.
    let inPlace = !trains && mayOverwrite(input)
    if inPlace { try alias(node, to: input) } else { set(take(node.form), for: node) }
    let output = try activation(of: node)
    let (target, relu) = (output.pointer, Int32(node.appliesReLU ? 1 : 0))
    let addend = try residual.map { try activation(of: $0).pointer }
    add(node, "normalize") {
      withUnsafePointer(to: memory.geometry) {
        ck_norm_forward(
          target, source, memory.mean, memory.variance, memory.gamma, memory.beta, addend, relu,
          $0)
      }
    }
    guard trains else { return }
    pool.hold(x)
    // Without a residual the sign of the output is computed again, which is cheaper than reading.
    let mask = residual == nil ? nil : holdForMask(node, output)
    whenBackward { [self] in
      try buildNormalizationGradient(node, normalization, memory, x, mask, residual)
      pool.release(x)
      if let mask { pool.release(mask) }
    }
  }

  /// Keras runs a normalization that is not trainable in inference mode.
  private func usesOwnStatistics(_ node: Node) -> Bool {
    usesBatchStatistics && node.isTrainable && !node.isInference
  }

  private func normalizationMemory(
    _ node: Node, _ normalization: BatchNormalization
  ) throws -> NormalizationMemory {
    let form = node.form
    let geometry = ck_norm(
      samples: samples, blocks: form.blocks, pixels: form.pixels, lanes: form.lanes,
      epsilon: normalization.epsilon)
    func find(_ role: String) -> ParameterSlot {
      guard let slot = store.slot(node.parameterLayer, role) else {
        preconditionFailure("\(node.parameterLayer) has no \(role)")
      }
      return slot
    }
    var (mean, variance) = (
      store.pointer(find("moving_mean")), store.pointer(find("moving_variance"))
    )
    if usesOwnStatistics(node) {
      // These stay until the backward step; they are too small to share.
      mean = pool.take(form.paddedChannels).pointer
      variance = pool.take(form.paddedChannels).pointer
    }
    let room = withUnsafePointer(to: geometry) { ck_norm_room($0) }
    return NormalizationMemory(
      geometry: geometry, channels: form.paddedChannels, mean: mean, variance: variance,
      gamma: normalization.usesScale ? store.pointer(find("gamma")) : nil,
      beta: normalization.usesCenter ? store.pointer(find("beta")) : nil,
      room: pool.take(room).pointer)
  }

  private func trackStatistics(
    _ node: Node, _ normalization: BatchNormalization, _ memory: NormalizationMemory,
    _ source: UnsafeMutablePointer<Float>
  ) {
    guard let mean = store.slot(node.parameterLayer, "moving_mean"),
      let variance = store.slot(node.parameterLayer, "moving_variance")
    else { return }
    let (runningMean, runningVariance) = (store.pointer(mean), store.pointer(variance))
    let momentum = normalization.momentum
    add(node, "statistics") {
      withUnsafePointer(to: memory.geometry) {
        ck_norm_statistics(memory.mean, memory.variance, source, $0, memory.room)
      }
      ck_norm_track(runningMean, memory.mean, momentum, memory.channels)
      ck_norm_track(runningVariance, memory.variance, momentum, memory.channels)
    }
  }

  private func buildNormalizationGradient(
    _ node: Node, _ normalization: BatchNormalization, _ memory: NormalizationMemory,
    _ x: Buffer, _ mask: Buffer?, _ residual: Node?
  ) throws {
    guard needsGradient(node) else { return }
    let input = node.inputs[0]
    let incoming = gradient(of: node)
    let counts = node.appliesReLU && !isMaskedByReader(node)
    // What the residual gets is the incoming gradient, masked if there is a ReLU.
    var shared: Buffer?
    if let residual, needsGradient(residual) {
      shared = counts ? writable(incoming, node.form) : incoming
    }
    let outgoing =
      needsGradient(input)
      ? (shared == nil ? writable(incoming, node.form) : take(node.form)) : nil
    let gamma = normalization.usesScale ? store.slot(node.parameterLayer, "gamma") : nil
    let beta = normalization.usesCenter ? store.slot(node.parameterLayer, "beta") : nil
    let (dx, dresidual) = (outgoing?.pointer, counts ? shared?.pointer : nil)
    let (dy, source, output) = (incoming.pointer, x.pointer, mask?.pointer)
    let (relu, fixed) = (Int32(counts ? 1 : 0), Int32(usesOwnStatistics(node) ? 0 : 1))
    writeGradient(of: gamma, node) { dgamma in
      writeGradient(of: beta, node) { dbeta in
        add(node, "normalization gradient") {
          withUnsafePointer(to: memory.geometry) {
            ck_norm_backward(
              dx, dgamma, dbeta, dresidual, dy, source, output, memory.mean, memory.variance,
              memory.gamma, memory.beta, relu, fixed, $0, memory.room)
          }
        }
      }
    }
    if let residual, let shared {
      pool.hold(shared)
      contribute(shared, to: residual)
      if shared !== incoming { pool.release(shared) }
    }
    if let outgoing {
      if outgoing === incoming { pool.hold(outgoing) }
      contribute(outgoing, to: input)
    }
    pool.release(incoming)
  }
}
