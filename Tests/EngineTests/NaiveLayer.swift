import Foundation
import ModelCore

/// One layer of the oracle.
struct NaiveLayer {
  let kind: Layer.Kind
  /// By role.
  let weights: [String: [Double]]
  /// The shape of one sample.
  let outputShape: [Int]
  let usesBatchStatistics: Bool
  let dropoutFactors: [Double]?

  /// How the loss depends on what went into a layer.
  struct Adjoint {
    var inputs: [NaiveTensor]
    var weights: [String: [Double]] = [:]
  }

  func output(_ inputs: [NaiveTensor]) -> NaiveTensor {
    switch kind {
    case .dense(let dense): NaiveActivation(dense.activation).output(affine(inputs[0], dense))
    case .convolution2D(let convolution) where convolution.mixing == .grouped(1):
      NaiveActivation(convolution.activation).output(convolved(inputs[0], convolution))
    case .pooling2D(let pooling): pooled(inputs[0], pooling)
    case .globalAveragePooling2D: globalMean(inputs[0])
    case .batchNormalization(let normalization): normalized(inputs[0], normalization)
    case .activation(.softmaxOver): forward(inputs)
    case .activation(let activation): NaiveActivation(activation).output(inputs[0])
    case .noise: inputs[0]
    case .dropout: scaled(inputs[0])
    case .flatten: inputs[0].reshaped(outputShape)
    case .zeroPadding2D(let top, _, let left, _): padded(inputs[0], top: top, left: left)
    case .add where inputs.allSatisfy({ $0.shape == outputShape }):
      inputs.dropFirst().reduce(inputs[0], +)
    case .concatenate(axis: -1): concatenated(inputs)
    default: forward(inputs)
    }
  }

  /// - Parameter gradient: of the loss by this layer's output.
  func adjoint(_ inputs: [NaiveTensor], gradient: NaiveTensor) -> Adjoint {
    switch kind {
    case .dense(let dense):
      affineAdjoint(
        inputs[0],
        NaiveActivation(dense.activation).adjoint(affine(inputs[0], dense), gradient: gradient),
        dense)
    case .convolution2D(let convolution) where convolution.mixing == .grouped(1):
      convolvedAdjoint(
        inputs[0],
        NaiveActivation(convolution.activation)
          .adjoint(convolved(inputs[0], convolution), gradient: gradient),
        convolution)
    case .convolution2D(let convolution):
      mixedAdjoint(
        inputs[0],
        NaiveActivation(convolution.activation)
          .adjoint(mixed(inputs[0], convolution), gradient: gradient),
        convolution)
    case .pooling2D(let pooling):
      Adjoint(inputs: [pooledAdjoint(inputs[0], gradient, pooling)])
    case .globalAveragePooling2D: Adjoint(inputs: [globalMeanAdjoint(inputs[0], gradient)])
    case .batchNormalization(let normalization):
      normalizedAdjoint(inputs[0], gradient, normalization)
    case .activation(.softmaxOver): differenceAdjoint(inputs, gradient)
    case .activation(let activation):
      Adjoint(inputs: [NaiveActivation(activation).adjoint(inputs[0], gradient: gradient)])
    case .dropout: Adjoint(inputs: [scaled(gradient)])
    case .noise: Adjoint(inputs: [gradient])
    case .flatten: Adjoint(inputs: [gradient.reshaped(inputs[0].shape)])
    case .zeroPadding2D(let top, _, let left, _):
      Adjoint(inputs: [paddedAdjoint(inputs[0], gradient, top: top, left: left)])
    case .add where inputs.allSatisfy({ $0.shape == outputShape }):
      Adjoint(inputs: inputs.map { _ in gradient })
    case .concatenate(axis: -1): Adjoint(inputs: concatenatedAdjoint(inputs, gradient))
    case .input, .unsupported: Adjoint(inputs: [])
    default: differenceAdjoint(inputs, gradient)
    }
  }

  private func scaled(_ x: NaiveTensor) -> NaiveTensor {
    guard let factors = dropoutFactors else { return x }
    return NaiveTensor(
      count: x.count, shape: x.shape, values: zip(x.values, factors).map { $0 * $1 })
  }
}

/// An activation of the oracle.
struct NaiveActivation {
  let activation: Activation

  init(_ activation: Activation) { self.activation = activation }

  func output(_ x: NaiveTensor) -> NaiveTensor {
    switch activation {
    case .linear: x
    case .relu: x.mapping { max(0, $0) }
    case .leakyReLU(let slope): x.mapping { $0 > 0 ? $0 : Double(slope) * $0 }
    case .elu(let alpha): x.mapping { $0 > 0 ? $0 : Double(alpha) * (exp($0) - 1) }
    case .sigmoid: x.mapping { 1 / (1 + exp(-$0)) }
    case .tanh: x.mapping { tanh($0) }
    case .softmax: softmax(x)
    case .logSoftmax: softmax(x).mapping { log($0) }
    default: x.mapping(value)
    }
  }

