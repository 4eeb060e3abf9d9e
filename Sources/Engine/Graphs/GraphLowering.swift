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
    endInScores(try architecture.head())
    removeUnused()
    markShared()
    fuse()
    try chooseForms()
  }

  /// Losses are defined on the scores before a softmax or sigmoid; a single one is the second of
  /// two classes, and the first one's is zero.
  private mutating func endInScores(_ head: Head) {
    switch (head, output.work) {
    case (.softmax, .softmax), (.binary, .function(.sigmoid)), (.multiLabel, .function(.sigmoid)):
      output = output.inputs[0]
    default: break
    }
    guard head == .binary else { return }
    let pair = Node(after: output, .linear(.pair), form: .vector(2))
    nodes.append(pair)
    output = pair
  }

  /// Calls of one layer have to agree on the layout of its weights.
  private func markShared() {
    let users = Dictionary(grouping: nodes.filter(\.hasWeights)) {
      "\($0.parameterLayer)/\($0.kernelRole)"
    }
    for nodes in users.values where nodes.count > 1 {
      for node in nodes { node.isShared = true }
    }
  }
}

/// Layers one after the other into nodes.
struct Lowering {
  let shapes: [String: Shape]
  var nodes: [Node] = []
  /// The node that stands for a layer's output.
  var last: [String: Node] = [:]
  private var masks = 0

  init(shapes: [String: Shape]) { self.shapes = shapes }

  mutating func add(_ layer: Layer) throws {
    var inputs: [Node] = []
    for name in layer.inputs {
      guard let node = last[name] else {
        throw ArchitectureError.unknownInput(layer: layer.name, input: name)
      }
      inputs.append(node)
    }
    last[layer.name] = try lower(layer, inputs)
  }

  /// The shape of a layer's first input.
  func inputShape(_ layer: Layer) -> Shape {
    layer.inputs.first.flatMap { shapes[$0] } ?? .scalar
  }

  static func form(of shape: Shape) -> Form {
    let extents = shape.dimensions
    guard extents.count > 1, let channels = extents.last else {
      return .vector(shape.elementCount)
    }
    // A sequence is an image of one row; what has more axes than an image, one of longer rows.
    let rows = extents.count == 2 ? 1 : extents[0]
    let columns = extents.dropFirst(extents.count == 2 ? 0 : 1).dropLast().reduce(1, *)
    return .blocked(channels: channels, height: rows, width: columns)
  }

  mutating func append(_ node: Node) -> Node {
    nodes.append(node)
    return node
  }

  /// A node that stands for a layer, or for the last part of one.
  mutating func append(_ layer: Layer, _ work: Node.Work, _ inputs: [Node]) -> Node {
    append(
      Node(layer, work, inputs: inputs, form: Self.form(of: shapes[layer.name] ?? .scalar)))
  }

  private mutating func lower(_ layer: Layer, _ inputs: [Node]) throws -> Node {
    switch layer.kind {
    case .input(let shape): return try lowerInput(layer, shape)
    case .dense(let dense): return try lowerDense(layer, dense, inputs)
    case .convolution2D(let convolution): return try lowerConvolution(layer, convolution, inputs)
    case .pooling2D(let pooling): return append(layer, .pool(pooling), inputs)
    case .globalAveragePooling2D(let keeps):
      return globalPool(layer, inputs, .average, keepsDimensions: keeps)
    case .globalMaxPooling2D(let keeps):
      return globalPool(layer, inputs, .max, keepsDimensions: keeps)
    case .batchNormalization(let normalization):
      return append(layer, .normalization(normalization), inputs)
    case .groupNormalization(let normalization):
      return append(layer, .groupNormalization(normalization, inputShape(layer)), inputs)
    case .embedding(let embedding): return append(layer, .embedding(embedding), inputs)
    case .activation(let activation): return try activate(inputs[0], activation, layer)
    case .parametricReLU(let axes):
      return append(
        layer, .parametricReLU(slopes: Self.slopes(inputShape(layer), sharedAxes: axes)), inputs)
    case .dropout(let rate): return try dropout(layer, rate, inputs[0])
    case .noise(let noise): return try addNoise(layer, noise, inputs[0])
    case .add: return append(layer, .add, broadcast(layer, inputs))
    case .merge(let merge): return append(layer, .merge(merge), broadcast(layer, inputs))
    case .affine(let affine): return append(layer, .affine(affine), inputs)
    case .unsupported(let className, let reason):
      throw ArchitectureError.unsupportedLayer(
        name: layer.name, className: className, reason: reason)
    default: return try lowerMovement(layer, inputs)
    }
  }

  private mutating func lowerInput(_ layer: Layer, _ shape: Shape) throws -> Node {
    guard shape.elementCount > 0, !shape.dimensions.isEmpty else {
      throw ArchitectureError.shape(
        layer: layer.name, expected: "a vector or an image [height, width, channels]",
        found: [shape])
    }
    return append(layer, .input, [])
  }

