/// What a run has cost so far, in sample passes: forward and backward is one, forward only a third.
public struct CostMeter: Hashable, Sendable {
  /// Samples that went forward and backward.
  public private(set) var trained = 0
  /// Samples that went forward only.
  public private(set) var evaluated = 0

  public init() {}

  /// Sample passes in all.
  public var passes: Double { Double(trained) + Double(evaluated) / 3 }

  public mutating func addTrained(_ count: Int) { trained += count }
  public mutating func addEvaluated(_ count: Int) { evaluated += count }
}
