internal import ModelCore

/// Reads one layer's entry in a Keras configuration.
struct KerasLayerReader {
  let className: String
  let name: String
  let config: JSONValue
  /// The release of Keras, as 2 or 3, where that is known.
  let keras: Int?
  /// Whether the class is somebody's own, whatever its name is.
  private let isCustom: Bool
  /// Whether it is a function of `keras.ops` and no layer.
  let isOperation: Bool

  init(
    _ entry: JSONValue, index: Int, keras: Int? = nil
  ) throws(KerasConfigurationError) {
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
    self.keras = keras
    isCustom = entry["registered_name"]?.string?.contains(">") ?? false
    isOperation = KerasLayerEntry.isOperation(entry)
  }

  /// A layer that another one is made of, such as its activation.
  init(className: String, name: String, config: JSONValue, keras: Int?) {
    (self.className, self.name, self.config, self.keras) = (className, name, config, keras)
    (isCustom, isOperation) = (false, false)
  }

  /// Whether it is a model with layers of its own.
  var isModel: Bool {
    !isCustom && ["Sequential", "Functional", "Model"].contains(className)
      && (config["layers"]?.array != nil || config.array != nil)
  }

  var isTrainable: Bool { config["trainable"]?.boolean ?? true }

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

  /// What the layer computes; `.unsupported` where the engine cannot.
  var kind: Layer.Kind {
    guard !isCustom else {
      return .unsupported(
        className: className, reason: "its class is not one of Keras's own")
    }
    if let mode = config["dtype"]?["config"]?["mode"]?.string {
      return .unsupported(className: className, reason: "its weights are quantized (\(mode))")
    }
    do { return try supportedKind() } catch {
      return .unsupported(className: className, reason: error.reason)
    }
  }

  /// Why the engine cannot run a layer.
  struct Unsupported: Error { let reason: String }

  private func supportedKind() throws(Unsupported) -> Layer.Kind {
    switch className {
    case "InputLayer": return try input()
    case "Dense":
      return .dense(
        Dense(
          units: try size("units"), activation: try activation(),
          usesBias: try flag("use_bias", default: true)))
    case "BatchNormalization", "BatchNormalizationV1", "BatchNormalizationV2":
      return .batchNormalization(try batchNormalization())
    case "LayerNormalization": return .groupNormalization(try layerNormalization())
    case "GroupNormalization": return .groupNormalization(try groupNormalization())
    case "Activation": return .activation(try activation(default: nil))
    case "ReLU", "LeakyReLU", "ELU", "Softmax": return .activation(try activationLayer())
    case "PReLU": return .parametricReLU(sharedAxes: try sharedAxes())
    case "Embedding": return .embedding(try embedding())
    case "Flatten":
      try requireChannelsLast()
      return .flatten
    case "Reshape": return .reshape(try extents("target_shape", from: -1))
    case "Permute": return .permute(try extents("dims", from: 1))
    case "RepeatVector": return .repeatVector(try size("n"))
    case "Add": return .add
    case "Subtract", "Multiply", "Average", "Maximum", "Minimum":
      guard let merge = Merge(rawValue: className.lowercased()) else { break }
      return .merge(merge)
    case "Concatenate": return .concatenate(axis: try axis(default: -1))
    case "Rescaling":
      return .affine(
        .rescaling(
          scale: try numbers("scale", default: nil), offset: try numbers("offset", default: 0)))
    case "Normalization": return .affine(try normalization())
    case "ActivityRegularization": return .activation(.linear)
    case "Masking":
      throw Unsupported(reason: "the engine computes every step of a sequence")
    default:
      if let kind = try noiseKind() { return kind }
      if let kind = try imageKind() { return kind }
    }
    throw Unsupported(reason: "the engine has no such layer")
  }

  private func input() throws(Unsupported) -> Layer.Kind {
    if let type = config["dtype"]?.string, type == "string" {
      throw Unsupported(reason: "it takes text")
    }
    for key in ["sparse", "ragged"] where try flag(key, default: false) {
      throw Unsupported(reason: "its input is \(key)")
    }
    guard let shape = declaredInputShape else {
      throw Unsupported(reason: "its shape is not fixed")
    }
    return .input(shape: shape)
  }