  /// Over the last axis of an image, a dense layer is a convolution of one pixel.
  private mutating func lowerDense(
    _ layer: Layer, _ dense: Dense, _ inputs: [Node]
  ) throws -> Node {
    guard inputShape(layer).dimensions.count > 1 else {
      return try activate(append(layer, .dense(dense), inputs), dense.activation, layer)
    }
    let pixelwise = Convolution2D(
      filters: dense.units, kernelSize: Extent2D(height: 1, width: 1), usesBias: dense.usesBias)
    let node = append(layer, .convolution(pixelwise, border: Border()), inputs)
    return try activate(node, dense.activation, layer)
  }

  // MARK: Functions

  mutating func activate(_ node: Node, _ activation: Activation, _ layer: Layer) throws -> Node {
    let work: Node.Work
    switch activation {
    case .linear: return node
    case .softmax: work = .softmax
    case .logSoftmax: work = .logSoftmax
    case .softmaxOver(let axis): return softmax(node, over: axis, layer)
    case .leakyReLU(let slope):
      try require(slope >= 0 && slope.isFinite, layer, "a slope of \(slope) is not monotonic")
      work = .function(activation)
    case .elu(let alpha):
      try require(alpha >= 0 && alpha.isFinite, layer, "an alpha of \(alpha) is not monotonic")
      work = .function(activation)
    default: work = .function(activation)
    }
    return append(Node(layer, work, inputs: [node], form: node.form))
  }

  /// Over another axis: that axis is made the last, and put back.
  private mutating func softmax(_ node: Node, over axis: Int, _ layer: Layer) -> Node {
    let extents = shapes[layer.name]?.dimensions ?? []
    guard axis < extents.count else {
      return append(Node(layer, .softmax, inputs: [node], form: node.form))
    }
    var order = Array(extents.indices)
    order.append(order.remove(at: axis - 1))
    let there = LinearMap.permutation(of: extents, order)
    let turned = order.map { extents[$0] }
    let inverse = order.indices.sorted { order[$0] < order[$1] }
    let back = LinearMap.permutation(of: turned, inverse)
    let form = (try? Shape(turned)).map(Self.form) ?? node.form
    let first = append(Node(layer, .linear(there), inputs: [node], form: form))
    let middle = append(Node(layer, .softmax, inputs: [first], form: form))
    return append(Node(layer, .linear(back), inputs: [middle], form: node.form))
  }

  /// For each element of a sample, which of the slopes is its own.
  private static func slopes(_ shape: Shape, sharedAxes: Set<Int>) -> [Int32] {
    let extents = shape.dimensions
    var result = [Int32](repeating: 0, count: shape.elementCount)
    for element in result.indices {
      var (rest, slope, step) = (element, 0, 1)
      for axis in extents.indices.reversed() {
        let position = rest % extents[axis]
        rest /= extents[axis]
        guard !sharedAxes.contains(axis + 1) else { continue }
        slope += position * step
        step *= extents[axis]
      }
      result[element] = Int32(truncatingIfNeeded: slope)
    }
    return result
  }

  private mutating func dropout(_ layer: Layer, _ rate: Float, _ input: Node) throws -> Node {
    try require(rate >= 0 && rate < 1, layer, "a rate of \(rate) is not in 0..<1")
    if rate == 0 || layer.isInference { return input }
    masks += 1
    return append(
      Node(layer, .dropout(rate: rate, index: masks), inputs: [input], form: input.form))
  }

  private mutating func addNoise(_ layer: Layer, _ noise: Noise, _ input: Node) throws -> Node {
    switch noise {
    case .gaussian(let deviation):
      try require(
        deviation >= 0 && deviation.isFinite, layer, "\(deviation) is no standard deviation")
      if deviation == 0 { return input }
    case .spatialDropout(let rate), .sampleDropout(let rate), .gaussianDropout(let rate),
      .alphaDropout(let rate):
      try require(rate >= 0 && rate < 1, layer, "a rate of \(rate) is not in 0..<1")
      if rate == 0 { return input }
    }
    if layer.isInference { return input }
    masks += 1
    return append(
      Node(layer, .noise(noise, index: masks), inputs: [input], form: input.form))
  }

  private mutating func globalPool(
    _ layer: Layer, _ inputs: [Node], _ statistic: Pooling2D.Statistic, keepsDimensions: Bool
  ) -> Node {
    let image = inputs[0].form
    let size = Extent2D(height: image.height, width: image.width)
    let pooled = Form.blocked(channels: image.channels, height: 1, width: 1)
    let pool = append(
      Node(
        layer, .pool(Pooling2D(statistic: statistic, size: size, strides: size)), inputs: inputs,
        form: pooled))
    if keepsDimensions { return pool }
    return append(Node(after: pool, .flatten, form: .vector(image.channels)))
  }

  func require(_ condition: Bool, _ layer: Layer, _ reason: String) throws {
    guard condition else {
      throw EngineError.unsupported(
        layer: layer.name, className: layer.kind.className, reason: reason)
    }
  }
}
