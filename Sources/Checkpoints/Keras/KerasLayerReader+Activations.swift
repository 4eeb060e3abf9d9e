internal import ModelCore

/// Functions, by their names and as layers.
extension KerasLayerReader {
  /// The activation named by a layer's `activation`.
  ///
  /// - Parameter value: what a layer without the key does; nil where the key is required.
  func activation(default value: Activation? = .linear) throws(Unsupported) -> Activation {
    guard let found = config["activation"], !found.isNull else {
      guard let value else { throw Unsupported(reason: "it names no activation") }
      return value
    }
    // Keras 3 writes a function, or a layer used as one, as an object.
    guard let word = found.string ?? found["config"]?.string else {
      let className = found["class_name"]?.string ?? "?"
      guard ["ReLU", "LeakyReLU", "ELU", "Softmax"].contains(className),
        let config = found["config"]
      else {
        throw Unsupported(reason: "its activation is a '\(className)' with settings of its own")
      }
      return try KerasLayerReader(className: className, name: name, config: config, keras: keras)
        .activationLayer()
    }
    guard let activation = named(word) else {
      throw Unsupported(reason: "the engine has no activation '\(word)'")
    }
    return activation
  }

  /// A function of `keras.activations` with its default settings.
  private func named(_ word: String) -> Activation? {
    switch word {
    case "linear": .linear
    case "relu": .relu
    case "relu6": .relu6
    case "softmax": .softmax
    case "log_softmax": .logSoftmax
    case "sigmoid": .sigmoid
    case "log_sigmoid": .logSigmoid
    // Keras 3 changed the slope from 1 / 5.
    case "hard_sigmoid": .hardSigmoid(slope: keras == 2 ? 0.2 : 1 / 6)
    case "tanh": .tanh
    case "hard_tanh": .hardTanh
    case "tanh_shrink": .tanhShrink
    case "hard_shrink": .hardShrink(threshold: 0.5)
    case "soft_shrink": .softShrink(threshold: 0.5)
    case "elu": .elu(alpha: 1)
    case "selu": .selu
    case "celu": .celu(alpha: 1)
    // The function's slope, which is not the layer's in Keras 2.
    case "leaky_relu": .leakyReLU(slope: 0.2)
    case "gelu": .gelu(isApproximate: false)
    case "silu", "swish": .silu
    case "hard_silu", "hard_swish": .hardSilu
    case "mish": .mish
    case "softplus": .softplus
    case "softsign": .softsign
    case "exponential": .exponential
    case "squareplus": .squareplus(b: 4)
    case "sparse_plus": .sparsePlus
    case "sparse_sigmoid": .sparseSigmoid
    default: nil
    }
  }

  /// The activation that a layer is.
  func activationLayer() throws(Unsupported) -> Activation {
    switch className {
    case "Softmax":
      let axis = try axis(default: -1)
      guard axis == -1 || axis > 0 else {
        throw Unsupported(reason: "its axis \(axis) is counted from the end")
      }
      return axis == -1 ? .softmax : .softmaxOver(axis: axis)
    case "ELU": return .elu(alpha: Float(try number("alpha", default: 1, in: 0..<1000)))
    case "LeakyReLU":
      let key = config["negative_slope"] == nil ? "alpha" : "negative_slope"
      return .leakyReLU(slope: Float(try number(key, default: 0.3, in: 0..<1000)))
    default: return try rectifier()
    }
  }

  private func rectifier() throws(Unsupported) -> Activation {
    let threshold = try number("threshold", default: 0, in: 0..<1e6)
    let slope = try number("negative_slope", default: 0, in: 0..<1000)
    let isCapped = !(config["max_value"]?.isNull ?? true)
    guard isCapped || threshold != 0 else {
      return slope == 0 ? .relu : .leakyReLU(slope: Float(slope))
    }
    return .rectifier(
      maximum: isCapped ? Float(try number("max_value", default: nil, in: 0..<1e30)) : nil,
      slope: Float(slope), threshold: Float(threshold))
  }
}
