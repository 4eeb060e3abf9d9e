/// Normalization of every sample by itself: `gamma (x - mean) / sqrt(variance + epsilon) + beta`.
///
/// * layer normalization takes mean and variance over the last `axes` axes; `gamma` and `beta`
///   have their extents (Ba, Kiros and Hinton, 2016);
/// * group normalization takes them over all axes but the last and over each of `groups` parts
///   of the last; `gamma` and `beta` are `[C]` (Wu and He, ECCV 2018).
public struct GroupNormalization: Hashable, Sendable {
  public enum Scope: Hashable, Sendable {
    case lastAxes(Int)
    /// The same, as Keras counts axes with the batch as 0, ascending.
    case axes([Int])
    /// As many as there are channels for -1.
    case groups(Int)
  }

  public var scope: Scope
  public var epsilon: Float
  public var usesScale: Bool
  public var usesCenter: Bool

  public init(scope: Scope, epsilon: Float, usesScale: Bool = true, usesCenter: Bool = true) {
    self.scope = scope
    self.epsilon = epsilon
    self.usesScale = usesScale
    self.usesCenter = usesCenter
  }
}

extension GroupNormalization {
  /// How many of the last axes `gamma` and `beta` span.
  public var parameterAxes: Int {
    switch scope {
    case .lastAxes(let count): count
    case .axes(let axes): axes.count
    case .groups: 1
    }
  }
}

/// A table of vectors, looked up by whole numbers: `embeddings [V, D]`.
public struct Embedding: Hashable, Sendable {
  /// `V`.
  public var vocabulary: Int
  /// `D`.
  public var dimension: Int

  public init(vocabulary: Int, dimension: Int) {
    self.vocabulary = vocabulary
    self.dimension = dimension
  }
}

/// Randomness that training adds, and inference does not.
public enum Noise: Hashable, Sendable {
  /// Drops whole channels; the others grow by `1 / (1 - rate)`.
  case spatialDropout(rate: Float)
  /// Drops whole samples, as branches beside a shortcut are dropped; the others grow by
  /// `1 / (1 - rate)` (Huang et al., Deep networks with stochastic depth, ECCV 2016).
  case sampleDropout(rate: Float)
  /// Adds normal noise.
  case gaussian(deviation: Float)
  /// Multiplies by normal noise around one, of deviation `sqrt(rate / (1 - rate))`.
  case gaussianDropout(rate: Float)
  /// Dropout for networks of SELU, which keeps mean and variance (Klambauer et al., 2017).
  case alphaDropout(rate: Float)
}

/// How pixels are made where an image grows.
public enum Interpolation: String, Hashable, Sendable {
  case nearest, bilinear
}

/// Element by element over several inputs, which are broadcast as NumPy does.
public enum Merge: String, Hashable, Sendable {
  case subtract, multiply, average, maximum, minimum
}

/// `(x - center) * scale + offset` over the last axis: constants of the file, not trained.
public enum Affine: Hashable, Sendable {
  /// One value, or one for each channel.
  case rescaling(scale: [Float], offset: [Float])
  /// Center and scale from the weights `mean` and `variance` `[C]`:
  /// `(x - mean) / max(sqrt(variance), 1e-7)`. The axis is counted as Keras does: -1 for the last,
  /// or from the front with the batch as 0. Only the last can be run.
  case normalization(axis: Int)
  /// The same with the mean and variance of the configuration.
  case normalizationBy(mean: [Float], variance: [Float])
}

extension Layer.Kind {
  /// The class's name in Keras, as people know it.
  public var className: String {
    switch self {
    case .input: "InputLayer"
    case .dense: "Dense"
    case .convolution2D(let convolution): convolution.className
    case .pooling2D(let pooling):
      (pooling.statistic == .max ? "MaxPooling" : "AveragePooling") + "\(pooling.axes)D"
    case .globalAveragePooling2D: "GlobalAveragePooling2D"
    case .globalMaxPooling2D: "GlobalMaxPooling2D"
    case .batchNormalization: "BatchNormalization"
    case .groupNormalization(let normalization): normalization.className
    case .embedding: "Embedding"
    case .activation(.leakyReLU): "LeakyReLU"
    case .activation: "Activation"
    case .parametricReLU: "PReLU"
    case .dropout: "Dropout"
    case .noise(let noise): noise.className
    case .flatten: "Flatten"
    case .reshape: "Reshape"
    case .permute: "Permute"
    case .repeatVector: "RepeatVector"
    case .zeroPadding2D: "ZeroPadding2D"
    case .cropping2D: "Cropping2D"
    case .upSampling2D: "UpSampling2D"
    case .add: "Add"
    case .merge(let merge): merge.rawValue.prefix(1).uppercased() + merge.rawValue.dropFirst()
    case .concatenate: "Concatenate"
    case .affine(.rescaling): "Rescaling"
    case .affine: "Normalization"
    case .unsupported(let className, _): className
    }
  }
}

extension GroupNormalization {
  fileprivate var className: String {
    if case .groups = scope { return "GroupNormalization" }
    return "LayerNormalization"
  }
}

extension Noise {
  fileprivate var className: String {
    switch self {
    case .spatialDropout: "SpatialDropout2D"
    case .sampleDropout: "Dropout"
    case .gaussian: "GaussianNoise"
    case .gaussianDropout: "GaussianDropout"
    case .alphaDropout: "AlphaDropout"
    }
  }
}
