internal import ModelCore

/// Single settings of a layer, checked before anything is computed with them.
extension KerasLayerReader {
  func flag(_ key: String, default value: Bool) throws(Unsupported) -> Bool {
    guard let found = config[key], !found.isNull else { return value }
    guard let flag = found.boolean else { throw Unsupported(reason: "its '\(key)' is no boolean") }
    return flag
  }

  func number(
    _ key: String, default value: Double?, in range: Range<Double>
  ) throws(Unsupported) -> Double {
    if let value, config[key]?.isNull ?? true { return value }
    guard let found = config[key]?.number, range.contains(found) else {
      throw Unsupported(reason: "its '\(key)' is no number in \(range)")
    }
    return found
  }

  /// A whole number that no later arithmetic on it can overflow.
  func bounded(_ value: Int64, _ key: String) throws(Unsupported) -> Int {
    guard (0...Int64(Int32.max)).contains(value) else {
      throw Unsupported(reason: "its '\(key)' is \(value), not a number from 0 to \(Int32.max)")
    }
    return Int(value)
  }

  func size(_ key: String, default value: Int? = nil) throws(Unsupported) -> Int {
    if let value, config[key]?.isNull ?? true { return value }
    guard let found = config[key]?.integer else {
      throw Unsupported(reason: "its '\(key)' is no whole number")
    }
    return try bounded(found, key)
  }

  func pair(_ key: String, default value: Int? = nil) throws(Unsupported) -> Extent2D {
    if let value, config[key]?.isNull ?? true { return Extent2D(height: value, width: value) }
    if let both = config[key]?.array, both.count == 2, let height = both[0].integer,
      let width = both[1].integer
    {
      return Extent2D(height: try bounded(height, key), width: try bounded(width, key))
    }
    let side = try size(key)
    return Extent2D(height: side, width: side)
  }

  func axis(default value: Int) throws(Unsupported) -> Int {
    guard let found = config["axis"], !found.isNull else { return value }
    guard let axis = found.integer, (-8...8).contains(axis) else {
      throw Unsupported(reason: "its 'axis' is no axis")
    }
    return Int(axis)
  }

  func padding() throws(Unsupported) -> Padding {
    let word = config["padding"]?.string ?? "valid"
    guard let padding = Padding(rawValue: word.lowercased()) else {
      throw Unsupported(reason: "its padding is '\(word)'")
    }
    return padding
  }

  func requireChannelsLast() throws(Unsupported) {
    guard let order = config["data_format"]?.string, order != "channels_last" else { return }
    throw Unsupported(reason: "its images are '\(order)'")
  }

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
      throw Unsupported(reason: "its activation is a '\(className)' with settings of its own")
    }
    switch word {
    case "linear": return .linear
    case "relu": return .relu
    case "softmax": return .softmax
    case "sigmoid": return .sigmoid
    case "tanh": return .tanh
    case "elu": return .elu(alpha: 1)
    // The function's slope, which is not the layer's in Keras 2.
    case "leaky_relu": return .leakyReLU(slope: 0.2)
    default: throw Unsupported(reason: "the engine has no activation '\(word)'")
    }
  }

  /// The activation that a layer is.
  func activationLayer() throws(Unsupported) -> Activation {
    switch className {
    case "Softmax":
      guard try axis(default: -1) == -1 else {
        throw Unsupported(reason: "its axis is not the last")
      }
      return .softmax
    case "ELU": return .elu(alpha: Float(try number("alpha", default: 1, in: 0..<1000)))
    case "LeakyReLU":
      let key = config["negative_slope"] == nil ? "alpha" : "negative_slope"
      return .leakyReLU(slope: Float(try number(key, default: 0.3, in: 0..<1000)))
    default:
      guard config["max_value"]?.isNull ?? true else {
        throw Unsupported(reason: "its output is capped")
      }
      guard try number("threshold", default: 0, in: -1e6..<1e6) == 0 else {
        throw Unsupported(reason: "it has a threshold")
      }
      let slope = try number("negative_slope", default: 0, in: 0..<1000)
      return slope == 0 ? .relu : .leakyReLU(slope: Float(slope))
    }
  }
}