  func adjoint(_ x: NaiveTensor, gradient: NaiveTensor) -> NaiveTensor {
    guard activation != .softmax else { return softmaxAdjoint(x, gradient) }
    guard activation != .logSoftmax else { return logSoftmaxAdjoint(x, gradient) }
    let slopes = x.mapping(derivative)
    return NaiveTensor(
      count: x.count, shape: x.shape,
      values: zip(slopes.values, gradient.values).map { $0 * $1 })
  }

  private func derivative(_ x: Double) -> Double {
    switch activation {
    case .linear, .softmax: 1
    case .relu: x > 0 ? 1 : 0
    case .leakyReLU(let slope): x > 0 ? 1 : Double(slope)
    case .elu(let alpha): x > 0 ? 1 : Double(alpha) * exp(x)
    case .sigmoid: exp(-x) / ((1 + exp(-x)) * (1 + exp(-x)))
    case .tanh: 1 - tanh(x) * tanh(x)
    default: (value(x + 1e-6) - value(x - 1e-6)) / 2e-6
    }
  }

  /// Keras's definitions, one number at a time.
  private func value(_ x: Double) -> Double {
    func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
    switch activation {
    case .rectifier(let maximum, let slope, let threshold):
      let below = Double(slope) * (x - Double(threshold))
      return min(x > Double(threshold) ? x : below, maximum.map(Double.init) ?? .infinity)
    case .celu(let alpha):
      return max(x, 0) + min(0, Double(alpha) * (exp(x / Double(alpha)) - 1))
    case .selu:
      let scale = 1.0507009873554804934193349852946
      return scale * (x > 0 ? x : 1.6732632423543772848170429916717 * (exp(x) - 1))
    case .gelu(isApproximate: false): return 0.5 * x * (1 + erf(x / 2.0.squareRoot()))
    case .gelu(isApproximate: true):
      return 0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    case .silu: return x * sigmoid(x)
    case .mish: return x * tanh(log(1 + exp(x)))
    case .softplus: return log(1 + exp(x))
    case .softsign: return x / (1 + abs(x))
    case .exponential: return exp(x)
    case .logSigmoid: return log(sigmoid(x))
    case .hardSigmoid(let slope): return min(1, max(0, Double(slope) * x + 0.5))
    case .hardSilu: return x * min(1, max(0, x / 6 + 0.5))
    case .hardTanh: return min(1, max(-1, x))
    case .hardShrink(let threshold): return abs(x) > Double(threshold) ? x : 0
    case .softShrink(let threshold):
      return x > 0 ? max(0, x - Double(threshold)) : min(0, x + Double(threshold))
    case .tanhShrink: return x - tanh(x)
    case .squareplus(let b): return (x + (x * x + Double(b)).squareRoot()) / 2
    case .sparsePlus: return x <= -1 ? 0 : x >= 1 ? x : (x + 1) * (x + 1) / 4
    case .sparseSigmoid: return min(1, max(0, (x + 1) / 2))
    case .threshold(let threshold, let value): return x > Double(threshold) ? x : Double(value)
    default: return .nan
    }
  }

  /// `dx_i = g_i - softmax(x)_i sum_j g_j`.
  private func logSoftmaxAdjoint(_ x: NaiveTensor, _ gradient: NaiveTensor) -> NaiveTensor {
    var result = softmax(x)
    for row in 0..<x.rows {
      let range = row * x.channels..<(row + 1) * x.channels
      let sum = range.reduce(0) { $0 + gradient.values[$1] }
      for index in range {
        result.values[index] = gradient.values[index] - result.values[index] * sum
      }
    }
    return result
  }

  private func softmax(_ x: NaiveTensor) -> NaiveTensor {
    var y = x
    for row in 0..<x.rows {
      let range = row * x.channels..<(row + 1) * x.channels
      let peak = x.values[range].max() ?? 0
      let sum = x.values[range].reduce(0) { $0 + exp($1 - peak) }
      for index in range { y.values[index] = exp(x.values[index] - peak) / sum }
    }
    return y
  }

  /// `dx_i = y_i (g_i - sum_j g_j y_j)`.
  private func softmaxAdjoint(_ x: NaiveTensor, _ gradient: NaiveTensor) -> NaiveTensor {
    let y = softmax(x)
    var result = x
    for row in 0..<x.rows {
      let range = row * x.channels..<(row + 1) * x.channels
      let mean = range.reduce(0) { $0 + gradient.values[$1] * y.values[$1] }
      for index in range {
        result.values[index] = y.values[index] * (gradient.values[index] - mean)
      }
    }
    return result
  }
}
