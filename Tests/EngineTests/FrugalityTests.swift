import AllocationCounter
import ModelCore
import TestSupport
import Testing

@testable import Engine

/// What a step must not do: allocate, or compile anything twice.
@Suite struct FrugalityTests {
  /// What a hundred steps allocate on the thread that takes them, once everything has run. oneDNN
  /// itself takes a few words for the arguments of each primitive, and matrix products room to pack.
  private func allocations(_ network: Network, samples count: Int) throws -> UInt {
    let optimizer = try network.makeOptimizer(.adam, clipping: .globalNorm(1))
    let batch = try Samples(count: count, for: network.architecture, seed: 1).batch()
    func step() throws {
      try network.backpropagate(batch, mode: .training)
      try optimizer.step(learningRate: 1e-4)
    }
    for _ in 0..<3 { try step() }
    start_counting()
    defer { _ = stop_counting() }
    for _ in 0..<100 { try step() }
    return stop_counting()
  }

  @Test(.enabled(if: counts_allocations() != 0)) func theCounterCounts() {
    start_counting()
    let memory = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 64)
    #expect(stop_counting() == 1)
    memory.deallocate()
  }

  @Test(.enabled(if: counts_allocations() != 0), arguments: [1, 2])
  func stepsAllocateNothing(threads: Int) throws {
    var sketch = NetworkSketch([8, 8, 1])
    sketch.add(.conv(6, 5, activation: .relu))
    sketch.add(.pool(.max, 2, strides: (2, 2)))
    sketch.add(.dropout(rate: 0.2))
    sketch.add(.flatten)
    sketch.add(.dense(20, activation: .relu))
    sketch.add(.norm())
    sketch.classify(flatten: false)
    for architecture in [sketch.architecture, SmallNetworks.convolutional, SmallNetworks.dense] {
      let network = try SmallNetworks.network(architecture, threads: threads)
      let count = try allocations(network, samples: 16)
      #expect(count == 0)
    }
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
