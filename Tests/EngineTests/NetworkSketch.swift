import ModelCore

/// A network for a test, drawn layer by layer.
struct NetworkSketch {
  private var layers: [Layer]

  /// - Parameter input: the shape of one sample.
  init(_ input: [Int]) {
    let shape = (try? Shape(input)) ?? .scalar
    layers = [Layer(name: "input", kind: .input(shape: shape), inputs: [])]
  }

  /// Appends a layer that reads from the one before, or from those named.
  ///
  /// - Returns: its name.
  @discardableResult
  mutating func add(
    _ kind: Layer.Kind, from inputs: [String]? = nil, isTrainable: Bool = true,
    sharing owner: String? = nil, isInference: Bool = false
  ) -> String {
    let name = "\(layers.count)_\(kind.className)"
    layers.append(
      Layer(
        name: name, kind: kind, inputs: inputs ?? [last], isTrainable: isTrainable,
        weightOwner: owner, isInference: isInference))
    return name
  }

  /// The layer that was added last.
  var last: String { layers[layers.count - 1].name }

  /// Appends a layer that turns the last one's output into class scores.
  mutating func classify(_ classes: Int = 3, flatten: Bool = true) {
    if flatten { add(.flatten) }
    add(.dense(Dense(units: classes, activation: .softmax)))
  }

  var architecture: Architecture {
    Architecture(name: "sketch", layers: layers, output: last)
  }
}

extension Parameters {
  /// Weights that let no part of a network go unnoticed: no bias is zero, no variance one.
  init(randomFor architecture: Architecture, seed: UInt64) throws {
    self.init(
      try architecture.parameterSpecifications().map { specification in
        var random = SeededGenerator(seed: seed, stream: "\(specification.name)")
        let shape = specification.shape
        let fanIn = max(1, shape.dimensions.dropLast().reduce(1, *))
        let values = (0..<shape.elementCount).map { _ -> Double in
          switch specification.name.role {
          case "kernel", "depthwise_kernel", "pointwise_kernel":
            random.nextNormal() * 1.3 / Double(fanIn).squareRoot()
          case "gamma": 0.5 + random.nextUnit()
          case "moving_variance", "variance": 0.5 + 1.5 * random.nextUnit()
          default: 0.3 * random.nextNormal()
          }
        }
        return Parameter(name: specification.name, shape: shape, values: values.map(Float.init))
      })
  }
}

extension Layer.Kind {
  static func conv(
    _ filters: Int, _ height: Int, _ width: Int? = nil, strides: (Int, Int) = (1, 1),
    dilation: (Int, Int) = (1, 1), padding: Padding = .valid, activation: Activation = .linear,
    usesBias: Bool = true, mixing: Convolution2D.Mixing = .grouped(1), axes: Int = 2
  ) -> Self {
    .convolution2D(
      Convolution2D(
        filters: filters, kernelSize: Extent2D(height: height, width: width ?? height),
        strides: Extent2D(height: strides.0, width: strides.1),
        dilation: Extent2D(height: dilation.0, width: dilation.1), padding: padding,
        activation: activation, usesBias: usesBias, mixing: mixing, axes: axes))
  }

  /// Over sequences.
  static func conv1D(
    _ filters: Int, _ width: Int, stride: Int = 1, dilation: Int = 1, padding: Padding = .valid,
    usesBias: Bool = true, mixing: Convolution2D.Mixing = .grouped(1)
  ) -> Self {
    .conv(
      filters, 1, width, strides: (1, stride), dilation: (1, dilation), padding: padding,
      usesBias: usesBias, mixing: mixing, axes: 1)
  }

  static func pool(
    _ statistic: Pooling2D.Statistic, _ height: Int, _ width: Int? = nil, strides: (Int, Int),
    padding: Padding = .valid
  ) -> Self {
    .pooling2D(
      Pooling2D(
        statistic: statistic, size: Extent2D(height: height, width: width ?? height),
        strides: Extent2D(height: strides.0, width: strides.1), padding: padding))
  }

  static func norm(scale: Bool = true, center: Bool = true, epsilon: Float = 1e-3) -> Self {
    .batchNormalization(
      BatchNormalization(momentum: 0.9, epsilon: epsilon, usesScale: scale, usesCenter: center))
  }

  static func dense(
    _ units: Int, activation: Activation = .linear, usesBias: Bool = true
  ) -> Self {
    .dense(Dense(units: units, activation: activation, usesBias: usesBias))
  }
}
