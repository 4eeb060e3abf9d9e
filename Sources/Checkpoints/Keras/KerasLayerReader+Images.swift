internal import ModelCore

/// Layers that slide, pool, cut and grow images and sequences.
extension KerasLayerReader {
  /// - Returns: nil for a class that is none of these.
  func imageKind() throws(Unsupported) -> Layer.Kind? {
    if let kind = try convolutionKind() { return kind }
    if let kind = try poolingKind() { return kind }
    switch className {
    case "ZeroPadding1D", "ZeroPadding2D":
      let (top, bottom, left, right) = try edges("padding")
      return .zeroPadding2D(top: top, bottom: bottom, left: left, right: right)
    case "Cropping1D", "Cropping2D":
      let (top, bottom, left, right) = try edges("cropping")
      return .cropping2D(top: top, bottom: bottom, left: left, right: right)
    case "UpSampling1D", "UpSampling2D":
      try requireChannelsLast()
      let word = config["interpolation"]?.string ?? "nearest"
      guard let interpolation = Interpolation(rawValue: word) else {
        throw Unsupported(reason: "its interpolation is '\(word)'")
      }
      return .upSampling2D(try window("size", default: 2), interpolation)
    default: return nil
    }
  }

  /// 1 for sequences, 2 for images.
  private var axes: Int { className.contains("1D") ? 1 : 2 }

  private func convolutionKind() throws(Unsupported) -> Layer.Kind? {
    let mixing: Convolution2D.Mixing
    switch className {
    case "Conv1D", "Convolution1D", "Conv2D", "Convolution2D":
      mixing = .grouped(try size("groups", default: 1))
    case "DepthwiseConv1D", "DepthwiseConv2D":
      mixing = .depthwise(multiplier: try size("depth_multiplier", default: 1))
    case "SeparableConv1D", "SeparableConvolution1D", "SeparableConv2D", "SeparableConvolution2D":
      mixing = .separable(multiplier: try size("depth_multiplier", default: 1))
    case "Conv1DTranspose", "Convolution1DTranspose", "Conv2DTranspose", "Convolution2DTranspose":
      mixing = .transposed
    default: return nil
    }
    return .convolution2D(try convolution(mixing))
  }

  private func convolution(
    _ mixing: Convolution2D.Mixing
  ) throws(Unsupported) -> Convolution2D {
    try requireChannelsLast()
    var filters = 1
    if case .depthwise = mixing {} else { filters = try size("filters") }
    let result = Convolution2D(
      filters: filters, kernelSize: try window("kernel_size"),
      strides: try window("strides", default: 1), dilation: try window("dilation_rate", default: 1),
      padding: try padding(), activation: try activation(),
      usesBias: try flag("use_bias", default: true), mixing: mixing, axes: axes)
    let unit = Extent2D(height: 1, width: 1)
    guard result.strides == unit || result.dilation == unit else {
      throw Unsupported(reason: "it has both strides and dilation")
    }
    guard axes == 1 || result.padding != .causal else {
      throw Unsupported(reason: "its padding is 'causal'")
    }
    if mixing == .transposed {
      guard config["output_padding"]?.isNull ?? true else {
        throw Unsupported(reason: "it has an output padding")
      }
      guard result.dilation == unit else { throw Unsupported(reason: "it is dilated") }
      guard result.padding != .causal else { throw Unsupported(reason: "its padding is 'causal'") }
    }
    return result
  }

  private func poolingKind() throws(Unsupported) -> Layer.Kind? {
    let name = className.replacing("Pool1D", with: "Pooling1D").replacing(
      "Pool2D", with: "Pooling2D"
    )
    .replacing("Avg", with: "Average").dropLast(2)
    switch name {
    case "MaxPooling": return .pooling2D(try pooling(.max))
    case "AveragePooling": return .pooling2D(try pooling(.average))
    case "GlobalAveragePooling", "GlobalMaxPooling":
      guard className.hasSuffix("1D") || className.hasSuffix("2D") else { return nil }
      try requireChannelsLast()
      let keeps = try flag("keepdims", default: false)
      return name == "GlobalMaxPooling"
        ? .globalMaxPooling2D(keepsDimensions: keeps)
        : .globalAveragePooling2D(keepsDimensions: keeps)
    default: return nil
    }
  }

  private func pooling(_ statistic: Pooling2D.Statistic) throws(Unsupported) -> Pooling2D {
    guard className.hasSuffix("1D") || className.hasSuffix("2D") else {
      throw Unsupported(reason: "the engine has no such layer")
    }
    try requireChannelsLast()
    let size = try window("pool_size", default: 2)
    let strides = config["strides"]?.isNull ?? true ? size : try window("strides")
    let padding = try padding()
    guard padding != .causal else { throw Unsupported(reason: "its padding is 'causal'") }
    return Pooling2D(
      statistic: statistic, size: size, strides: strides, padding: padding, axes: axes)
  }

  /// Two numbers for an image; one for a sequence, which is an image of one row.
  private func window(_ key: String, default value: Int? = nil) throws(Unsupported) -> Extent2D {
    guard axes == 1 else { return try pair(key, default: value) }
    if let list = config[key]?.array {
      guard list.count == 1, let only = list[0].integer else {
        throw Unsupported(reason: "its '\(key)' is not one number")
      }
      return Extent2D(height: 1, width: try bounded(only, key))
    }
    return Extent2D(height: 1, width: try size(key, default: value))
  }

  private typealias Edges = (top: Int, bottom: Int, left: Int, right: Int)

  /// `((top, bottom), (left, right))`, `(rows, columns)` or one number; `(first, last)` or one
  /// number for a sequence.
  private func edges(_ key: String) throws(Unsupported) -> Edges {
    try requireChannelsLast()
    let list = config[key]?.array
    func amounts(_ value: JSONValue?) throws(Unsupported) -> (Int, Int) {
      if let single = value?.integer { return (try bounded(single, key), Int(single)) }
      guard let both = value?.array, both.count == 2, let before = both[0].integer,
        let after = both[1].integer
      else { throw Unsupported(reason: "its \(key) is not ((top, bottom), (left, right))") }
      return (try bounded(before, key), try bounded(after, key))
    }
    func part(_ index: Int) -> JSONValue? {
      list.map { $0.indices.contains(index) ? $0[index] : .null } ?? config[key]
    }
    if axes == 1 {
      let (before, after) = try amounts(config[key])
      return (0, 0, before, after)
    }
    let (rows, columns) = (try amounts(part(0)), try amounts(part(1)))
    return (rows.0, rows.1, columns.0, columns.1)
  }
}
