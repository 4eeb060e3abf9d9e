public import ModelCore

/// An exponential moving average of a network's weights.
public final class WeightAverage {
  private let network: Network

  init(network: Network) { self.network = network }

  /// `average = decay * average + (1 - decay) * weights`; running statistics are copied.
  public func update(decay: Float) {}

  /// Runs `body` with the averaged weights in the network, and puts its own back afterwards.
  public func withAveragedWeights<R>(_ body: () throws -> R) throws -> R {
    throw EngineError.noStepYet
  }

  /// A copy of the average in Keras's layout.
  public var parameters: Parameters { get throws { throw EngineError.noStepYet } }
}
