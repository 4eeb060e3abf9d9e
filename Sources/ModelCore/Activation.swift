/// An element-wise function, or softmax over one axis; names and formulas are Keras's.
public enum Activation: Hashable, Sendable {
  case linear, relu, softmax, sigmoid, tanh
  case leakyReLU(slope: Float)
  /// `x` where it is positive, `alpha (e^x - 1)` elsewhere.
  case elu(alpha: Float)
  /// `max(x, 0) + min(0, alpha (e^(x / alpha) - 1))`.
  case celu(alpha: Float)
  /// `scale elu(x, alpha)` with the constants of Klambauer et al., NeurIPS 2017.
  case selu
  /// `min(x, maximum)` from `threshold` on, `slope (x - threshold)` below it.
  case rectifier(maximum: Float?, slope: Float, threshold: Float)
  /// `x Phi(x)` with the normal distribution, or its approximation by tanh.
  case gelu(isApproximate: Bool)
  /// `x sigmoid(x)`, also called swish.
  case silu
  /// `x tanh(softplus(x))`.
  case mish
  /// `log(e^x + 1)`.
  case softplus
  /// `x / (|x| + 1)`.
  case softsign
  case exponential
  /// `-softplus(-x)`.
  case logSigmoid
  /// Keras 3's `clip(x / 6 + 1 / 2, 0, 1)`, or Keras 2's with `x / 5`.
  case hardSigmoid(slope: Float)
  /// `x` times Keras 3's hard sigmoid, also called hard swish.
  case hardSilu
  /// `clip(x, -1, 1)`.
  case hardTanh
  /// `x` where `|x|` passes the threshold, else 0.
  case hardShrink(threshold: Float)
  /// `x` moved towards 0 by the threshold.
  case softShrink(threshold: Float)
  /// `x - tanh(x)`.
  case tanhShrink
  /// `(x + sqrt(x^2 + b)) / 2`.
  case squareplus(b: Float)
  /// 0 up to -1, `x` from 1, `(x + 1)^2 / 4` between.
  case sparsePlus
  /// `clip((x + 1) / 2, 0, 1)`.
  case sparseSigmoid
  /// `x` above the threshold, else `value`.
  case threshold(Float, value: Float)
  /// `log(softmax(x))` over the last axis.
  case logSoftmax
  /// Softmax over another axis than the last, counted from one as Keras does with a batch axis.
  case softmaxOver(axis: Int)
}

extension Activation {
  /// `relu(x, max_value: 6)`.
  public static let relu6 = Activation.rectifier(maximum: 6, slope: 0, threshold: 0)
  /// Keras 3's; see `hardSigmoid(slope:)`.
  public static let hardSigmoid = Activation.hardSigmoid(slope: 1 / 6)
}
