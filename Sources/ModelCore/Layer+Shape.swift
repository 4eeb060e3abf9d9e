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
    case .add: return try sumShape(inputs)
    case .concatenate(let axis): return try concatenatedShape(inputs, axis: axis)
    default: break
    }
    guard let input = inputs.first, inputs.count == 1 else { throw misfit("one input", inputs) }
    switch kind {
    case .dense(let dense):
      guard input.dimensions.count == 1 else { throw misfit("a vector (use Flatten)", inputs) }
      return Shape(vector: try positive(dense.units, "units"))
    case .convolution2D(let convolution):
      // Each on its own first: the extent is their product.
      for size in [convolution.kernelSize, convolution.dilation] {
        _ = try positive(size.height, "window sizes and dilations")
        _ = try positive(size.width, "window sizes and dilations")
      }
      return try windowShape(
        input, extent: convolution.extent, strides: convolution.strides,
        padding: convolution.padding, channels: try positive(convolution.filters, "filters"))
    case .pooling2D(let pooling):
      return try windowShape(
        input, extent: pooling.size, strides: pooling.strides, padding: pooling.padding,
        channels: try image(input).channels)
    case .globalAveragePooling2D(let keepsDimensions):
      let channels = try image(input).channels
      return keepsDimensions ? try shape([1, 1, channels]) : Shape(vector: channels)
    case .zeroPadding2D(let top, let bottom, let left, let right):
      let (height, width, channels) = try image(input)
      guard min(top, bottom, left, right) >= 0 else { throw misfit("padding of 0 or more", inputs) }
      return try shape([try sum(height, top, bottom), try sum(width, left, right), channels])
    case .flatten: return Shape(vector: input.elementCount)
    case .batchNormalization:
      guard input.dimensions.count == 1 || input.dimensions.count == 3 else {
        throw misfit("a vector or an image", inputs)
      }
      return input
    case .activation, .dropout: return input
    case .input, .unsupported, .add, .concatenate: return input
    }
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
    return try shape([rows, columns, channels])
  }

  private func sumShape(_ inputs: [Shape]) throws(ArchitectureError) -> Shape {
    guard let first = inputs.first, inputs.count > 1, inputs.allSatisfy({ $0 == first }) else {
      throw misfit("two or more inputs of one shape", inputs)
    }
    return first
  }

  private func concatenatedShape(
    _ inputs: [Shape], axis: Int
  ) throws(ArchitectureError) -> Shape {
    guard let first = inputs.first, inputs.count > 1 else {
      throw misfit("two or more inputs", inputs)
    }
    let rank = first.dimensions.count
    // Keras counts the batch axis, which shapes here leave out.
    guard rank > 0, axis == -1 || axis == rank else {
      throw misfit("concatenation along the last axis", inputs)
    }
    let leading = first.dimensions.dropLast()
    guard inputs.allSatisfy({ $0.dimensions.count == rank && $0.dimensions.dropLast() == leading })
    else { throw misfit("inputs that differ in the last axis only", inputs) }
    var total = 0
    for input in inputs { total = try sum(total, input.dimensions[rank - 1], 0) }
    return try shape(leading + [total])
  }

  /// The weights this layer needs.
  ///
  /// - Parameter inputs: the shapes of its inputs, which have been found to fit.
  public func parameterSpecifications(
    inputs: [Shape]
  ) throws(ArchitectureError) -> [ParameterSpecification] {
    switch kind {
    case .dense(let dense):
      let count = inputs.first?.elementCount ?? 0
      return try kernelAndBias(
        kernel: [count, dense.units], window: 1, units: dense.units, usesBias: dense.usesBias)
    case .convolution2D(let convolution):
      let size = convolution.kernelSize
      let channels = inputs.first?.dimensions.last ?? 0
      return try kernelAndBias(
        kernel: [size.height, size.width, channels, convolution.filters],
        window: size.height &* size.width, units: convolution.filters,
        usesBias: convolution.usesBias)
    case .batchNormalization(let normalization):
      let vector = Shape(vector: inputs.first?.dimensions.last ?? 0)
      var result: [ParameterSpecification] = []
      if normalization.usesScale { result.append(specification("gamma", vector, .ones)) }
      if normalization.usesCenter { result.append(specification("beta", vector, .zeros)) }
      result.append(specification("moving_mean", vector, .zeros, isTrainable: false))
      result.append(specification("moving_variance", vector, .ones, isTrainable: false))
      return result
    default: return []
    }
  }

  private func kernelAndBias(
    kernel: [Int], window: Int, units: Int, usesBias: Bool
  ) throws(ArchitectureError) -> [ParameterSpecification] {
    let shape = try shape(kernel)
    let fanIn = shape.elementCount / max(1, units)
    let initializer = ParameterSpecification.Initializer.glorotUniform(
      fanIn: fanIn, fanOut: window &* units)
    let bias = specification("bias", Shape(vector: units), .zeros)
    return [specification("kernel", shape, initializer)] + (usesBias ? [bias] : [])
  }

  private func specification(
    _ role: String, _ shape: Shape, _ initializer: ParameterSpecification.Initializer,
    isTrainable: Bool = true
  ) -> ParameterSpecification {
    ParameterSpecification(
      name: ParameterName(layer: name, role: role), shape: shape, isTrainable: isTrainable,
      initializer: initializer)
  }

  private func image(
    _ shape: Shape
  ) throws(ArchitectureError) -> (height: Int, width: Int, channels: Int) {
    guard shape.dimensions.count == 3 else {
      throw misfit("an image [height, width, channels]", [shape])
    }
    return (shape.dimensions[0], shape.dimensions[1], shape.dimensions[2])
  }

  private func positive(_ value: Int, _ what: String) throws(ArchitectureError) -> Int {
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

  private func shape(_ dimensions: [Int]) throws(ArchitectureError) -> Shape {
    do { return try Shape(dimensions) } catch {
      throw misfit("sizes that fit this machine", [])
    }
  }

  private func misfit(_ expected: String, _ found: [Shape]) -> ArchitectureError {
    .shape(layer: name, expected: expected, found: found)
  }
}
