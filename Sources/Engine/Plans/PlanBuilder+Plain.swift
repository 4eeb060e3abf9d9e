internal import CKernels
internal import ModelCore

/// Layers that see a sample in Keras's order.
extension PlanBuilder {
  func buildLinear(_ node: Node, _ map: LinearMap) throws {
    let input = node.inputs[0]
    let source = try activation(of: input).pointer
    let buffer = take(node.form)
    set(buffer, for: node)
    let (target, samples) = (buffer.pointer, samples)
    add(node, "move") { map.apply(source, to: target, samples: samples) }
    whenBackward { [self] in
      guard needsGradient(node) else { return }
      let incoming = gradient(of: node)
      let outgoing = take(input.form)
      let (change, result, back) = (incoming.pointer, outgoing.pointer, map.transposed)
      add(node, "move gradient") { back.apply(change, to: result, samples: samples) }
      pool.release(incoming)
      contribute(outgoing, to: input)
    }
  }

  func buildGroupNormalization(
    _ node: Node, _ normalization: GroupNormalization, _ shape: Shape
  ) throws {
    let input = node.inputs[0]
    let geometry = normalization.geometry(of: shape, samples: samples)
    let gamma = normalization.usesScale ? store.slot(node.parameterLayer, "gamma") : nil
    let beta = normalization.usesCenter ? store.slot(node.parameterLayer, "beta") : nil
    let x = try activation(of: input)
    let buffer = take(node.form)
    set(buffer, for: node)
    let count = geometry.samples * geometry.groups
    // These stay until the backward step; they are too small to share.
    let mean = trains ? pool.take(count).pointer : nil
    let scale = trains ? pool.take(count).pointer : nil
    let (source, target) = (x.pointer, buffer.pointer)
    let (factor, shift) = (gamma.map(store.pointer), beta.map(store.pointer))
    add(node, "normalize") {
      withUnsafePointer(to: geometry) {
        ck_group_forward(target, mean, scale, source, factor, shift, $0)
      }
    }
    if trains { pool.hold(x) }
    whenBackward { [self] in
      defer { pool.release(x) }
      guard needsGradient(node) else { return }
      let incoming = gradient(of: node)
      let change = incoming.pointer
      if gamma != nil || beta != nil {
        writeGradient(of: gamma, node) { dgamma in
          writeGradient(of: beta, node) { dbeta in
            add(node, "normalization weight gradient") {
              withUnsafePointer(to: geometry) {
                ck_group_parameters(dgamma, dbeta, change, source, mean, scale, $0)
              }
            }
          }
        }
      }
      let outgoing = writable(incoming, node.form)
      let result = outgoing.pointer
      add(node, "normalization gradient") {
        withUnsafePointer(to: geometry) {
          ck_group_backward(result, change, source, mean, scale, factor, $0)
        }
      }
      finish(incoming, outgoing, input)
    }
  }

  func buildEmbedding(_ node: Node, _ embedding: Embedding) throws {
    guard let table = store.slot(node.parameterLayer, "embeddings") else {
      preconditionFailure("\(node.layer) has no table")
    }
    let input = node.inputs[0]
    let x = try activation(of: input)
    let buffer = take(node.form)
    set(buffer, for: node)
    let (rows, width, count) = (
      embedding.vocabulary, embedding.dimension, samples * input.form.elementCount
    )
    let (source, target, values) = (x.pointer, buffer.pointer, store.pointer(table))
    let layer = node.layer
    add(node, "look up") {
      let bad = ck_embed(target, source, values, count, rows, width)
      guard bad < 0 else {
        throw EngineError.index(layer: layer, found: source[bad], count: rows)
      }
    }
    if trains { pool.hold(x) }
    whenBackward { [self] in
      let incoming = gradient(of: node)
      let change = incoming.pointer
      writeGradient(of: table, node) { gradient in
        guard let gradient else { return }
        add(node, "table gradient") {
          ck_embed_gradient(gradient, source, change, count, rows, width)
        }
      }
      pool.release(incoming)
      pool.release(x)
    }
  }

