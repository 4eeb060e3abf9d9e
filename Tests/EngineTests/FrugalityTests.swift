import AllocationCounter
import ModelCore
import TestSupport
import Testing

@testable import Engine

/// What a step must not do: allocate, or compile anything twice.
@Suite struct FrugalityTests {
  /// What a hundred steps allocate on the thread that takes them, once everything has run.
  private func allocations(_ network: Network, samples count: Int) throws -> UInt {
    let optimizer = try network.makeOptimizer(.adam, clipping: .globalNorm(1))
    let batch = try Samples(count: count, for: network.architecture, seed: 1).batch()
    func step() throws {
      try network.backpropagate(batch, mode: .training)
      try optimizer.step(learningRate: 1e-4)
    }
    for _ in 0..<3 { try step() }
    let before = allocations_of_this_thread()
    for _ in 0..<100 { try step() }
    return allocations_of_this_thread() - before
  }

  @Test(arguments: [1, 2]) func stepsAllocateNothing(threads: Int) throws {
    guard counts_allocations() != 0 else { return }
    var sketch = NetworkSketch([8, 8, 1])
    sketch.add(.conv(6, 5, activation: .relu))
    sketch.add(.pool(.max, 2, strides: (2, 2)))
    sketch.add(.dropout(rate: 0.2))
    sketch.add(.flatten)
    sketch.add(.dense(20, activation: .relu))
    sketch.add(.norm())
    sketch.classify(flatten: false)
    let network = try SmallNetworks.network(sketch.architecture, threads: threads)
    let own = try allocations(network, samples: 16)
    let blocked = try SmallNetworks.network(SmallNetworks.convolutional, threads: threads)
    let foreign = try allocations(blocked, samples: 16)
    print("ALLOCATIONS", threads, own, foreign, blocked.implementations.count)
  }

  /// The short batch at the end of an epoch has a plan of its own, made once, on the same weights.
  @Test func aShortLastBatchIsCompiledOnce() throws {
    let network = try SmallNetworks.network(SmallNetworks.dense)
    let samples = try Samples(count: 50, for: network.architecture, seed: 1)
    let source = try MemorySource(
      inputs: samples.inputs, sampleShape: [9], labels: (0..<50).map { Int32($0 % 5) },
      classCount: 5)
    let weights = network.store.weights.pointer()
    for epochs in [1, 4] {
      try network.train(on: source, recipe: TrainingRecipe(epochs: epochs, batchSize: 16))
      #expect(network.plansMade == 2)
    }
    for _ in 0..<2 {
      _ = try network.evaluate(source, batchSize: 16)
      #expect(network.plansMade == 4)
    }
    #expect(network.store.weights.pointer() == weights)
  }
}
