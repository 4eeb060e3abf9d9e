internal import ModelCore

/// Reads one layer's entry in a Keras configuration.
struct KerasLayerReader {
  let className: String
  let name: String
  let config: JSONValue
  /// Whether the class is somebody's own, whatever its name is.
  private let isCustom: Bool

  init(_ entry: JSONValue, index: Int) throws(KerasConfigurationError) {
    guard let className = entry["class_name"]?.string else {
      throw .missing("class_name", in: "layer \(index)")
    }
    guard let config = entry["config"] else { throw .missing("config", in: "layer \(index)") }
    guard let name = entry["name"]?.string ?? config["name"]?.string else {
      throw .missing("name", in: "layer \(index)")
    }
    self.className = className
    self.name = name
    self.config = config
    isCustom = entry["registered_name"]?.string?.contains(">") ?? false
  }

  /// The shape that the layer says its model is fed with, without the batch axis.
  var declaredInputShape: Shape? {
    (config["batch_shape"] ?? config["batch_input_shape"]).flatMap(Self.sampleShape)
  }

  /// `[null, 28, 28, 1]` without its first extent; nil when another one is open too.
  static func sampleShape(_ value: JSONValue) -> Shape? {
    guard let extents = value.array, !extents.isEmpty else { return nil }
    var dimensions: [Int] = []
    for extent in extents.dropFirst() {
      guard let size = extent.integer, (1...Int64(Int32.max)).contains(size) else { return nil }
      dimensions.append(Int(size))
    }
    return try? Shape(dimensions)
  }

  func layer(inputs: [String]) -> Layer {
    let kind: Layer.Kind
    do { kind = try self.kind() } catch {
      kind = .unsupported(className: className, reason: error.reason)
    }
    return Layer(
      name: name, kind: kind, inputs: inputs, isTrainable: config["trainable"]?.boolean ?? true)
  }

  func unsupported(_ reason: String, inputs: [String]) -> Layer {
    Layer(
      name: name, kind: .unsupported(className: className, reason: reason), inputs: inputs)
  }

  /// Why the engine cannot run a layer.
  struct Unsupported: Error { let reason: String }

  private func kind() throws(Unsupported) -> Layer.Kind {
    guard !isCustom else { throw Unsupported(reason: "its class is not one of Keras's own") }
    switch className {
    case "InputLayer": return try input()
    case "Dense":
      return .dense(
        Dense(
          units: try size("units"), activation: try activation(),
          usesBias: try flag("use_bias", default: true)))
    case "Conv2D", "Convolution2D": return .convolution2D(try convolution())
    case "MaxPooling2D", "MaxPool2D": return .pooling2D(try pooling(.max))
    case "AveragePooling2D", "AvgPool2D": return .pooling2D(try pooling(.average))
    case "GlobalAveragePooling2D", "GlobalAvgPool2D":
      try requireChannelsLast()
      return .globalAveragePooling2D(keepsDimensions: try flag("keepdims", default: false))
    case "BatchNormalization", "BatchNormalizationV1", "BatchNormalizationV2":
      return .batchNormalization(try batchNormalization())
    case "Activation": return .activation(try activation(default: nil))
    case "ReLU", "LeakyReLU", "ELU", "Softmax": return .activation(try activationLayer())
    case "Dropout":
      guard config["noise_shape"]?.isNull ?? true else {
        throw Unsupported(reason: "it has a noise shape")
      }
      return .dropout(rate: Float(try number("rate", default: nil, in: 0..<1)))
    case "Flatten":
      try requireChannelsLast()
      return .flatten
    case "ZeroPadding2D": return try zeroPadding()
    case "Add": return .add
    case "Concatenate": return .concatenate(axis: try axis(default: -1))
    case "Sequential", "Functional", "Model":
      throw Unsupported(reason: "it is a model inside the model")
    default: throw Unsupported(reason: "the engine has no such layer")
    }
  }

  private func input() throws(Unsupported) -> Layer.Kind {
    guard let shape = declaredInputShape else {
      throw Unsupported(reason: "its shape is not fixed")
    }
    return .input(shape: shape)
  }

  private func convolution() throws(Unsupported) -> Convolution2D {
    try requireChannelsLast()
    guard try size("groups", default: 1) == 1 else { throw Unsupported(reason: "it has groups") }
    let result = Convolution2D(
      filters: try size("filters"), kernelSize: try pair("kernel_size"),
      strides: try pair("strides", default: 1), dilation: try pair("dilation_rate", default: 1),
      padding: try padding(), activation: try activation(),
      usesBias: try flag("use_bias", default: true))
    let unit = Extent2D(height: 1, width: 1)
    guard result.strides == unit || result.dilation == unit else {
      throw Unsupported(reason: "it has both strides and dilation")
    }
    return result
  }

  private func pooling(_ statistic: Pooling2D.Statistic) throws(Unsupported) -> Pooling2D {
    try requireChannelsLast()
    let size = try pair("pool_size", default: 2)
    let strides = config["strides"]?.isNull ?? true ? size : try pair("strides")
    return Pooling2D(statistic: statistic, size: size, strides: strides, padding: try padding())
  }

  private func batchNormalization() throws(Unsupported) -> BatchNormalization {
    // tf.keras writes the axis as a list, and counts it from the front once it is built.
    let rank = config["axis"]?.array?.first?.integer ?? config["axis"]?.integer ?? -1
    // Which of those is the last is checked when the shapes are known.
    guard rank == -1 || rank == 3 || rank == 1 else {
      throw Unsupported(reason: "it normalizes axis \(rank), not the last")
    }
    guard try !flag("renorm", default: false) else {
      throw Unsupported(reason: "it renormalizes")
    }
    return BatchNormalization(
      momentum: Float(try number("momentum", default: 0.99, in: 0..<1.000_001)),
      epsilon: Float(try number("epsilon", default: 1e-3, in: 0..<1_000_000)),
      usesScale: try flag("scale", default: true), usesCenter: try flag("center", default: true))
  }

  private func zeroPadding() throws(Unsupported) -> Layer.Kind {
    try requireChannelsLast()
    let rows = config["padding"]?.array
    func amounts(_ index: Int) throws(Unsupported) -> (Int, Int) {
      let value = rows.map { $0.indices.contains(index) ? $0[index] : .null } ?? config["padding"]
      if let single = value?.integer { return (try bounded(single, "padding"), Int(single)) }
      guard let both = value?.array, both.count == 2, let before = both[0].integer,
        let after = both[1].integer
      else { throw Unsupported(reason: "its padding is not ((top, bottom), (left, right))") }
      return (try bounded(before, "padding"), try bounded(after, "padding"))
    }
    let (top, bottom) = try amounts(0)
    let (left, right) = try amounts(1)
    return .zeroPadding2D(top: top, bottom: bottom, left: left, right: right)
  }
}