  func buildAffine(_ node: Node, _ affine: Affine) throws {
    let input = node.inputs[0]
    let (channels, rows) = (node.form.channels, samples * node.form.pixels)
    let constants = FloatArena(count: 3 * channels)
    keepAlive(constants)
    affine.fill(constants.floats, channels: channels)
    var center = constants.pointer()
    let (factor, shift) = (constants.pointer(channels), constants.pointer(2 * channels))
    let source = try activation(of: input).pointer
    let buffer = try output(of: node, over: input)
    let target = buffer.pointer
    if case .normalization = affine, let mean = store.slot(node.parameterLayer, "mean"),
      let variance = store.slot(node.parameterLayer, "variance")
    {
      center = store.pointer(mean)
      let variances = store.pointer(variance)
      add(node, "deviations") { ck_deviation_factors(factor, variances, channels) }
    }
    add(node, "scale") { [center] in
      ck_affine(target, source, center, factor, shift, channels, rows)
    }
    whenBackward { [self] in
      guard needsGradient(node) else { return }
      let zeros = FloatArena(count: channels)
      keepAlive(zeros)
      let incoming = gradient(of: node)
      let outgoing = writable(incoming, node.form)
      let (change, result, zero) = (incoming.pointer, outgoing.pointer, zeros.pointer())
      add(node, "scale gradient") {
        ck_affine(result, change, zero, factor, zero, channels, rows)
      }
      finish(incoming, outgoing, input)
    }
  }

  func buildParametricReLU(_ node: Node, _ slopes: [Int32]) throws {
    guard let alpha = store.slot(node.parameterLayer, "alpha") else {
      preconditionFailure("\(node.layer) has no slopes")
    }
    let input = node.inputs[0]
    let x = try activation(of: input)
    let buffer = take(node.form)
    set(buffer, for: node)
    let (source, target, values) = (x.pointer, buffer.pointer, store.pointer(alpha))
    let (size, samples) = (slopes.count, samples)
    add(node, "activation") {
      slopes.withUnsafeBufferPointer {
        ck_prelu(target, source, values, $0.baseAddress, size, samples)
      }
    }
    if trains { pool.hold(x) }
    whenBackward { [self] in
      let incoming = gradient(of: node)
      let change = incoming.pointer
      let count = alpha.specification.shape.elementCount
      var room = [Double](repeating: 0, count: count)
      writeGradient(of: alpha, node) { gradient in
        add(node, "slope gradient") {
          slopes.withUnsafeBufferPointer {
            ck_prelu_slopes(
              gradient, change, source, $0.baseAddress, size, samples, count, &room)
          }
        }
      }
      let outgoing = writable(incoming, node.form)
      let result = outgoing.pointer
      add(node, "activation gradient") {
        slopes.withUnsafeBufferPointer {
          ck_prelu_gradient(result, change, source, values, $0.baseAddress, size, samples)
        }
      }
      pool.release(x)
      finish(incoming, outgoing, input)
    }
  }
}

extension GroupNormalization {
  /// Normalizing the last axes is normalizing samples of one pixel.
  func geometry(of shape: Shape, samples: Int) -> ck_group {
    let channels = shape.dimensions.last ?? 1
    switch scope {
    case .groups(let count):
      return ck_group(
        samples: samples, pixels: shape.elementCount / max(1, channels), channels: channels,
        groups: count == -1 ? channels : count, epsilon: epsilon)
    case .lastAxes, .axes:
      let width = shape.dimensions.suffix(parameterAxes).reduce(1, *)
      return ck_group(
        samples: samples * (shape.elementCount / max(1, width)), pixels: 1, channels: width,
        groups: 1, epsilon: epsilon)
    }
  }
}

extension Affine {
  /// Writes center, factor and shift, one for each channel.
  fileprivate func fill(_ constants: UnsafeMutableBufferPointer<Float>, channels: Int) {
    func value(_ list: [Float], _ channel: Int) -> Float { list[list.count == 1 ? 0 : channel] }
    for channel in 0..<channels {
      var (center, factor, shift): (Float, Float, Float) = (0, 1, 0)
      switch self {
      case .rescaling(let scale, let offset):
        (factor, shift) = (value(scale, channel), value(offset, channel))
      case .normalizationBy(let mean, let variance):
        center = value(mean, channel)
        factor = 1 / max(value(variance, channel).squareRoot(), 1e-7)
      case .normalization: break
      }
      constants[channel] = center
      constants[channels + channel] = factor
      constants[2 * channels + channel] = shift
    }
  }
}
