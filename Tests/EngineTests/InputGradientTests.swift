import Foundation
import ModelCore
import Testing

@testable import Engine

@Suite struct InputGradientTests {
  static let images: [Layer] = [
    Layer(
      name: "c",
      kind: .convolution2D(
        Convolution2D(filters: 5, kernelSize: Extent2D(height: 3, width: 3), padding: .same)),
      inputs: ["input"]),
    Layer(
      name: "n", kind: .batchNormalization(BatchNormalization(momentum: 0.9, epsilon: 1e-3)),
      inputs: ["c"]),
    Layer(name: "r", kind: .activation(.tanh), inputs: ["n"]),
    Layer(
      name: "p",
      kind: .pooling2D(
        Pooling2D(
          statistic: .average, size: Extent2D(height: 2, width: 2),
          strides: Extent2D(height: 2, width: 2))), inputs: ["r"]),
    Layer(name: "f", kind: .flatten, inputs: ["p"]),
    Layer(name: "scores", kind: .dense(Dense(units: 4)), inputs: ["f"]),
  ]
  static let vectors: [Layer] = [
    Layer(name: "h", kind: .dense(Dense(units: 9, activation: .tanh)), inputs: ["input"]),
    Layer(name: "scores", kind: .dense(Dense(units: 4)), inputs: ["h"]),
  ]
  static let flattened: [Layer] = [
    Layer(name: "f", kind: .flatten, inputs: ["input"]),
    Layer(name: "h", kind: .dense(Dense(units: 9, activation: .tanh)), inputs: ["f"]),
    Layer(name: "scores", kind: .dense(Dense(units: 4)), inputs: ["h"]),
  ]

  private func network(_ shape: [Int], _ layers: [Layer]) throws -> Network {
    let input = Layer(name: "input", kind: .input(shape: try Shape(shape)), inputs: [])
    let architecture = Architecture(name: "test", layers: [input] + layers, output: "scores")
    var parameters = Parameters(
      initializing: try architecture.parameterSpecifications(), seed: 4)
    var random = SeededGenerator(seed: 9)
    parameters.update { name, values in
      guard name.role != "kernel" else { return }
      for index in values.indices { values[index] += Float(0.2 * random.nextUnit()) }
    }
    return try Network(architecture, parameters: parameters, threads: 1)
  }

  /// `sum_i i-th logit * c_i` is the loss, so its gradient at the logits is `c`.
  private func gradients(_ network: Network, _ batch: Batch) throws -> [Float] {
    try network.inputGradients(batch) { logits, gradient in
      for index in gradient.indices { gradient[index] = Self.weight(index) }
      return Self.loss(logits)
    }
  }

  private static func weight(_ index: Int) -> Float { Float(index % 7) - 2.5 }

  private static func loss(_ logits: some Collection<Float>) -> Float {
    logits.enumerated().reduce(0) { $0 + weight($1.offset) * $1.element }
  }

  private func lossOf(_ network: Network, _ batch: Batch) throws -> Float {
    var logits = [Float](repeating: 0, count: batch.count * batch.classCount)
    try logits.withUnsafeMutableBufferPointer {
      try network.logits(UnsafeBufferPointer(batch.inputs), count: batch.count, into: $0)
    }
    return Self.loss(logits)
  }

  @Test(arguments: [
    ([6, 8, 1], images), ([6, 6, 3], images), ([4, 6, 17], images), ([13], vectors),
    ([5, 3, 2], flattened),
  ])
  func gradientsAgreeWithFiniteDifferences(_ shape: [Int], _ layers: [Layer]) throws {
    let network = try network(shape, layers)
    let size = shape.reduce(1, *)
    let batch = Batch(capacity: 3, sampleElementCount: size, classCount: 4)
    batch.setCount(3)
    var random = SeededGenerator(seed: 2)
    for index in batch.inputs.indices { batch.inputs[index] = Float(random.nextNormal()) }
    let found = try gradients(network, batch)
    #expect(found.count == 3 * size)
    for index in stride(from: 0, to: 3 * size, by: 7) {
      let value = batch.inputs[index]
      batch.inputs[index] = value + 1e-2
      let above = try lossOf(network, batch)
      batch.inputs[index] = value - 1e-2
      let below = try lossOf(network, batch)
      batch.inputs[index] = value
      #expect(abs(found[index] - (above - below) / 2e-2) < 2e-2, "element \(index) of \(shape)")
    }
  }

  /// The gradients of the weights are those of frozen training.
  @Test func weightsGetTheirGradientsToo() throws {
    let network = try network([6, 8, 1], Self.images)
    let batch = Batch(capacity: 2, sampleElementCount: 48, classCount: 4)
    batch.setCount(2)
    for index in batch.inputs.indices { batch.inputs[index] = Float(index % 5) }
    _ = try gradients(network, batch)
    let found = try network.gradients
    try network.backpropagate(batch, mode: .frozen) { logits, gradient in
      for index in gradient.indices { gradient[index] = Self.weight(index) }
      return Self.loss(logits)
    }
    for (one, other) in zip(found.all, try network.gradients.all) {
      #expect(zip(one.values, other.values).allSatisfy { abs($0 - $1) < 1e-4 })
    }
  }
}
