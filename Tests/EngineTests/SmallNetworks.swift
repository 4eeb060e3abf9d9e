import Engine
import ModelCore

/// Networks that several tests share.
enum SmallNetworks {
  /// Convolutions of blocked and unblocked channels, normalization, a residual and pooling.
  static let convolutional: Architecture = {
    var sketch = NetworkSketch([8, 7, 3])
    let stem = sketch.add(.conv(17, 3, padding: .same, activation: .relu))
    sketch.add(.conv(17, 3, padding: .same, usesBias: false))
    let norm = sketch.add(.norm())
    sketch.add(.add, from: [norm, stem])
    sketch.add(.activation(.relu))
    sketch.add(.pool(.max, 2, strides: (2, 2)))
    sketch.add(.conv(16, 3, activation: .relu))
    sketch.classify(4)
    return sketch.architecture
  }()

  static let dense: Architecture = {
    var sketch = NetworkSketch([9])
    sketch.add(.dense(33, activation: .relu))
    sketch.add(.dense(17, activation: .tanh))
    sketch.classify(5, flatten: false)
    return sketch.architecture
  }()

  static func network(
    _ architecture: Architecture, seed: UInt64 = 1, threads: Int = 2
  ) throws -> Network {
    try Network(
      architecture, parameters: Parameters(randomFor: architecture, seed: seed), threads: threads)
  }
}
