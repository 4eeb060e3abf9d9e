/// How a window treats the border of an image.
public enum Padding: String, Hashable, Sendable {
  /// Windows lie wholly inside: `out = floor((in - extent) / stride) + 1`.
  case valid
  /// Zeros are added so that `out = ceil(in / stride)`; the odd one goes to the bottom and right.
  case same
  /// Zeros come before the first element only, so that no output sees what comes after it.
  case causal

  /// The size after sliding a window along one axis, or nil when the window does not fit.
  ///
  /// - Parameter extent: the window's reach, dilation included.
  public func outputSize(input: Int, extent: Int, stride: Int) -> Int? {
    switch self {
    case .valid: input >= extent ? (input - extent) / stride + 1 : nil
    case .same, .causal: input > 0 ? (input - 1) / stride + 1 : nil
    }
  }

  /// The zeros before and after one axis.
  public func amounts(input: Int, extent: Int, stride: Int) -> (before: Int, after: Int) {
    if self == .causal { return (max(0, extent - 1), 0) }
    guard self == .same, let output = outputSize(input: input, extent: extent, stride: stride)
    else { return (0, 0) }
    let total = max(0, (output - 1) * stride + extent - input)
    return (total / 2, total - total / 2)
  }
}

/// A size or step along an image's two axes.
public struct Extent2D: Hashable, Sendable {
  public var height: Int
  public var width: Int

  public init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }
}

/// A convolution (cross-correlation) over images, or over sequences as images of one row.
///
/// Shapes, with `KH`, `KW` the window, `I` and `O` the channels in and out, `G` the groups and
/// `M` the multiplier:
///
/// * grouped: `kernel [KH, KW, I / G, O]`; each `O / G` outputs see `I / G` inputs.
/// * depthwise: `kernel [KH, KW, I, M]`, `O = I M`; each input makes `M` outputs.
/// * separable: `depthwise_kernel [KH, KW, I, M]`, then `pointwise_kernel [1, 1, I M, O]`.
/// * transposed: `kernel [KH, KW, O, I]`: the gradient of a convolution from `O` to `I` channels.
///
/// and `bias [O]`. Over sequences there is no `KH`.
public struct Convolution2D: Hashable, Sendable {
  public enum Mixing: Hashable, Sendable {
    case grouped(Int)
    case depthwise(multiplier: Int)
    case separable(multiplier: Int)
    case transposed
  }

  /// `O`; not used by a depthwise convolution.
  public var filters: Int
  public var kernelSize: Extent2D
  public var strides: Extent2D
  public var dilation: Extent2D
  public var padding: Padding
  public var activation: Activation
  public var usesBias: Bool
  public var mixing: Mixing
  /// 2 for images, 1 for sequences.
  public var axes: Int

  public init(
    filters: Int, kernelSize: Extent2D, strides: Extent2D = .init(height: 1, width: 1),
    dilation: Extent2D = .init(height: 1, width: 1), padding: Padding = .valid,
    activation: Activation = .linear, usesBias: Bool = true, mixing: Mixing = .grouped(1),
    axes: Int = 2
  ) {
    self.filters = filters
    self.kernelSize = kernelSize
    self.strides = strides
    self.dilation = dilation
    self.padding = padding
    self.activation = activation
    self.usesBias = usesBias
    self.mixing = mixing
    self.axes = axes
  }

  /// The window's reach with its gaps: `(size - 1) * dilation + 1`.
  public var extent: Extent2D {
    Extent2D(
      height: (kernelSize.height - 1) * dilation.height + 1,
      width: (kernelSize.width - 1) * dilation.width + 1)
  }

  /// The channels that come out for `inputs` channels in.
  ///
  /// - Precondition: the sizes have been found to fit.
  public func outputs(of inputs: Int) -> Int {
    if case .depthwise(let multiplier) = mixing { return inputs * multiplier }
    return filters
  }

  /// The class's name in Keras.
  var className: String {
    let name =
      switch mixing {
      case .grouped: "Conv"
      case .depthwise: "DepthwiseConv"
      case .separable: "SeparableConv"
      case .transposed: "Conv"
      }
    return "\(name)\(axes)D" + (mixing == .transposed ? "Transpose" : "")
  }
}
