import Checkpoints
import ModelCore
import TestSupport

/// A network that Keras wrote, and what Keras computes with it.
struct GoldenNetwork {
  static let names = [
    "activations", "batchnorm", "batchnorm_after_bias", "binary", "conv_dilated",
    "conv_same_strided", "conv_winograd", "dropout", "functional_branches", "lenet",
    "lenet_softmax", "merges", "mlp", "mobile", "more_activations", "nested", "operations", "pools",
    "residual",
    "sequence",
  ]

  let architecture: Architecture
  let weights: Parameters
  let values: ReferenceArrays
  /// With labels, each of weight 1/N.
  let labelled: Samples
  /// With soft targets and weights.
  let soft: Samples

  /// Dropout is off, as it was for Keras.
  init(_ name: String) throws {
    let text = try Fixtures.text("networks/\(name)/architecture.json")
    architecture = try KerasConfiguration(parsing: text).architecture.withoutDropout
    values = try ReferenceArrays("networks/\(name)/values.safetensors")
    weights = try values.parameters("weight")
    let inputs = try values.tensor("input").floats
    labelled = Samples(
      inputs: inputs, labels: try values.tensor("labels").floats.map { Int32($0) },
      classCount: try architecture.classCount())
    soft = Samples(
      inputs: inputs, targets: try values.tensor("soft_targets").floats,
      weights: try values.tensor("sample_weights").floats)
  }

  func expected(_ prefix: String) throws -> [ParameterName: [Double]] {
    try values.parameters(prefix).doubles
  }
}

extension Architecture {
  /// The same network with layers of Dropout and noise that let everything through.
  var withoutDropout: Architecture {
    Architecture(
      name: name,
      layers: layers.map { layer in
        switch layer.kind {
        case .dropout, .noise: return layer.with(.dropout(rate: 0))
        default: return layer
        }
      }, output: output)
  }
}
