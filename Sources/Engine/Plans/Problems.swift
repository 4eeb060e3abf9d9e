internal import ModelCore
internal import OneDNN

/// A convolution as oneDNN is asked for it; padding lanes count as channels.
struct ConvolutionProblem {
  let source: Form
  let destination: Form
  let kernel: Extent2D
  let geometry: ConvolutionGeometry
  let usesBias: Bool
  let appliesReLU: Bool
  /// Whether it adds to what its output holds, before the ReLU.
  let accumulates: Bool
  /// Groups of channels that do not see each other; padding lanes are groups of their own.
  let groups: Int

  /// - Parameter border: explicit padding that was in front of it.
  init(_ convolution: Convolution2D, border: Border, node: Node) {
    self.init(
      convolution, border: border, from: node.inputs[0].form.inBlocks, to: node.form.inBlocks,
      groups: node.groups,
      usesBias: convolution.usesBias || node.normalization != nil,
      appliesReLU: node.appliesReLU, accumulates: node.inputs.count > 1)
  }

  /// The convolution whose gradient a transposed convolution computes.
  init(adjointOf convolution: Convolution2D, node: Node) {
    self.init(
      convolution, border: Border(), from: node.form, to: node.inputs[0].form, groups: 1,
      usesBias: false, appliesReLU: false, accumulates: false)
  }

  private init(
    _ convolution: Convolution2D, border: Border, from source: Form, to destination: Form,
    groups: Int, usesBias: Bool, appliesReLU: Bool, accumulates: Bool
  ) {
    self.source = source
    self.destination = destination
    kernel = convolution.kernelSize
    self.usesBias = usesBias
    self.appliesReLU = appliesReLU
    self.accumulates = accumulates
    self.groups = groups > 1 && groups == source.channels ? source.paddedChannels : groups
    let (extent, strides) = (convolution.extent, convolution.strides)
    let rows = convolution.padding.amounts(
      input: source.height, extent: extent.height, stride: strides.height)
    let columns = convolution.padding.amounts(
      input: source.width, extent: extent.width, stride: strides.width)
    let before = [rows.before + border.top, columns.before + border.left]
    // Only what a window reaches: strides may leave the last rows out.
    let after = [
      (destination.height - 1) * strides.height + extent.height - source.height - before[0],
      (destination.width - 1) * strides.width + extent.width - source.width - before[1],
    ].map { max(0, $0) }
    geometry = ConvolutionGeometry(
      strides: [strides.height, strides.width],
      dilations: [convolution.dilation.height, convolution.dilation.width],
      paddingBefore: before, paddingAfter: after)
  }

  var inputs: Int { source.paddedChannels }
  var outputs: Int { destination.paddedChannels }

  /// Multiplications for one sample, done directly.
  var multiplications: Double { Double(destination.pixels * outputs * products) }

  /// Products that are summed up for one output.
  var products: Int { kernel.height * kernel.width * inputs / groups }

  /// Whether Winograd's method applies and pays.
  ///
  /// It saves up to three quarters of the multiplications but computes tiles of 4 x 4 pixels, used or
  /// not, and has to transform images and weights, which weighs more the fewer channels share the
  /// work.
  var usesWinograd: Bool {
    guard Processor.hasAVX512, kernel.height == 3, kernel.width == 3,
      geometry.strides == [1, 1], geometry.dilations == [1, 1], groups == 1,
      geometry.paddingBefore.allSatisfy({ $0 < 3 }), source.lanes == 16, destination.lanes == 16,
      source.channels >= 16, destination.channels >= 16
    else { return false }
    let tiles = ((destination.height + 3) / 4) * ((destination.width + 3) / 4)
    return Double(destination.pixels) / Double(16 * tiles) > leastUsed
  }

  /// The part of the tiles' pixels that must exist: where the direct method is as fast, by measurements
  /// of single layers (see Engine.docc/Speed.md).
  private var leastUsed: Double {
    switch min(source.channels, destination.channels) {
    case ..<32: 0.5
    case ..<64: 0.4
    default: 0.38
    }
  }

  /// Whether its steps take less time with factors of 16 bits, their rounding included.
  ///
  /// There is no Winograd of 16 bits, and it is faster in 32 bits than the direct method in 16.
  var gainsByRounding: Bool {
    groups == 1 && source.lanes == 16 && destination.lanes == 16 && !usesWinograd
  }

  /// The kernel, `[O, I, height, width]`, or `[G, O / G, I / G, height, width]` in groups.
  func weights(
    in format: Layout.Format, of scalar: Layout.Scalar = .float32
  ) throws(OneDNNError) -> Layout {
    let window = [kernel.height, kernel.width]
    guard groups > 1 else { return try Layout([outputs, inputs] + window, format, of: scalar) }
    return try Layout([groups, outputs / groups, inputs / groups] + window, format, of: scalar)
  }

  /// - Parameters:
  ///   - weights: nil leaves the choice to oneDNN.
  ///   - factors: what is multiplied in a step; what comes of it is 32 bits wide.
  func layouts(
    samples: Int, weights: Layout?, for step: ConvolutionStep = .forward,
    of factors: Layout.Scalar = .float32
  ) throws(OneDNNError) -> WeightedLayouts {
    func scalar(in steps: ConvolutionStep...) -> Layout.Scalar {
      steps.contains(step) ? factors : .float32
    }
    let kernel: Layout =
      if let weights { weights } else {
        try self.weights(in: .any, of: scalar(in: .forward, .sourceGradient))
      }
    return WeightedLayouts(
      source: try source.layout(samples: samples, of: scalar(in: .forward, .weightGradient)),
      weights: kernel,
      bias: usesBias ? try Layout([outputs], .x) : nil,
      destination: try destination.layout(
        samples: samples, of: scalar(in: .sourceGradient, .weightGradient)))
  }
}

extension Processor {
  /// The batch size that layouts are chosen for; plans for other sizes use the same weights.
  static let nominalSamples = 64

  /// The layout of the weights that the forward step prefers.
  func convolutionLayout(_ problem: ConvolutionProblem) throws(OneDNNError) -> Layout {
    if problem.usesWinograd { return try problem.weights(in: .OIhw16i16o) }
    let layouts = try problem.layouts(samples: Self.nominalSamples, weights: nil)
    let operation = try convolutionForward(
      layouts, problem.geometry, appliesReLU: problem.appliesReLU)
    if !operation.isReference, let layout = operation.layout(of: .weights) { return layout }
    return try problem.weights(in: problem.groups > 1 ? .goihw : .oihw)
  }
}
