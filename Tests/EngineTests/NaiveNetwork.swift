import Engine
import Foundation
import ModelCore

/// The oracle: runs an architecture in Double, one number at a time, with every adjoint written
/// out by hand. `NaiveNetworkTests` proves it by finite differences and against Keras.
struct NaiveNetwork {
  /// The layers, a final softmax taken off: the loss works on class scores.
  let layers: [Layer]
  let output: String
  let head: Head
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
    let head = try architecture.head()
    self.head = head
    layers = architecture.layers.map {
      $0.name == architecture.output ? Self.scoring($0, head) : $0
    }
    output = architecture.output
    shapes = try architecture.shapes()
    weights = .init(
      uniqueKeysWithValues: parameters.all.map { ($0.name, $0.values.map(Double.init)) })
  }

  /// Without what turns scores into probabilities.
  private static func scoring(_ layer: Layer, _ head: Head) -> Layer {
    let last: Activation = head == .softmax ? .softmax : .sigmoid
    guard head != .scores else { return layer }
    if case .activation(last) = layer.kind { return layer.with(.activation(.linear)) }
    guard case .dense(var dense) = layer.kind, dense.activation == last else { return layer }
    dense.activation = .linear
    return layer.with(.dense(dense))
  }

  /// The scores of both classes where the network tells only the second one's.
  private func paired(_ scores: NaiveTensor?) -> NaiveTensor {
    guard let scores else { return NaiveTensor(zeros: 0, shape: [0]) }
    guard head == .binary else { return scores }
    return NaiveTensor(
      count: scores.count, shape: [2], values: scores.values.flatMap { [0, $0] })
  }

  /// Class scores `[N, C]` in inference mode.
  func logits(_ samples: Samples) -> [Double] {
    paired(outputs(samples, mode: .frozen)[output]).values
  }

  /// `L = sum_i w_i CE(t_i, softmax(z_i))` alone.
  func loss(_ samples: Samples, mode: Network.Mode) -> Double {
    crossEntropy(paired(outputs(samples, mode: mode)[output]), samples).loss
  }

  /// Forward and backward.
  func step(_ samples: Samples, mode: Network.Mode) -> Step {
    let outputs = outputs(samples, mode: mode)
    let logits = paired(outputs[output])
    var (loss, gradient) = crossEntropy(logits, samples)
    if head == .binary {
      gradient = NaiveTensor(
        count: gradient.count, shape: [1],
        values: (0..<gradient.count).map { gradient.values[2 * $0 + 1] })
    }
    var result = Step(
      loss: loss, logits: logits.values, gradients: [:],
      running: running(outputs, mode: mode))
    var adjoints = [output: gradient]
    for layer in layers.reversed() {
      let inputs = layer.inputs.compactMap { outputs[$0] }
      let naive = naiveLayer(layer, mode: mode)
      // A layer that does not lead to the output has no part in the loss.
      let gradient =
        adjoints[layer.name]
        ?? NaiveTensor(zeros: samples.count, shape: shapes[layer.name]?.dimensions ?? [])
      let adjoint = naive.adjoint(inputs, gradient: gradient)
      for (role, values) in adjoint.weights {
        let name = ParameterName(layer: layer.weightOwner, role: role)
        let others = result.gradients[name]
        result.gradients[name] = others.map { zip($0, values).map { $0 + $1 } } ?? values
      }
      for (name, share) in zip(layer.inputs, adjoint.inputs) {
        adjoints[name] = adjoints[name].map { $0 + share } ?? share
      }
    }
    return result
  }

  /// The running statistics, which every call of a layer moves.
  private func running(
    _ outputs: [String: NaiveTensor], mode: Network.Mode
  ) -> [ParameterName: [Double]] {
    var moved = self
    var result: [ParameterName: [Double]] = [:]
    for layer in layers {
      let inputs = layer.inputs.compactMap { outputs[$0] }
      for (role, values) in moved.naiveLayer(layer, mode: mode).runningStatistics(inputs) {
        let name = ParameterName(layer: layer.weightOwner, role: role)
        result[name] = values
        moved.weights[name] = values
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
    for (name, values) in weights where name.layer == layer.weightOwner {
      own[name.role] = values
    }
    return NaiveLayer(
      kind: layer.kind, weights: own, outputShape: shapes[layer.name]?.dimensions ?? [],
      // Keras runs a BatchNormalization that is not trainable in inference mode.
      usesBatchStatistics: mode == .training && layer.isTrainable && !layer.isInference,
      dropoutFactors: mode == .training ? dropoutFactors[layer.name] : nil)
  }

  private func crossEntropy(
    _ logits: NaiveTensor, _ samples: Samples
  ) -> (loss: Double, gradient: NaiveTensor) {
    if head == .multiLabel { return labelwise(logits, samples) }
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

  /// `L = sum_i w_i mean_c -(t log p + (1 - t) log(1 - p))` with `p = sigmoid(z)`.
  private func labelwise(
    _ logits: NaiveTensor, _ samples: Samples
  ) -> (loss: Double, gradient: NaiveTensor) {
    var (loss, gradient) = (0.0, logits)
    for (index, score) in logits.values.enumerated() {
      let weight = Double(samples.weights[index / logits.channels]) / Double(logits.channels)
      let (target, probability) = (Double(samples.targets[index]), 1 / (1 + exp(-score)))
      loss -= weight * (target * log(probability) + (1 - target) * log(1 - probability))
      gradient.values[index] = weight * (probability - target)
    }
    return (loss, gradient)
  }
}
