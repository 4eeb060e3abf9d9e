internal import ModelCore

extension Graph {
  /// Splits layers into steps, drops those that do nothing, fuses those that go together, and
  /// decides how every activation lies in memory.
  ///
  /// - Throws: `ArchitectureError`, `EngineError.unsupported`.
  init(_ architecture: Architecture) throws {
    let shapes = try architecture.shapes()
    var lowering = Lowering(shapes: shapes)
    for layer in architecture.layers { try lowering.add(layer) }
    guard let output = lowering.last[architecture.output] else {
      throw ArchitectureError.unknownInput(
        layer: architecture.name, input: architecture.output)
    }
    self.init(nodes: lowering.nodes, output: output)
    stripSoftmax(architecture)
    removeUnused()
    fuse()
    try chooseForms()
  }

  /// Losses are defined on the scores before it.
  private mutating func stripSoftmax(_ architecture: Architecture) {
    guard architecture.endsInSoftmax, case .softmax = output.work else { return }
    output = output.inputs[0]
  }
}

/// Layers one after the other into nodes.
private struct Lowering {
  let shapes: [String: Shape]
  var nodes: [Node] = []
  /// The node that stands for a layer's output.
  var last: [String: Node] = [:]
  private var dropouts = 0

  init(shapes: [String: Shape]) { self.shapes = shapes }

  mutating func add(_ layer: Layer) throws {
    var inputs: [Node] = []
    for name in layer.inputs {
      guard let node = last[name] else {
        throw ArchitectureError.unknownInput(layer: layer.name, input: name)
      }
      inputs.append(node)
    }
    let form = Self.form(of: shapes[layer.name] ?? .scalar)
    last[layer.name] = try lower(layer, inputs, form)
  }

  private static func form(of shape: Shape) -> Form {
    let extents = shape.dimensions
    if extents.count == 3 {
      return .blocked(channels: extents[2], height: extents[0], width: extents[1])
    }
    return .vector(shape.elementCount)
  }

  private mutating func lower(_ layer: Layer, _ inputs: [Node], _ form: Form) throws -> Node {
    func make(_ work: Node.Work) -> Node { Node(layer, work, inputs: inputs, form: form) }
    switch layer.kind {
    case .input(let shape):
      guard shape.elementCount > 0, shape.dimensions.count == 1 || shape.dimensions.count == 3
      else {
        throw ArchitectureError.shape(
          layer: layer.name, expected: "a vector or an image [height, width, channels]",
          found: [shape])
      }
      return append(make(.input))
    case .dense(let dense):
      return try activate(append(make(.dense(dense))), dense.activation, layer)
    case .convolution2D(let convolution):
      let node = append(make(.convolution(convolution, border: Border())))
      return try activate(node, convolution.activation, layer)
    case .pooling2D(let pooling): return append(make(.pool(pooling)))
    case .globalAveragePooling2D(let keepsDimensions):
      return globalPool(layer, inputs, keepsDimensions: keepsDimensions, form)
    case .batchNormalization(let normalization): return append(make(.normalization(normalization)))
    case .activation(let activation): return try activate(inputs[0], activation, layer)
    case .dropout(let rate): return try dropout(layer, rate, inputs[0])
    case .flatten:
      let isFlat = shapes[layer.inputs[0]]?.dimensions.count == 1
      return isFlat ? inputs[0] : append(make(.flatten))
    case .zeroPadding2D(let top, let bottom, let left, let right):
      let border = Border(top: top, bottom: bottom, left: left, right: right)
      return border == Border() ? inputs[0] : append(make(.pad(border)))
    case .add: return append(make(.add))
    case .concatenate: return append(make(.concatenate))
    case .unsupported(let className, let reason):
      throw ArchitectureError.unsupportedLayer(
        name: layer.name, className: className, reason: reason)
    }
  }

  private mutating func append(_ node: Node) -> Node {
    nodes.append(node)
    return node
  }

  private mutating func activate(
    _ node: Node, _ activation: Activation, _ layer: Layer
  ) throws -> Node {
    let work: Node.Work
    switch activation {
    case .linear: return node
    case .softmax: work = .softmax
    case .leakyReLU(let slope):
      try require(slope >= 0 && slope.isFinite, layer, "a slope of \(slope) is not monotonic")
      work = .function(activation)
    case .elu(let alpha):
      try require(alpha >= 0 && alpha.isFinite, layer, "an alpha of \(alpha) is not monotonic")
      work = .function(activation)
    case .relu, .sigmoid, .tanh: work = .function(activation)
    }
    return append(Node(layer, work, inputs: [node], form: node.form))
  }

  private mutating func dropout(_ layer: Layer, _ rate: Float, _ input: Node) throws -> Node {
    try require(rate >= 0 && rate < 1, layer, "a rate of \(rate) is not in 0..<1")
    if rate == 0 { return input }
    dropouts += 1
    return append(
      Node(layer, .dropout(rate: rate, index: dropouts), inputs: [input], form: input.form))
  }

  private mutating func globalPool(
    _ layer: Layer, _ inputs: [Node], keepsDimensions: Bool, _ form: Form
  ) -> Node {
    let image = inputs[0].form
    let size = Extent2D(height: image.height, width: image.width)
    let pooled = Form.blocked(channels: image.channels, height: 1, width: 1)
    let pool = append(
      Node(
        layer, .pool(Pooling2D(statistic: .average, size: size, strides: size)), inputs: inputs,
        form: pooled))
    if keepsDimensions { return pool }
    return append(Node(after: pool, .flatten, form: form))
  }

  private func require(_ condition: Bool, _ layer: Layer, _ reason: String) throws {
    guard condition else {
      throw EngineError.unsupported(
        layer: layer.name, className: layer.kind.className, reason: reason)
    }
  }
}
