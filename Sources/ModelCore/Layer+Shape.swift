extension Layer {
  /// The output shape for one sample.
  ///
  /// - Throws: `ArchitectureError` when the layer cannot be run or the inputs do not fit it.
  public func outputShape(of inputs: [Shape]) throws(ArchitectureError) -> Shape {
    switch kind {
    case .input(let shape):
      guard inputs.isEmpty else { throw misfit("no input", inputs) }
      return shape
    case .unsupported(let className, let reason):
      throw .unsupportedLayer(name: name, className: className, reason: reason)
    case .add, .merge: return try broadcastShape(inputs)
    case .concatenate(let axis): return try concatenatedShape(inputs, axis: axis)
    default: break
    }
    guard let input = inputs.first, inputs.count == 1 else { throw misfit("one input", inputs) }
    switch kind {
    case .convolution2D, .pooling2D, .globalAveragePooling2D, .globalMaxPooling2D, .zeroPadding2D,
      .cropping2D, .upSampling2D:
      return try imageShape(input)
    case .flatten: return Shape(vector: input.elementCount)
    case .reshape(let extents): return try reshaped(input, extents)
    case .permute(let axes): return try permuted(input, axes)
    case .repeatVector(let count):
      guard input.dimensions.count == 1 else { throw misfit("a vector", inputs) }
      return try shape([positive(count, "repetitions"), input.elementCount])
    case .embedding(let embedding):
      guard !input.dimensions.isEmpty else { throw misfit("whole numbers in a row", inputs) }
      _ = try positive(embedding.vocabulary, "table rows")
      return try shape(input.dimensions + [positive(embedding.dimension, "table columns")])
    case .dense(let dense):
      guard let last = input.dimensions.last, last > 0 else {
        throw misfit("a vector or more (use Flatten)", inputs)
      }
      return try shape(input.dimensions.dropLast() + [positive(dense.units, "units")])
    default:
      try checkAxes(of: input)
      return input
    }
  }

  /// What a layer that keeps the shape asks of it.
  private func checkAxes(of input: Shape) throws(ArchitectureError) {
    let rank = input.dimensions.count
    switch kind {
    case .batchNormalization(let normalization):
      guard rank >= 1 else { throw misfit("a vector or an image", [input]) }
      // Keras counts axes from the front once a layer is built, with the batch as the first.
      guard normalization.axis == -1 || normalization.axis == rank else {
        throw unsupported("it normalizes axis \(normalization.axis), not the last")
      }
    case .groupNormalization(let normalization):
      switch normalization.scope {
      case .axes(let axes):
        guard axes == Array((rank - axes.count + 1)...max(rank, rank - axes.count + 1)) else {
          throw unsupported("it normalizes axes \(axes), not the last")
        }
      case .lastAxes(let count):
        guard (1...max(1, rank)).contains(count), rank > 0 else {
          throw misfit("\(count) axes or more", [input])
        }
      case .groups(let count):
        guard let channels = input.dimensions.last, count == -1 || count > 0,
          count == -1 || channels % count == 0
        else { throw misfit("channels that \(count) groups share evenly", [input]) }
      }
    case .activation(.softmaxOver(let axis)):
      guard (1...max(1, rank)).contains(axis) else { throw misfit("an axis \(axis)", [input]) }
    case .activation(.softmax), .activation(.logSoftmax):
      guard rank > 0 else { throw misfit("a vector or more", [input]) }
    case .noise(.spatialDropout): _ = try image(input)
    case .affine(let affine): try check(affine, channels: input.dimensions.last ?? 1)
    case .parametricReLU(let axes):
      guard axes.allSatisfy({ (1...max(1, rank)).contains($0) }) else {
        throw misfit("the axes that the slopes are shared over", [input])
      }
    default: break
    }
  }

  private func check(_ affine: Affine, channels: Int) throws(ArchitectureError) {
    let lists: [[Float]] =
      switch affine {
      case .rescaling(let scale, let offset): [scale, offset]
      case .normalizationBy(let mean, let variance): [mean, variance]
      case .normalization: []
      }
    if case .normalization(let axis) = affine, axis != -1 {
      throw unsupported("its axis is not the last")
    }
    guard lists.allSatisfy({ $0.count == 1 || $0.count == channels }) else {
      throw unsupported("it has not one value, or one for each of \(channels) channels")
    }
  }

  // MARK: Images

  private func imageShape(_ input: Shape) throws(ArchitectureError) -> Shape {
    let (height, width, channels) = try image(input)
    switch kind {
    case .convolution2D(let convolution): return try convolutionShape(input, convolution)
    case .pooling2D(let pooling):
      guard input.dimensions.count == pooling.axes + 1 else {
        throw misfit(
          pooling.axes == 1
            ? "a sequence [length, channels]" : "an image [height, width, channels]", [input])
      }
      return try windowShape(
        input, extent: pooling.size, strides: pooling.strides, padding: pooling.padding,
        channels: channels)
    case .globalAveragePooling2D(let keepsDimensions), .globalMaxPooling2D(let keepsDimensions):
      guard height > 0, width > 0 else { throw misfit("at least one pixel", [input]) }
      return keepsDimensions ? try resized(input, 1, 1, channels) : Shape(vector: channels)
    case .zeroPadding2D(let top, let bottom, let left, let right):
      guard min(top, bottom, left, right) >= 0 else {
        throw misfit("padding of 0 or more", [input])
      }
      return try resized(
        input, try sum(height, top, bottom), try sum(width, left, right), channels)
    case .cropping2D(let top, let bottom, let left, let right):
      let (rows, columns) = (try sum(top, bottom, 0), try sum(left, right, 0))
      guard min(top, bottom, left, right) >= 0, rows < height, columns < width else {
        throw misfit("an image larger than what is cropped", [input])
      }
      return try resized(input, height - rows, width - columns, channels)
    case .upSampling2D(let size, _):
      let (rows, columns) = (
        try shape([height, positive(size.height, "sizes")]),
        try shape([width, positive(size.width, "sizes")])
      )
      return try resized(input, rows.elementCount, columns.elementCount, channels)
    default: return input
    }
  }

  private func convolutionShape(
    _ input: Shape, _ convolution: Convolution2D
  ) throws(ArchitectureError) -> Shape {
    let (height, width, channels) = try image(input)
    guard input.dimensions.count == convolution.axes + 1, channels > 0 else {
      throw misfit(
        convolution.axes == 1
          ? "a sequence [length, channels]" : "an image [height, width, channels]", [input])
    }
    // Each on its own first: the extent is their product.
    for size in [convolution.kernelSize, convolution.dilation] {
      _ = try positive(size.height, "window sizes and dilations")
      _ = try positive(size.width, "window sizes and dilations")
    }
    let outputs = try outputChannels(of: channels, convolution)
    guard convolution.mixing == .transposed else {
      return try windowShape(
        input, extent: convolution.extent, strides: convolution.strides,
        padding: convolution.padding, channels: outputs)
    }
    return try resized(
      input,
      try grown(
        height, convolution.extent.height, convolution.strides.height, convolution.padding),
      try grown(width, convolution.extent.width, convolution.strides.width, convolution.padding),
      outputs)
  }

  private func outputChannels(
    of channels: Int, _ convolution: Convolution2D
  ) throws(ArchitectureError) -> Int {
    switch convolution.mixing {
    case .depthwise(let multiplier), .separable(let multiplier):
      let count = try shape([channels, try positive(multiplier, "depth multipliers")]).elementCount
      if case .depthwise = convolution.mixing { return count }
    case .grouped(let groups):
      guard channels % (try positive(groups, "groups")) == 0,
        convolution.filters % groups == 0
      else {
        throw misfit(
          "channels and filters that \(groups) groups share evenly", [Shape(vector: channels)])
      }
    case .transposed: break
    }
    return try positive(convolution.filters, "filters")
  }

  /// A transposed convolution's size: what a convolution would have shrunk to `input`.
  private func grown(
    _ input: Int, _ extent: Int, _ stride: Int, _ padding: Padding
  ) throws(ArchitectureError) -> Int {
    let steps = try shape([input, try positive(stride, "strides")]).elementCount
    return padding == .valid ? try sum(steps, max(0, extent - stride), 0) : steps
  }

  private func windowShape(
    _ input: Shape, extent: Extent2D, strides: Extent2D, padding: Padding, channels: Int
  ) throws(ArchitectureError) -> Shape {
    let (height, width, _) = try image(input)
    for value in [extent.height, extent.width, strides.height, strides.width] {
      _ = try positive(value, "window sizes and strides")
    }
    guard
      let rows = padding.outputSize(input: height, extent: extent.height, stride: strides.height),
      let columns = padding.outputSize(input: width, extent: extent.width, stride: strides.width)
    else { throw misfit("at least [\(extent.height), \(extent.width)] pixels", [input]) }
    return try resized(input, rows, columns, channels)
  }

  /// An image of the same rank.
  private func resized(
    _ input: Shape, _ height: Int, _ width: Int, _ channels: Int
  ) throws(ArchitectureError) -> Shape {
    if input.dimensions.count == 3 { return try shape([height, width, channels]) }
    guard height == 1 else { throw misfit("an image [height, width, channels]", [input]) }
    return try shape([width, channels])
  }

  func image(
    _ shape: Shape
  ) throws(ArchitectureError) -> (height: Int, width: Int, channels: Int) {
    let extents = shape.dimensions
    switch extents.count {
    case 3: return (extents[0], extents[1], extents[2])
    case 2: return (1, extents[0], extents[1])
    default: throw misfit("an image [height, width, channels]", [shape])
    }
  }

  // MARK: Joins

  /// NumPy's rule: shapes are aligned at their last axes, and an extent of one is repeated.
  private func broadcastShape(_ inputs: [Shape]) throws(ArchitectureError) -> Shape {
    let expected =
      kind == .merge(.subtract) ? "two inputs of one shape" : "two or more inputs of one shape"
    guard inputs.count > 1, kind != .merge(.subtract) || inputs.count == 2 else {
      throw misfit(expected, inputs)
    }
    var result: [Int] = []
    for input in inputs {
      let extents = input.dimensions
      let rank = max(result.count, extents.count)
      let left = [Int](repeating: 1, count: rank - result.count) + result
      let right = [Int](repeating: 1, count: rank - extents.count) + extents
      result = []
      for (a, b) in zip(left, right) {
        guard a == b || a == 1 || b == 1 else { throw misfit(expected, inputs) }
        result.append(a == 1 ? b : a)
      }
    }
    return try shape(result)
  }

  private func concatenatedShape(
    _ inputs: [Shape], axis: Int
  ) throws(ArchitectureError) -> Shape {
    guard let first = inputs.first, inputs.count > 1 else {
      throw misfit("two or more inputs", inputs)
    }
    let rank = first.dimensions.count
    guard let axis = Self.sampleAxis(axis, rank: rank) else {
      throw misfit("concatenation along an axis of the sample", inputs)
    }
    var extents = first.dimensions
    for input in inputs.dropFirst() {
      guard input.dimensions.count == rank else { throw misfit("inputs of one rank", inputs) }
      for index in extents.indices where index != axis && extents[index] != input.dimensions[index]
      {
        throw misfit("inputs that differ in one axis only", inputs)
      }
      extents[axis] = try sum(extents[axis], input.dimensions[axis], 0)
    }
    return try shape(extents)
  }

  /// Where an axis as Keras counts it, with the batch as the first, is among a sample's.
  public static func sampleAxis(_ axis: Int, rank: Int) -> Int? {
    let index = axis < 0 ? rank + axis : axis - 1
    return (0..<rank).contains(index) ? index : nil
  }

  // MARK: Other orders

  private func reshaped(_ input: Shape, _ extents: [Int]) throws(ArchitectureError) -> Shape {
    let open = extents.filter { $0 == -1 }.count
    guard open <= 1, extents.allSatisfy({ $0 >= -1 }) else {
      throw misfit("a shape with one open extent at most", [input])
    }
    let known = try shape(extents.filter { $0 != -1 })
    guard known.elementCount > 0, input.elementCount % known.elementCount == 0,
      open == 1 || known.elementCount == input.elementCount
    else { throw misfit("\(known.elementCount) elements", [input]) }
    return try shape(extents.map { $0 == -1 ? input.elementCount / known.elementCount : $0 })
  }

  private func permuted(_ input: Shape, _ axes: [Int]) throws(ArchitectureError) -> Shape {
    guard axes.sorted() == Array(1...max(1, input.dimensions.count)),
      axes.count == input.dimensions.count
    else { throw misfit("axes \(axes) in another order", [input]) }
    return try shape(axes.map { input.dimensions[$0 - 1] })
  }

  // MARK: Checks

  func positive(_ value: Int, _ what: String) throws(ArchitectureError) -> Int {
    guard value > 0, value <= Int(Int32.max) else {
      throw misfit("\(what) from 1 to \(Int32.max), not \(value)", [])
    }
    return value
  }

  private func sum(_ a: Int, _ b: Int, _ c: Int) throws(ArchitectureError) -> Int {
    let (partial, first) = a.addingReportingOverflow(b)
    let (total, second) = partial.addingReportingOverflow(c)
    guard !first, !second else { throw misfit("sizes that fit this machine", []) }
    return total
  }

  func shape(_ dimensions: [Int]) throws(ArchitectureError) -> Shape {
    do { return try Shape(dimensions) } catch {
      throw misfit("sizes that fit this machine", [])
    }
  }

  func misfit(_ expected: String, _ found: [Shape]) -> ArchitectureError {
    .shape(layer: name, expected: expected, found: found)
  }

  private func unsupported(_ reason: String) -> ArchitectureError {
    .unsupportedLayer(name: name, className: kind.className, reason: reason)
  }
}
