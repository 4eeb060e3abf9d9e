/// An element-wise function, or softmax over the last axis.
public enum Activation: Hashable, Sendable {
  case linear, relu, softmax, sigmoid, tanh
  case leakyReLU(slope: Float)
  case elu(alpha: Float)
}

/// One node of a network: what it computes, and whose outputs it reads.
public struct Layer: Hashable, Sendable {
  /// Unique in its network; a file's own name.
  public let name: String
  public let kind: Kind
  /// The names of the layers that feed this one, in order.
  public let inputs: [String]
  /// False where the file says that training leaves the layer's weights as they are.
  public let isTrainable: Bool

  public init(name: String, kind: Kind, inputs: [String], isTrainable: Bool = true) {
    self.name = name
    self.kind = kind
    self.inputs = inputs
    self.isTrainable = isTrainable
  }

  /// What a layer computes. Images are `[height, width, channels]`.
  public enum Kind: Hashable, Sendable {
    /// The network's input; `shape` has no batch axis.
    case input(shape: Shape)
    case dense(Dense)
    case convolution2D(Convolution2D)
    case pooling2D(Pooling2D)
    case globalAveragePooling2D(keepsDimensions: Bool)
    case batchNormalization(BatchNormalization)
    case activation(Activation)
    case dropout(rate: Float)
    case flatten
    case zeroPadding2D(top: Int, bottom: Int, left: Int, right: Int)
    case add
    case concatenate(axis: Int)
    /// A layer that can be listed but not run.
    case unsupported(className: String, reason: String)
  }
}

/// A fully connected layer: `output = activation(input · kernel + bias)`.
///
/// Shapes, with `I` the inputs and `O` the units: `kernel [I, O]`, `bias [O]`.
public struct Dense: Hashable, Sendable {
  public var units: Int
  public var activation: Activation
  public var usesBias: Bool

  public init(units: Int, activation: Activation = .linear, usesBias: Bool = true) {
    self.units = units
    self.activation = activation
    self.usesBias = usesBias
  }
}

/// How a window treats the border of an image.
public enum Padding: String, Hashable, Sendable {
  /// Windows lie wholly inside: `out = floor((in - extent) / stride) + 1`.
  case valid
  /// Zeros are added so that `out = ceil(in / stride)`; the odd one goes to the bottom and right.
  case same

  /// The size after sliding a window along one axis, or nil when the window does not fit.
  ///
  /// - Parameter extent: the window's reach, dilation included.
  public func outputSize(input: Int, extent: Int, stride: Int) -> Int? {
    switch self {
    case .valid: input >= extent ? (input - extent) / stride + 1 : nil
    case .same: input > 0 ? (input - 1) / stride + 1 : nil
    }
  }

  /// The zeros before and after one axis.
  public func amounts(input: Int, extent: Int, stride: Int) -> (before: Int, after: Int) {
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

/// A convolution (cross-correlation) over images.
///
/// Shapes, with `KH`, `KW` the window, `I` and `O` the channels in and out:
/// `kernel [KH, KW, I, O]`, `bias [O]`.
public struct Convolution2D: Hashable, Sendable {
  public var filters: Int
  public var kernelSize: Extent2D
  public var strides: Extent2D
  public var dilation: Extent2D
  public var padding: Padding
  public var activation: Activation
  public var usesBias: Bool

  public init(
    filters: Int, kernelSize: Extent2D, strides: Extent2D = .init(height: 1, width: 1),
    dilation: Extent2D = .init(height: 1, width: 1), padding: Padding = .valid,
    activation: Activation = .linear, usesBias: Bool = true
  ) {
    self.filters = filters
    self.kernelSize = kernelSize
    self.strides = strides
    self.dilation = dilation
    self.padding = padding
    self.activation = activation
    self.usesBias = usesBias
  }

  /// The window's reach with its gaps: `(size - 1) * dilation + 1`.
  public var extent: Extent2D {
    Extent2D(
      height: (kernelSize.height - 1) * dilation.height + 1,
      width: (kernelSize.width - 1) * dilation.width + 1)
  }
}

/// The largest or the mean value under a window. Padding never counts in the mean.
public struct Pooling2D: Hashable, Sendable {
  public enum Statistic: String, Hashable, Sendable { case max, average }

  public var statistic: Statistic
  public var size: Extent2D
  public var strides: Extent2D
  public var padding: Padding

  public init(statistic: Statistic, size: Extent2D, strides: Extent2D, padding: Padding = .valid) {
    self.statistic = statistic
    self.size = size
    self.strides = strides
    self.padding = padding
  }
}

/// Batch normalization over the last axis: `gamma (x - mean) / sqrt(variance + epsilon) + beta`.
///
/// Training uses the batch's mean and biased variance and moves the running ones:
/// `moving = moving * momentum + batch * (1 - momentum)`.
///
/// - SeeAlso: Ioffe and Szegedy, ICML 2015.
public struct BatchNormalization: Hashable, Sendable {
  public var momentum: Float
  public var epsilon: Float
  public var usesScale: Bool
  public var usesCenter: Bool

  public init(momentum: Float, epsilon: Float, usesScale: Bool = true, usesCenter: Bool = true) {
    self.momentum = momentum
    self.epsilon = epsilon
    self.usesScale = usesScale
    self.usesCenter = usesCenter
  }
}

extension Layer.Kind {
  /// The class's name in Keras, as people know it.
  public var className: String {
    switch self {
    case .input: "InputLayer"
    case .dense: "Dense"
    case .convolution2D: "Conv2D"
    case .pooling2D(let pooling):
      pooling.statistic == .max ? "MaxPooling2D" : "AveragePooling2D"
    case .globalAveragePooling2D: "GlobalAveragePooling2D"
    case .batchNormalization: "BatchNormalization"
    case .activation(.leakyReLU): "LeakyReLU"
    case .activation: "Activation"
    case .dropout: "Dropout"
    case .flatten: "Flatten"
    case .zeroPadding2D: "ZeroPadding2D"
    case .add: "Add"
    case .concatenate: "Concatenate"
    case .unsupported(let className, _): className
    }
  }
}