  private func noiseKind() throws(Unsupported) -> Layer.Kind? {
    switch className {
    case "Dropout":
      let shape = config["noise_shape"]?.array ?? []
      // One number for each sample: what networks drop whole branches with.
      if shape.count > 1, shape[0].isNull, shape.dropFirst().allSatisfy({ $0.integer == 1 }) {
        return .noise(.sampleDropout(rate: try rate()))
      }
      guard config["noise_shape"]?.isNull ?? true else {
        throw Unsupported(reason: "it has a noise shape")
      }
      return .dropout(rate: try rate())
    case "SpatialDropout1D", "SpatialDropout2D":
      try requireChannelsLast()
      return .noise(.spatialDropout(rate: try rate()))
    case "GaussianNoise":
      return .noise(
        .gaussian(deviation: Float(try number("stddev", default: nil, in: 0..<1_000_000))))
    case "GaussianDropout": return .noise(.gaussianDropout(rate: try rate()))
    case "AlphaDropout":
      guard config["noise_shape"]?.isNull ?? true else {
        throw Unsupported(reason: "it has a noise shape")
      }
      return .noise(.alphaDropout(rate: try rate()))
    default: return nil
    }
  }

  private func rate() throws(Unsupported) -> Float {
    Float(try number("rate", default: nil, in: 0..<1))
  }

  private func batchNormalization() throws(Unsupported) -> BatchNormalization {
    guard try !flag("renorm", default: false) else {
      throw Unsupported(reason: "it renormalizes")
    }
    return BatchNormalization(
      momentum: Float(try number("momentum", default: 0.99, in: 0..<1.000_001)),
      epsilon: Float(try number("epsilon", default: 1e-3, in: 0..<1_000_000)),
      usesScale: try flag("scale", default: true), usesCenter: try flag("center", default: true),
      axis: try axis(default: -1))
  }

  private func layerNormalization() throws(Unsupported) -> GroupNormalization {
    guard try !flag("rms_scaling", default: false) else {
      throw Unsupported(reason: "it scales without centering")
    }
    var axes: [Int]
    if config["axis"]?.array == nil {
      axes = [try axis(default: -1)]
    } else {
      let list = config["axis"]?.array ?? []
      axes = list.compactMap { $0.integer.flatMap { Int(exactly: $0) } }
      guard axes.count == list.count, !axes.isEmpty else {
        throw Unsupported(reason: "its 'axis' is no list of axes")
      }
    }
    // Keras counts from the front once it is built: the axes that are left out come first then.
    let lastAxes = axes.allSatisfy { $0 < 0 } ? Set(axes) == Set(-axes.count...(-1)) : true
    guard lastAxes, Set(axes).count == axes.count, axes.max() != 0 else {
      throw Unsupported(reason: "it normalizes axes \(axes), not the last")
    }
    return GroupNormalization(
      scope: axes.allSatisfy { $0 < 0 } ? .lastAxes(axes.count) : .axes(axes.sorted()),
      epsilon: Float(try number("epsilon", default: 1e-3, in: 0..<1_000_000)),
      usesScale: try flag("scale", default: true), usesCenter: try flag("center", default: true))
  }

  private func groupNormalization() throws(Unsupported) -> GroupNormalization {
    guard try axis(default: -1) == -1 || config["axis"]?.isNull ?? true else {
      throw Unsupported(reason: "it normalizes axis \(try axis(default: -1)), not the last")
    }
    guard let groups = config["groups"]?.integer ?? (config["groups"] == nil ? 32 : nil),
      groups == -1 || (1...Int64(Int32.max)).contains(groups)
    else { throw Unsupported(reason: "its 'groups' is no number of groups") }
    return GroupNormalization(
      scope: .groups(Int(groups)),
      epsilon: Float(try number("epsilon", default: 1e-3, in: 0..<1_000_000)),
      usesScale: try flag("scale", default: true), usesCenter: try flag("center", default: true))
  }

  private func embedding() throws(Unsupported) -> Embedding {
    guard try !flag("mask_zero", default: false) else {
      throw Unsupported(reason: "it masks steps of a sequence")
    }
    return Embedding(vocabulary: try size("input_dim"), dimension: try size("output_dim"))
  }

  private func normalization() throws(Unsupported) -> Affine {
    guard try !flag("invert", default: false) else {
      throw Unsupported(reason: "it undoes a normalization")
    }
    if let mean = config["mean"], !mean.isNull {
      return .normalizationBy(
        mean: try numbers("mean", default: nil), variance: try numbers("variance", default: nil))
    }
    guard config["axis"]?.isNull != true else {
      throw Unsupported(reason: "it has one mean for all values")
    }
    return .normalization(axis: try axisOrList(default: -1))
  }

  private func axisOrList(default value: Int) throws(Unsupported) -> Int {
    guard let list = config["axis"]?.array else { return try axis(default: value) }
    guard list.count == 1, let axis = list[0].integer.flatMap({ Int(exactly: $0) }) else {
      throw Unsupported(reason: "it has \(list.count) axes")
    }
    return axis
  }

  private func sharedAxes() throws(Unsupported) -> Set<Int> {
    guard let found = config["shared_axes"], !found.isNull else { return [] }
    return Set(try extents("shared_axes", from: 1))
  }
}
