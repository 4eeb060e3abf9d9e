public import Unlearning

/// A method with settings to try.
public struct TuningCandidate: Sendable {
  public let method: any UnlearningMethod
  /// What differs from the method's defaults; empty for the defaults themselves.
  public let changes: [String: Setting]

  init(_ method: any UnlearningMethod, defaults: any UnlearningMethod) {
    self.method = method
    let before = defaults.settings
    changes = method.settings.filter { before[$0.key] != $0.value }
  }
}

/// The settings that are worth trying, the defaults first and the most telling ones next.
public enum TuningGrid {
  /// - Throws: `TuningError.nothingToTune` for a method without settings that matter.
  public static func candidates(
    of method: any UnlearningMethod
  ) throws(TuningError) -> [TuningCandidate] {
    let variants: [any UnlearningMethod] =
      switch method {
      case let method as Match: match(method)
      case let method as Scrub: scrub(method)
      case let method as GradientDifference: gradientDifference(method)
      case let method as FineTune: rates(method, \.rateShare)
      case let method as Relabel: rates(method, \.rateShare)
      default: []
      }
    guard !variants.isEmpty else { throw .nothingToTune(method.name) }
    return ([method] + variants).map { TuningCandidate($0, defaults: method) }
  }

  private static func with<Method, Value>(
    _ method: Method, _ path: WritableKeyPath<Method, Value>, _ value: Value
  ) -> Method {
    var changed = method
    changed[keyPath: path] = value
    return changed
  }

  private static func rates<Method: UnlearningMethod>(
    _ method: Method, _ path: WritableKeyPath<Method, Float>
  ) -> [Method] {
    [0.5, 2, 0.25, 4].map { with(method, path, method[keyPath: path] * $0) }
  }

  private static func halvedAndDoubled<Method: UnlearningMethod>(
    _ method: Method, _ path: WritableKeyPath<Method, Float>
  ) -> [Method] {
    Array(rates(method, path)[..<2])
  }

  private static func match(_ method: Match) -> [Match] {
    let aims: [Match] = [1.0, 1.5, 2.0].map { aim in
      var changed = method
      changed.aim = aim
      return changed
    }
    let weights: [Match] = [Float(1), 3].map { with(method, \.retainWeight, $0) }
    let further: [Match] = aims.suffix(2).flatMap { halvedAndDoubled($0, \.rateShare) }
    return halvedAndDoubled(method, \.rateShare) + aims + weights + further
  }

  private static func scrub(_ method: Scrub) -> [Scrub] {
    rates(method, \.rateShare)
      + [Float(0.01), 0.5].map { with(method, \.alpha, $0) }
      + [2, 10].map { with(method, \.forgetSteps, $0) }
  }

  private static func gradientDifference(_ method: GradientDifference) -> [GradientDifference] {
    let weights = [Float(0.1), 0.25, 1].map { with(method, \.weight, $0) }
    return weights + halvedAndDoubled(method, \.rateShare)
      + weights.flatMap { halvedAndDoubled($0, \.rateShare) }
  }
}

/// A search that cannot be carried out.
public enum TuningError: Error, Hashable, Sendable, CustomStringConvertible {
  case nothingToTune(String)
  case budget(Double, smallest: Double)
  case tradeOff(Double)
  case noRecords
  case tooFewValidationSamples(found: Int, needed: Int)

  public var description: String {
    switch self {
    case .nothingToTune(let method): "the method '\(method)' has no settings to tune"
    case .budget(let share, let smallest):
      "a budget of \(share) of retraining does not pay for one candidate, which may take \(smallest)"
    case .noRecords: "there is nothing to tune with: no record to forget is named"
    case .tradeOff(let value): "expected a trade-off within 0...1, found \(value)"
    case .tooFewValidationSamples(let found, let needed):
      "expected at least \(needed) validation samples to choose by, found \(found)"
    }
  }
}
