import Checkpoints
import Engine
import Foundation
import ModelCore
import TestSupport
import Testing

/// What runs behind each layer. `ref` is oneDNN's loop for checking others: right, and up to a
/// thousand times slower, so nothing else would tell.
@Suite struct ImplementationTests {
  private static let folder = Fixtures.folder
    .deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("tools/benchmarks/networks")

  @Test(arguments: ["mlp", "lenet", "vgg", "resnet18", "mobilenetv2"])
  func nothingFallsBackToTheReference(_ name: String) throws {
    let text = try String(
      contentsOf: Self.folder.appendingPathComponent("\(name).json"), encoding: .utf8)
    let architecture = try KerasConfiguration(parsing: text).architecture
    let network = try Network(architecture, parameters: constant(architecture), threads: 2)
    let batch = Batch(
      capacity: 64, sampleElementCount: network.sampleShape.elementCount,
      classCount: network.classCount)
    batch.setCount(64)
    try network.backpropagate(batch, mode: .training)
    try network.backpropagate(batch, mode: .frozen)
    _ = try network.logits(Array(batch.inputs), count: 64)
    expectNoReference(network)
  }

  /// As the networks for telephones have them: wide depthwise windows, and all channels of the one
  /// pixel that an image is squeezed to.
  @Test func nothingOfAMobileNetworkFallsBack() throws {
    var sketch = NetworkSketch([10, 10, 32])
    for (width, stride) in [(5, 1), (5, 2), (7, 1)] {
      let image = sketch.add(
        .conv(
          0, width, strides: (stride, stride), padding: .same, usesBias: false,
          mixing: .depthwise(multiplier: 1)))
      sketch.add(.globalAveragePooling2D(keepsDimensions: false))
      sketch.add(.reshape([1, 1, 32]))
      sketch.add(.conv(4, 1, activation: .silu))
      let gate = sketch.add(.conv(32, 1, activation: .sigmoid))
      sketch.add(.merge(.multiply), from: [image, gate])
    }
    sketch.add(.flatten)
    sketch.classify()
    let network = try SmallNetworks.network(sketch.architecture)
    let samples = try Samples(count: 8, for: sketch.architecture, seed: 1)
    try network.backpropagate(samples.batch(), mode: .training)
    _ = try network.logits(samples)
    expectNoReference(network)
  }

  /// Which numbers they are does not matter, and drawing 11 million of them would take long.
  private func constant(_ architecture: Architecture) throws -> Parameters {
    Parameters(
      try architecture.parameterSpecifications().map {
        Parameter(
          name: $0.name, shape: $0.shape,
          values: .init(
            repeating: $0.name.role == "moving_variance" ? 1 : 0.01,
            count: $0.shape.elementCount))
      })
  }
}

/// Fails where a step of the plans made so far runs oneDNN's reference loop.
func expectNoReference(_ network: Network, sourceLocation: SourceLocation = #_sourceLocation) {
  let implementations = network.implementations
  let references = implementations.filter { $0.contains(": ref") }
  #expect(references.isEmpty, sourceLocation: sourceLocation)
  // A list that left steps out could not show what they run.
  for layer in network.architecture.layers {
    switch layer.kind {
    case .dense, .convolution2D:
      let isListed = implementations.contains { $0.hasPrefix("\(layer.name): ") }
      #expect(isListed, "\(layer.name) has no step", sourceLocation: sourceLocation)
    default: break
    }
  }
}
