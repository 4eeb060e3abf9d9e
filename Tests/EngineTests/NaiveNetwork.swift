import Engine
import Foundation
import ModelCore

/// The oracle: runs an architecture in Double, one number at a time, with every adjoint written
/// out by hand. `NaiveNetworkTests` proves it by finite differences and against Keras.
struct NaiveNetwork {
  /// The layers, a final softmax taken off: the loss works on class scores.
  let layers: [Layer]
  let output: String
  let shapes: [String: Shape]
  var weights: [ParameterName: [Double]]
  /// `[N, ...]` factors for a Dropout layer's outputs; without them the layer lets all through.
  var dropoutFactors: [String: [Double]] = [:]

  /// What one step computes.
  struct Step {
    var loss: Double
    /// `[N, C]`.
    var logits: [Double]
    var gradients: [ParameterName: [Double]]
    /// The running statistics afterwards.
    var running: [ParameterName: [Double]]
  }

  init(_ architecture: Architecture, parameters: Parameters) throws {
    layers = architecture.layers.map {
      $0.name == architecture.output ? Self.withoutSoftmax($0) : $0
    }
    output = architecture.output
    shapes = try architecture.shapes()
    weights = .init(
      uniqueKeysWithValues: parameters.all.map { ($0.name, $0.values.map(Double.init)) })
  }

  private static func withoutSoftmax(_ layer: Layer) -> Layer {
    var kind = layer.kind
    if case .activation(.softmax) = kind { kind = .activation(.linear) }
    if case .dense(var dense) = kind, dense.activation == .softmax {
      dense.activation = .linear
      kind = .dense(dense)
    }
    return Layer(
      name: layer.name, kind: kind, inputs: layer.inputs, isTrainable: layer.isTrainable)
  }

  /// Class scores `[N, C]` in inference mode.
  func logits(_ samples: Samples) -> [Double] {
    outputs(samples, mode: .frozen)[output]?.values ?? []
  }

  /// `L = sum_i w_i CE(t_i, softmax(z_i))` alone.
  func loss(_ samples: Samples, mode: Network.Mode) -> Double {
    guard let logits = outputs(samples, mode: mode)[output] else { return .nan }
    return crossEntropy(logits, samples).loss
  }

  /// Forward and backward.
  func step(_ samples: Samples, mode: Network.Mode) -> Step {
    let outputs = outputs(samples, mode: mode)
    let logits = outputs[output] ?? NaiveTensor(zeros: 0, shape: [])
    let (loss, gradient) = crossEntropy(logits, samples)
    var result = Step(loss: loss, logits: logits.values, gradients: [:], running: [:])
    var adjoints = [output: gradient]
    for layer in layers.reversed() {
      let inputs = layer.inputs.compactMap { outputs[$0] }
      let naive = naiveLayer(layer, mode: mode)
      for (role, values) in naive.runningStatistics(inputs) {
        result.running[ParameterName(layer: layer.name, role: role)] = values
      }
      // A layer that does not lead to the output has no part in the loss.
      let gradient =
        adjoints[layer.name]
        ?? NaiveTensor(zeros: samples.count, shape: shapes[layer.name]?.dimensions ?? [])
      let adjoint = naive.adjoint(inputs, gradient: gradient)
      for (role, values) in adjoint.weights {
        result.gradients[ParameterName(layer: layer.name, role: role)] = values
      }
      for (name, share) in zip(layer.inputs, adjoint.inputs) {
        adjoints[name] = adjoints[name].map { $0 + share } ?? share
      }
    }
    return result
  }

  private func outputs(_ samples: Samples, mode: Network.Mode) -> [String: NaiveTensor] {
    var outputs: [String: NaiveTensor] = [:]
    for layer in layers {
      if case .input(let shape) = layer.kind {
        outputs[layer.name] = NaiveTensor(
          count: samples.count, shape: shape.dimensions, values: samples.inputs.map(Double.init))
      } else {
        outputs[layer.name] = naiveLayer(layer, mode: mode)
          .output(layer.inputs.compactMap { outputs[$0] })
      }
    }
    return outputs
  }

  private func naiveLayer(_ layer: Layer, mode: Network.Mode) -> NaiveLayer {
    var own: [String: [Double]] = [:]
    for (name, values) in weights where name.layer == layer.name { own[name.role] = values }
    return NaiveLayer(
      kind: layer.kind, weights: own, outputShape: shapes[layer.name]?.dimensions ?? [],
      // Keras runs a BatchNormalization that is not trainable in inference mode.
      usesBatchStatistics: mode == .training && layer.isTrainable,
      dropoutFactors: mode == .training ? dropoutFactors[layer.name] : nil)
  }

  private func crossEntropy(
    _ logits: NaiveTensor, _ samples: Samples
  ) -> (loss: Double, gradient: NaiveTensor) {
    var (loss, gradient) = (0.0, logits)
    for sample in 0..<logits.count {
      let row = sample * logits.channels..<(sample + 1) * logits.channels
      let weight = Double(samples.weights[sample])
      let peak = logits.values[row].max() ?? 0
      let sum = logits.values[row].reduce(0) { $0 + exp($1 - peak) }
      let mass = samples.targets[row].reduce(0) { $0 + Double($1) }
      for index in row {
        let logarithm = logits.values[index] - peak - log(sum)
        let target = Double(samples.targets[index])
        loss -= weight * target * logarithm
        gradient.values[index] = weight * (mass * exp(logarithm) - target)
      }
    }
    return (loss, gradient)
  }
}
