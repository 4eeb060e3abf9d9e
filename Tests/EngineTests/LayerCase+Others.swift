import ModelCore

extension LayerCase {
  static let activationLayers: [LayerCase] = activations.flatMap { name, activation in
    [
      LayerCase("\(name) in a convolution", [5, 4, 3], batch: 2) {
        $0.add(.conv(17, 2, activation: activation))
        $0.add(.conv(5, 1, activation: activation))
      },
      LayerCase("\(name) in a dense layer", [7], batch: 7) {
        $0.add(.dense(17, activation: activation))
        $0.add(.dense(5, activation: activation, usesBias: false))
      },
      LayerCase("\(name) by itself on images", [4, 3, 2], batch: 7) {
        $0.add(.conv(17, 2))
        $0.add(.activation(activation))
        $0.add(.conv(16, 1))
        $0.add(.activation(activation))
      },
      LayerCase("\(name) by itself on vectors", [5], batch: 33) {
        $0.add(.dense(17))
        $0.add(.activation(activation))
      },
      LayerCase("\(name) on the input", [3, 4, 5], batch: 2) { $0.add(.activation(activation)) },
      LayerCase("\(name) as scores", [5], batch: 7, classified: false) {
        $0.add(.dense(5))
        $0.add(.dense(4, activation: activation))
      },
      LayerCase("\(name) read by two", [4, 4, 3], batch: 2) {
        let stem = $0.add(.conv(5, 2, activation: activation))
        let a = $0.add(.activation(activation), from: [stem])
        $0.add(.add, from: [a, stem])
      },
    ]
  }

  static let denseLayers: [LayerCase] = [
    LayerCase("one layer", [7], batch: 7) { _ in },
    LayerCase("one number in, one sample", [1], batch: 1) { _ in },
    LayerCase("17, 16, 33", [17], batch: 33) {
      $0.add(.dense(16, activation: .relu))
      $0.add(.dense(33))
    },
    LayerCase("no bias", [16], batch: 2) { $0.add(.dense(5, usesBias: false)) },
    LayerCase("flattened 5 channels", [3, 4, 2], batch: 7) { $0.add(.conv(5, 2)) },
    LayerCase("flattened 17 channels", [3, 4, 2], batch: 7) { $0.add(.conv(17, 2)) },
    LayerCase("flattened 32 channels, pooled", [4, 6, 2], batch: 7) {
      $0.add(.conv(32, 1, activation: .relu))
      $0.add(.pool(.max, 2, strides: (2, 2)))
      $0.add(.flatten)
      $0.add(.dense(17, activation: .relu))
    },
    LayerCase("flattened input", [4, 3, 3], batch: 7) { _ in },
    LayerCase("flattened twice", [2, 2, 3], batch: 7) {
      $0.add(.conv(5, 1))
      $0.add(.flatten)
      $0.add(.dense(6))
      $0.add(.flatten)
    },
    LayerCase("two classes", [6], batch: 7, classified: false) { $0.classify(2) },
    LayerCase("one class", [6], batch: 7, classified: false) { $0.classify(1) },
    LayerCase("100 classes", [6], batch: 7, classified: false) { $0.classify(100) },
    LayerCase("no softmax at the end", [6], batch: 7, classified: false) { $0.add(.dense(5)) },
    LayerCase("softmax in the middle", [6], batch: 7) {
      $0.add(.dense(17, activation: .softmax))
      $0.add(.dense(4))
      $0.add(.activation(.softmax))
    },
    LayerCase("softmax twice at the end", [6], batch: 7, classified: false) {
      $0.add(.dense(4, activation: .softmax))
      $0.add(.activation(.softmax))
    },
  ]

  static let normalizations: [LayerCase] = [
    norm("image", [4, 4, 3], batch: 7, .norm()),
    norm("image of 16", [3, 4, 16], batch: 2, .norm()),
    norm("image of 17", [3, 4, 17], batch: 7, .norm()),
    norm("image, large batch", [2, 2, 5], batch: 33, .norm()),
    norm("image, no scale", [3, 4, 17], batch: 7, .norm(scale: false)),
    norm("image, no center", [3, 4, 17], batch: 7, .norm(center: false)),
    norm("image, neither", [3, 4, 17], batch: 7, .norm(scale: false, center: false)),
    norm("one image", [4, 4, 5], batch: 1, .norm()),
    norm("not trainable", [3, 4, 17], batch: 7, .norm(), isTrainable: false),
    LayerCase("normalized input", [4, 4, 3], batch: 7) {
      $0.add(.norm(epsilon: 0.1))
      $0.add(.conv(5, 2))
    },
    LayerCase("normalized vectors", [6], batch: 7) {
      $0.add(.dense(17, usesBias: false))
      $0.add(.norm())
      $0.add(.activation(.relu))
      $0.add(.dense(16))
      $0.add(.norm(scale: false))
      $0.add(.activation(.tanh))
      $0.add(.dense(5))
      $0.add(.norm(center: false))
    },
    LayerCase("normalized vectors, large batch", [6], batch: 33) {
      $0.add(.dense(3))
      $0.add(.norm(scale: false, center: false))
    },
    LayerCase("normalized scores", [6], batch: 33, classified: false) {
      $0.add(.dense(4))
      $0.add(.norm())
      $0.add(.activation(.softmax))
    },
    LayerCase("normalized after ReLU, read twice", [5, 4, 2], batch: 7) {
      $0.add(.conv(17, 2, activation: .relu))
      let norm = $0.add(.norm())
      let relu = $0.add(.activation(.relu))
      let conv = $0.add(.conv(17, 1), from: [norm])
      $0.add(.add, from: [conv, relu])
    },
    LayerCase("normalized, padded, pooled", [5, 4, 2], batch: 7) {
      $0.add(.conv(5, 2))
      $0.add(.norm())
      $0.add(.activation(.relu))
      $0.add(.zeroPadding2D(top: 1, bottom: 0, left: 0, right: 1))
      $0.add(.pool(.max, 2, strides: (1, 2)))
    },
    LayerCase("normalized, pooled without ReLU", [6, 6, 2], batch: 2) {
      $0.add(.conv(16, 1))
      $0.add(.norm(scale: false))
      $0.add(.pool(.max, 3, strides: (2, 2), padding: .same))
    },
    LayerCase("normalized twice", [4, 4, 2], batch: 7) {
      $0.add(.conv(5, 2))
      $0.add(.norm(epsilon: 0.1))
      $0.add(.activation(.leakyReLU(slope: 0.1)))
      $0.add(.norm(epsilon: 0.1))
    },
  ]

  private static func norm(
    _ name: String, _ input: [Int], batch: Int, _ kind: Layer.Kind, isTrainable: Bool = true
  ) -> LayerCase {
    LayerCase("\(name) \(input)", [input[0], input[1], 2], batch: batch) {
      $0.add(.conv(input[2], 1, usesBias: false))
      $0.add(kind, isTrainable: isTrainable)
      $0.add(.activation(.relu))
      $0.add(.conv(5, 2))
      $0.add(kind, isTrainable: isTrainable)
    }
  }
}
