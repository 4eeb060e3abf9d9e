internal import CKernels
public import ModelCore
internal import OneDNN

/// An exponential moving average of a network's weights, in the layout they are computed in.
public final class WeightAverage {
  private let network: Network
  private let weights: FloatArena
  private let statistics: FloatArena

  init(network: Network) {
    self.network = network
    weights = FloatArena(count: network.store.weights.count)
    statistics = FloatArena(count: network.store.statistics.count)
    weights.copy(from: network.store.weights)
    statistics.copy(from: network.store.statistics)
  }

  /// `average = decay * average + (1 - decay) * weights`; running statistics are copied.
  public func update(decay: Float) {
    network.profiled(.optimizer) {
      Processor.setThreads(network.threads)
      if weights.count > 0 {
        ck_blend(
          weights.pointer(), decay, network.store.weights.pointer(), 1 - decay, weights.count)
      }
      statistics.copy(from: network.store.statistics)
    }
  }

  /// Runs `body` with the averaged weights in the network, and puts its own back afterwards,
  /// whatever `body` did to them. The average itself stays as it was.
  public func withAveragedWeights<R>(_ body: () throws -> R) throws -> R {
    let store = network.store
    let ownWeights = FloatArena(count: weights.count)
    let ownStatistics = FloatArena(count: statistics.count)
    Processor.setThreads(network.threads)
    ownWeights.copy(from: store.weights)
    ownStatistics.copy(from: store.statistics)
    store.weights.copy(from: weights)
    store.statistics.copy(from: statistics)
    store.markChanged()
    defer {
      store.weights.copy(from: ownWeights)
      store.statistics.copy(from: ownStatistics)
      store.markChanged()
    }
    return try body()
  }

  /// A copy of the average in Keras's layout.
  public var parameters: Parameters {
    get throws { try network.store.export(weights, statistics: statistics) }
  }
}
