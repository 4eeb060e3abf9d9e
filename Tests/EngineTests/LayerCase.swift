import ModelCore
import Testing

/// A small network around the layer under test.
struct LayerCase: Sendable, CustomTestStringConvertible {
  let name: String
  let architecture: Architecture
  /// `N`.
  let batch: Int
  var seed: UInt64 = 1

  var testDescription: String { "\(name), batch \(batch)" }

  /// - Parameters:
  ///   - draw: adds the layers; unless it adds the classifier itself, one is put behind them.
  init(
    _ name: String, _ input: [Int], batch: Int, classified: Bool = true,
    _ draw: (inout NetworkSketch) -> Void
  ) {
    var sketch = NetworkSketch(input)
    draw(&sketch)
    if classified { sketch.classify() }
    self.name = name
    self.batch = batch
    architecture = sketch.architecture
  }

  /// Winograd is for 3x3 windows at stride 1 with 16 channels or more on both sides.
  var tolerance: Tolerance {
    let shapes = (try? architecture.shapes()) ?? [:]
    let usesWinograd = architecture.layers.contains { layer in
      guard case .convolution2D(let convolution) = layer.kind,
        let channels = shapes[layer.inputs[0]]?.dimensions.last
      else { return false }
      return convolution.kernelSize == Extent2D(height: 3, width: 3)
        && convolution.extent == convolution.kernelSize
        && convolution.strides == Extent2D(height: 1, width: 1)
        && channels >= 16 && convolution.filters >= 16
    }
    return usesWinograd ? .winograd : .direct
  }

  /// Whether a layer has no part in the output, so that nothing runs for it.
  var hasUnusedLayers: Bool {
    let read = Set(architecture.layers.flatMap(\.inputs))
    return architecture.layers.contains {
      !read.contains($0.name) && $0.name != architecture.output
    }
  }

  /// Random factors for each Dropout layer, as training draws them.
  func dropoutFactors(_ count: Int) -> [String: [Double]] {
    let shapes = (try? architecture.shapes()) ?? [:]
    var factors: [String: [Double]] = [:]
    for layer in architecture.layers {
      guard case .dropout(let rate) = layer.kind, rate > 0 else { continue }
      var random = SeededGenerator(seed: seed, stream: layer.name)
      factors[layer.name] = (0..<count * (shapes[layer.name]?.elementCount ?? 0)).map { _ in
        random.nextUnit() < Double(rate) ? 0 : 1 / (1 - Double(rate))
      }
    }
    return factors
  }
}

extension LayerCase {
  static let activations: [(name: String, activation: Activation)] = [
    ("linear", .linear), ("relu", .relu), ("leaky", .leakyReLU(slope: 0.3)),
    ("elu", .elu(alpha: 0.7)), ("sigmoid", .sigmoid), ("tanh", .tanh), ("softmax", .softmax),
  ]

  /// Small enough for a difference quotient at every weight.
  static let tiny: [LayerCase] =
    activations.map { name, activation in
      LayerCase("fused \(name)", [3, 3, 2], batch: 3) {
        $0.add(.conv(2, 2, activation: activation))
        $0.add(.flatten)
        $0.add(.dense(4, activation: activation))
        $0.add(.activation(activation))
      }
    } + [
      LayerCase("strided convolution", [5, 4, 2], batch: 2) {
        $0.add(.conv(2, 1))
        $0.add(.conv(3, 3, 2, strides: (2, 1), padding: .same))
      },
      LayerCase("dilated convolution", [6, 5, 1], batch: 2) {
        $0.add(.conv(2, 1))
        $0.add(.conv(2, 2, 3, dilation: (2, 1), padding: .same, usesBias: false))
        $0.add(.conv(1, 2, dilation: (3, 2)))
      },
      LayerCase("pooling", [6, 5, 1], batch: 2) {
        $0.add(.conv(2, 1))
        $0.add(.pool(.max, 3, 2, strides: (2, 1), padding: .same))
        $0.add(.pool(.average, 2, 3, strides: (1, 2), padding: .same))
        $0.add(.pool(.max, 2, 1, strides: (1, 1)))
      },
      LayerCase("global mean, kept", [3, 4, 2], batch: 2) {
        $0.add(.conv(3, 1))
        $0.add(.globalAveragePooling2D(keepsDimensions: true))
        $0.add(.conv(2, 1))
        $0.add(.globalAveragePooling2D(keepsDimensions: false))
      },
      LayerCase("normalized image", [3, 3, 2], batch: 3) {
        $0.add(.conv(3, 2))
        $0.add(.norm())
        $0.add(.conv(2, 1))
        $0.add(.norm(scale: false))
      },
      LayerCase("normalized vector", [4], batch: 6) {
        $0.add(.dense(3))
        $0.add(.norm(center: false))
        $0.add(.dense(3))
        $0.add(.norm(scale: false, center: false))
        $0.add(.dense(3))
        $0.add(.norm(), isTrainable: false)
      },
      LayerCase("joins", [4, 3, 2], batch: 2) {
        let stem = $0.add(.conv(2, 1))
        let a = $0.add(.conv(2, 2, padding: .same), from: [stem])
        let b = $0.add(.activation(.tanh), from: [stem])
        let sum = $0.add(.add, from: [a, b, stem])
        $0.add(.concatenate(axis: -1), from: [sum, a, stem])
        $0.add(.zeroPadding2D(top: 1, bottom: 0, left: 2, right: 1))
        $0.add(.conv(2, 2))
      },
      LayerCase("dropout", [4], batch: 3) {
        $0.add(.dense(5))
        $0.add(.dropout(rate: 0.4))
      },
    ]
}
