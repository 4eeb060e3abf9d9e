extension Layer {
  /// The weights this layer needs.
  ///
  /// - Parameter inputs: the shapes of its inputs, which have been found to fit.
  public func parameterSpecifications(
    inputs: [Shape]
  ) throws(ArchitectureError) -> [ParameterSpecification] {
    guard let input = inputs.first else { return [] }
    switch kind {
    case .dense(let dense):
      let kernel = try self.kernel(
        "kernel", [input.dimensions.last ?? 0, dense.units], outputs: dense.units)
      return [kernel] + bias(dense.units, if: dense.usesBias)
    case .convolution2D(let convolution): return try specifications(convolution, input)
    case .batchNormalization(let normalization):
      let vector = Shape(vector: input.dimensions.last ?? 0)
      return scaleAndCenter(vector, normalization.usesScale, normalization.usesCenter) + [
        specification("moving_mean", vector, .zeros, isTrainable: false),
        specification("moving_variance", vector, .ones, isTrainable: false),
      ]
    case .groupNormalization(let normalization):
      return scaleAndCenter(
        try shape(input.dimensions.suffix(normalization.parameterAxes)),
        normalization.usesScale, normalization.usesCenter)
    case .embedding(let embedding):
      return [
        specification(
          "embeddings", try shape([embedding.vocabulary, embedding.dimension]),
          .uniform(limit: 0.05))
      ]
    case .parametricReLU(let shared):
      let extents = input.dimensions.enumerated().map { shared.contains($0 + 1) ? 1 : $1 }
      return [specification("alpha", try shape(extents), .zeros)]
    case .affine(.normalization):
      let vector = Shape(vector: input.dimensions.last ?? 0)
      return [
        specification("mean", vector, .zeros, isTrainable: false),
        specification("variance", vector, .ones, isTrainable: false),
        specification("count", .scalar, .zeros, isTrainable: false),
      ]
    default: return []
    }
  }

  private func specifications(
    _ convolution: Convolution2D, _ input: Shape
  ) throws(ArchitectureError) -> [ParameterSpecification] {
    let size = convolution.kernelSize
    let window = convolution.axes == 1 ? [size.width] : [size.height, size.width]
    let inputs = input.dimensions.last ?? 0
    let outputs = convolution.outputs(of: inputs)
    let kernels: [ParameterSpecification]
    switch convolution.mixing {
    case .grouped(let groups):
      let inputs = inputs / (try positive(groups, "groups"))
      kernels = [try kernel("kernel", window + [inputs, outputs], outputs: outputs)]
    case .depthwise(let multiplier):
      kernels = [try kernel("kernel", window + [inputs, multiplier], outputs: multiplier)]
    case .separable(let multiplier):
      let ones = window.map { _ in 1 }
      let middle = try shape([inputs, multiplier]).elementCount
      kernels = [
        try kernel("depthwise_kernel", window + [inputs, multiplier], outputs: multiplier),
        try kernel("pointwise_kernel", ones + [middle, outputs], outputs: outputs),
      ]
    case .transposed:
      kernels = [try kernel("kernel", window + [outputs, inputs], outputs: inputs)]
    }
    return kernels + bias(outputs, if: convolution.usesBias)
  }

  /// Keras takes the last extent for the outputs and the one before for the inputs, whatever the
  /// layer makes of them (`compute_fans` in `keras/src/initializers/random_initializers.py`).
  private func kernel(
    _ role: String, _ extents: [Int], outputs: Int
  ) throws(ArchitectureError) -> ParameterSpecification {
    let shape = try shape(extents)
    let window = extents.dropLast(2).reduce(1, &*)
    return specification(
      role, shape,
      .glorotUniform(fanIn: shape.elementCount / max(1, outputs), fanOut: window &* outputs))
  }

  private func bias(_ count: Int, if isUsed: Bool) -> [ParameterSpecification] {
    isUsed ? [specification("bias", Shape(vector: count), .zeros)] : []
  }

  private func scaleAndCenter(
    _ shape: Shape, _ usesScale: Bool, _ usesCenter: Bool
  ) -> [ParameterSpecification] {
    (usesScale ? [specification("gamma", shape, .ones)] : [])
      + (usesCenter ? [specification("beta", shape, .zeros)] : [])
  }

  private func specification(
    _ role: String, _ shape: Shape, _ initializer: ParameterSpecification.Initializer,
    isTrainable: Bool = true
  ) -> ParameterSpecification {
    ParameterSpecification(
      name: ParameterName(layer: weightOwner, role: role), shape: shape, isTrainable: isTrainable,
      initializer: initializer)
  }
}
