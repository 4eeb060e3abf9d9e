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
  /// A loss that is not a number, or is infinite: the step has run wild.
  case nonFiniteLoss(Float)
  /// A weight that is not a number, or is infinite, after an optimizer's step.
  case nonFiniteWeights(step: Int)
  /// Training that ended at a step, counted from one, because its loss was no finite number, or
  /// without a loss because a weight was none.
  case diverged(step: Int, of: Int, loss: Float?)
  /// There are no gradients or logits before the first step.
  case noStepYet
  /// A number that a layer was to look up in its table of `count` rows.
  case index(layer: String, found: Float, count: Int)
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
    case .nonFiniteLoss(let loss): "the loss is \(loss): training has diverged"
    case .nonFiniteWeights(let step):
      "step \(step) made a weight infinite or not a number: training has diverged"
    case .diverged(let step, let steps, let loss):
      "training diverged at step \(step) of \(steps): "
        + (loss.map { "the loss is \($0)" } ?? "a weight became infinite or not a number")
        + "; a lower learning rate or clipped gradients may help"
    case .noStepYet: "nothing has been computed yet"
    case .index(let layer, let found, let count):
      "layer '\(layer)' looks up \(found) in a table of \(count) rows; expected 0 to \(count - 1)"
    case .invalidSetting(let name, let value, let expected):
      "\(name) is \(value), expected \(expected)"
    case .unsupported(let layer, let className, let reason):
      "layer '\(layer)' (\(className)) cannot be run: \(reason)"
    }
  }
}
