internal import CKernels
internal import ModelCore

/// Which of our own loops compute what a layer asks for.
extension Activation {
  /// A function whose slope follows from what came out.
  var kernel: (ck_function, Float)? {
    switch self {
    case .relu: (CK_LEAKY_RELU, 0)
    case .leakyReLU(let slope): (CK_LEAKY_RELU, slope)
    case .elu(let alpha): (CK_ELU, alpha)
    case .sigmoid: (CK_SIGMOID, 0)
    case .tanh: (CK_TANH, 0)
    default: nil
    }
  }

  /// A function of one number with its settings.
  struct Map {
    let function: ck_map_function
    var a: Float = 0
    var b: Float = 0
    var c: Float = 0
    /// Whether f(0) = 0, so that the unused lanes of a block stay zero.
    var keepsZero = true
  }

  /// A function whose slope follows from what went in.
  var map: Map? {
    switch self {
    case .rectifier(let maximum, let slope, let threshold):
      Map(
        function: CK_RECTIFIER, a: maximum ?? .infinity, b: slope, c: threshold,
        keepsZero: threshold == 0 || slope == 0)
    case .celu(let alpha): Map(function: CK_CELU, a: alpha)
    case .selu: Map(function: CK_SELU)
    case .gelu(let isApproximate): Map(function: isApproximate ? CK_GELU_TANH : CK_GELU)
    case .silu: Map(function: CK_SILU)
    case .mish: Map(function: CK_MISH)
    case .softplus: Map(function: CK_SOFTPLUS, keepsZero: false)
    case .softsign: Map(function: CK_SOFTSIGN)
    case .exponential: Map(function: CK_EXPONENTIAL, keepsZero: false)
    case .logSigmoid: Map(function: CK_LOG_SIGMOID, keepsZero: false)
    case .hardSigmoid(let slope): Map(function: CK_HARD_SIGMOID, a: slope, keepsZero: false)
    case .sparseSigmoid: Map(function: CK_HARD_SIGMOID, a: 0.5, keepsZero: false)
    case .hardSilu: Map(function: CK_HARD_SILU)
    case .hardTanh: Map(function: CK_HARD_TANH)
    case .hardShrink(let threshold): Map(function: CK_HARD_SHRINK, a: threshold)
    case .softShrink(let threshold): Map(function: CK_SOFT_SHRINK, a: threshold)
    case .tanhShrink: Map(function: CK_TANH_SHRINK)
    case .squareplus(let b): Map(function: CK_SQUAREPLUS, a: b, keepsZero: false)
    case .sparsePlus: Map(function: CK_SPARSE_PLUS, keepsZero: false)
    case .threshold(let threshold, let value):
      Map(function: CK_ABOVE, a: threshold, b: value, keepsZero: false)
    case .linear, .relu, .softmax, .sigmoid, .tanh, .leakyReLU, .elu, .logSoftmax, .softmaxOver:
      nil
    }
  }
}

extension Merge {
  var kernel: ck_join {
    switch self {
    case .subtract: CK_SUBTRACT
    case .multiply: CK_MULTIPLY
    case .average: CK_AVERAGE
    case .maximum: CK_MAXIMUM
    case .minimum: CK_MINIMUM
    }
  }
}

extension Noise {
  var kernel: (ck_noise, Float) {
    switch self {
    case .spatialDropout(let rate), .sampleDropout(let rate): (CK_CHANNEL_DROPOUT, rate)
    case .gaussian(let deviation): (CK_ADDED, deviation)
    case .gaussianDropout(let rate): (CK_MULTIPLIED, (rate / (1 - rate)).squareRoot())
    case .alphaDropout(let rate): (CK_ALPHA_DROPOUT, rate)
    }
  }
}
