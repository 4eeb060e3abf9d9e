public import ModelCore

/// What keeps a network from being built, fed or trained.
public enum EngineError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A weight that the architecture needs is not among those given.
  case missingParameter(ParameterName)
  /// A weight is given that no layer has.
  case unknownParameter(ParameterName)
  case parameterShape(ParameterName, expected: Shape, found: Shape)
  /// A buffer is not as long as the network needs it to be.
  case elementCount(what: String, expected: Int, found: Int)
  case emptyBatch
  /// A loss that is not a number, or is infinite: the step has run wild. The layer is the first
  /// whose output is not finite; there is none where the loss itself overflows.
  case nonFiniteLoss(Float, layer: String?)
  /// A weight that is not a number, or is infinite, after an optimizer's step.
  case nonFiniteWeights(step: Int, weight: ParameterName?)
  /// An answer that is not a number, or is infinite. Samples count from zero among those asked about.
  case nonFiniteScore(Float, sample: Int, layer: String?)
  /// Training that ended at a step, counted from one, for a reason as above.
  indirect case diverged(step: Int, of: Int, EngineError)
  /// A normalization whose mean, variance or weights give no finite factor.
  case unusableStatistics(layer: String)
  /// Inputs of a layer that are so large that its sums may overflow, which its ReLU would hide.
  case tooLarge(layer: String, magnitude: Float)
  /// There are no gradients or logits before the first step.
  case noStepYet
  /// A number that a layer was to look up in its table of `count` rows.
  case index(layer: String, found: Float, count: Int)
  /// A precision that the processor, or oneDNN on it, does not compute in.
  case noBFloat16(instructionSet: String)
  case invalidSetting(name: String, value: String, expected: String)
  /// A layer in a place where the engine cannot run it.
  case unsupported(layer: String, className: String, reason: String)

  public var description: String {
    switch self {
    case .missingParameter(let name): "the network needs the weight '\(name)', which is missing"
    case .unknownParameter(let name): "the network has no weight '\(name)'"
    case .parameterShape(let name, let expected, let found):
      "weight '\(name)': expected the shape \(expected), found \(found)"
    case .elementCount(let what, let expected, let found):
      "\(what): expected \(expected) elements, found \(found)"
    case .emptyBatch: "a step needs at least one sample"
    case .nonFiniteLoss(let loss, let layer):
      "the loss is \(loss)" + Self.origin(layer) + ": training has diverged"
    case .nonFiniteWeights(let step, let weight):
      "step \(step) made \(Self.name(weight)) infinite or not a number: training has diverged"
    case .nonFiniteScore(let score, let sample, let layer):
      "the network answers sample \(sample) with \(score)" + Self.origin(layer)
        + "; its weights are of no use"
    case .diverged(let step, let steps, .nonFiniteLoss(let loss, let layer)):
      Self.end(step, steps) + "the loss is \(loss)" + Self.origin(layer) + Self.remedy
    case .diverged(let step, let steps, .nonFiniteWeights(_, let weight)):
      Self.end(step, steps) + Self.name(weight) + " became infinite or not a number" + Self.remedy
    case .diverged(let step, let steps, let reason):
      Self.end(step, steps) + reason.description
    case .unusableStatistics(let layer):
      "layer '\(layer)' scales by no finite number; its variance, mean or weights are of no use"
    case .tooLarge(let layer, let magnitude):
      "the inputs of layer '\(layer)' reach \(magnitude), so that its sums may overflow; the weights "
        + "are of no use"
    case .noStepYet: "nothing has been computed yet"
    case .index(let layer, let found, let count):
      "layer '\(layer)' looks up \(found) in a table of \(count) rows; expected 0 to \(count - 1)"
    case .noBFloat16(let instructionSet):
      "products of bfloat16 numbers need a processor with AVX-512 BF16; this one has "
        + instructionSet
    case .invalidSetting(let name, let value, let expected):
      "\(name) is \(value), expected \(expected)"
    case .unsupported(let layer, let className, let reason):
      "layer '\(layer)' (\(className)) cannot be run: \(reason)"
    }
  }

  private static let remedy = "; a lower learning rate or clipped gradients may help"

  private static func end(_ step: Int, _ steps: Int) -> String {
    "training diverged at step \(step) of \(steps): "
  }

  private static func origin(_ layer: String?) -> String {
    layer.map { ", and layer '\($0)' is the first whose output is no finite number" } ?? ""
  }

  private static func name(_ weight: ParameterName?) -> String {
    weight.map { "the weight '\($0)'" } ?? "a weight"
  }
}

extension EngineError {
  /// Whether the weights have run wild, so that others would have done better.
  public var isDivergence: Bool {
    switch self {
    case .nonFiniteLoss, .nonFiniteWeights, .nonFiniteScore, .unusableStatistics, .tooLarge,
      .diverged:
      true
    default: false
    }
  }

  /// Runs a step, counted from one, whose error is to say which it was.
  ///
  /// - Throws: `diverged` for a loss or a weight that is not finite, and what `body` throws.
  public static func naming<Result>(
    step: Int, of steps: Int, _ body: () throws -> Result
  ) throws -> Result {
    do {
      return try body()
    } catch let error as EngineError where error.isDivergence {
      throw EngineError.diverged(step: step, of: steps, error)
    }
  }
}
