internal import ModelCore

/// Layers that put numbers into another place or shape, and convolutions of several parts.
extension Lowering {
  mutating func lowerMovement(_ layer: Layer, _ inputs: [Node]) throws -> Node {
    let extents = inputShape(layer).dimensions
    switch layer.kind {
    case .flatten:
      return extents.count == 1 ? inputs[0] : append(layer, .flatten, inputs)
    case .reshape: return append(layer, .reshape, inputs)
    case .permute(let axes):
      return append(
        layer, .linear(.permutation(of: extents, axes.map { $0 - 1 })), inputs)
    case .repeatVector(let count):
      return append(layer, .linear(.repetition(of: extents[0], count)), inputs)
    case .zeroPadding2D(let top, let bottom, let left, let right):
      let border = Border(top: top, bottom: bottom, left: left, right: right)
      return border == Border() ? inputs[0] : append(layer, .pad(border), inputs)
    case .cropping2D(let top, let bottom, let left, let right):
      let border = Border(top: top, bottom: bottom, left: left, right: right)
      return append(layer, .linear(.cropping(of: inputs[0].form, by: border)), inputs)
    case .upSampling2D(let size, let interpolation):
      return append(
        layer, .linear(.growth(of: inputs[0].form, by: size, interpolation)), inputs)
    case .concatenate(let axis): return concatenate(layer, axis, inputs)
    default: throw ArchitectureError.unknownInput(layer: layer.name, input: "")
    }
  }

  private mutating func concatenate(_ layer: Layer, _ axis: Int, _ inputs: [Node]) -> Node {
    let extents = shapes[layer.name]?.dimensions ?? []
    let position = Layer.sampleAxis(axis, rank: extents.count) ?? extents.count - 1
    guard position < extents.count - 1 else {
      return append(layer, .concatenate(rows: nil), inputs)
    }
    return append(layer, .concatenate(rows: extents[..<position].reduce(1, *)), inputs)
  }

  /// Repeats inputs of fewer elements until they have the layer's shape.
  mutating func broadcast(_ layer: Layer, _ inputs: [Node]) -> [Node] {
    guard let shape = shapes[layer.name] else { return inputs }
    return zip(layer.inputs, inputs).map { name, node in
      guard let own = shapes[name], own != shape else { return node }
      let map = LinearMap.broadcast(from: own.dimensions, to: shape.dimensions)
      return append(layer, .linear(map), [node])
    }
  }

  mutating func lowerConvolution(
    _ layer: Layer, _ convolution: Convolution2D, _ inputs: [Node]
  ) throws -> Node {
    var convolution = convolution
    let channels = inputs[0].form.channels
    switch convolution.mixing {
    case .grouped: break
    case .depthwise(let multiplier):
      convolution.mixing = .grouped(channels)
      convolution.filters = channels * multiplier
    case .separable(let multiplier):
      return try lowerSeparable(layer, convolution, multiplier, inputs[0])
    case .transposed:
      let node = append(layer, .transposedConvolution(convolution), inputs)
      return try activate(node, convolution.activation, layer)
    }
    let node = append(layer, .convolution(convolution, border: Border()), inputs)
    return try activate(node, convolution.activation, layer)
  }

  /// Each channel by itself, then all channels of a pixel.
  private mutating func lowerSeparable(
    _ layer: Layer, _ convolution: Convolution2D, _ multiplier: Int, _ input: Node
  ) throws -> Node {
    let channels = input.form.channels
    var depthwise = convolution
    depthwise.mixing = .grouped(channels)
    depthwise.filters = channels * multiplier
    depthwise.usesBias = false
    let output = Self.form(of: shapes[layer.name] ?? .scalar)
    let middle = Form.blocked(
      channels: channels * multiplier, height: output.height, width: output.width)
    let first = append(
      Node(layer, .convolution(depthwise, border: Border()), inputs: [input], form: middle))
    first.kernelRole = "depthwise_kernel"
    let pointwise = Convolution2D(
      filters: convolution.filters, kernelSize: Extent2D(height: 1, width: 1),
      usesBias: convolution.usesBias)
    let second = append(layer, .convolution(pointwise, border: Border()), [first])
    second.kernelRole = "pointwise_kernel"
    return try activate(second, convolution.activation, layer)
  }
}
