/// One node of a network: what it computes, and whose outputs it reads.
///
/// A layer of a model inside the model is called by the names of both, as `"block/conv"`; a layer
/// that is called again, by its name and a number, as `"conv (2)"`.
public struct Layer: Hashable, Sendable {
  /// Unique in its network.
  public let name: String
  public let kind: Kind
  /// The names of the layers that feed this one, in order.
  public let inputs: [String]
  /// False where the file says that training leaves the layer's weights as they are.
  public let isTrainable: Bool
  /// The layer whose weights it uses: itself, or the first of those that share them.
  public let weightOwner: String
  /// The outermost layer that it is part of, under whose name a file keeps its weights.
  public let group: String
  /// Whether it runs as for inference even while the network is being trained.
  public let isInference: Bool

  public init(
    name: String, kind: Kind, inputs: [String], isTrainable: Bool = true,
    weightOwner: String? = nil, group: String? = nil, isInference: Bool = false
  ) {
    self.name = name
    self.kind = kind
    self.inputs = inputs
    self.isTrainable = isTrainable
    self.weightOwner = weightOwner ?? name
    self.group = group ?? name
    self.isInference = isInference
  }

  /// The same layer of another kind.
  public func with(_ kind: Kind) -> Layer {
    Layer(
      name: name, kind: kind, inputs: inputs, isTrainable: isTrainable, weightOwner: weightOwner,
      group: group, isInference: isInference)
  }

  /// The same layer, listed as one that cannot be run.
  public func unsupported(_ reason: String) -> Layer {
    with(.unsupported(className: kind.className, reason: reason))
  }

  /// What a layer computes. Images are `[height, width, channels]`; layers for images also take
  /// sequences `[length, channels]`, which are images of one row.
  public enum Kind: Hashable, Sendable {
    /// The network's input; `shape` has no batch axis.
    case input(shape: Shape)
    case dense(Dense)
    case convolution2D(Convolution2D)
    case pooling2D(Pooling2D)
    case globalAveragePooling2D(keepsDimensions: Bool)
    case globalMaxPooling2D(keepsDimensions: Bool)
    case batchNormalization(BatchNormalization)
    case groupNormalization(GroupNormalization)
    case embedding(Embedding)
    case activation(Activation)
    case parametricReLU(sharedAxes: Set<Int>)
    case dropout(rate: Float)
    case noise(Noise)
    case flatten
    /// The sample's new extents; one of them may be -1.
    case reshape([Int])
    /// The sample's axes in their new order, counted from one.
    case permute([Int])
    case repeatVector(Int)
    case zeroPadding2D(top: Int, bottom: Int, left: Int, right: Int)
    case cropping2D(top: Int, bottom: Int, left: Int, right: Int)
    case upSampling2D(Extent2D, Interpolation)
    case add
    case merge(Merge)
    case concatenate(axis: Int)
    case affine(Affine)
    /// A layer that can be listed but not run.
    case unsupported(className: String, reason: String)
  }
}

/// A fully connected layer: `output = activation(input · kernel + bias)` over the last axis.
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

/// The largest or the mean value under a window. Padding never counts in the mean.
public struct Pooling2D: Hashable, Sendable {
  public enum Statistic: String, Hashable, Sendable { case max, average }

  public var statistic: Statistic
  public var size: Extent2D
  public var strides: Extent2D
  public var padding: Padding
  /// 2 for images, 1 for sequences.
  public var axes: Int

  public init(
    statistic: Statistic, size: Extent2D, strides: Extent2D, padding: Padding = .valid,
    axes: Int = 2
  ) {
    self.axes = axes
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
  /// As Keras counts: -1 for the last, or from the front with the batch as 0. Only the last axis
  /// can be run.
  public var axis: Int

  public init(
    momentum: Float, epsilon: Float, usesScale: Bool = true, usesCenter: Bool = true,
    axis: Int = -1
  ) {
    self.axis = axis
    self.momentum = momentum
    self.epsilon = epsilon
    self.usesScale = usesScale
    self.usesCenter = usesCenter
  }
}
