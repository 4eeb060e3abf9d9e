import ModelCore

extension LayerCase {
  /// Convolutions whose channels do not all meet, and those that go the other way.
  static let mixings: [LayerCase] = [
    mixing("depthwise", [7, 6, 5], .conv(0, 3, padding: .same, mixing: .depthwise(multiplier: 1))),
    mixing(
      "depthwise, 17 channels, strided", [9, 8, 17],
      .conv(0, 3, strides: (2, 2), padding: .same, mixing: .depthwise(multiplier: 1))),
    mixing(
      "depthwise, 5 x 5", [9, 8, 20],
      .conv(0, 5, padding: .same, mixing: .depthwise(multiplier: 1))),
    mixing(
      "depthwise, 7 x 7, strided", [12, 11, 33],
      .conv(
        0, 7, strides: (2, 2), padding: .same, usesBias: false, mixing: .depthwise(multiplier: 1))),
    mixing(
      "depthwise, 11 x 11", [12, 13, 16], .conv(0, 11, mixing: .depthwise(multiplier: 1))),
    mixing(
      "depthwise, dilated", [9, 8, 16],
      .conv(0, 3, dilation: (2, 2), padding: .same, mixing: .depthwise(multiplier: 1))),
    mixing(
      "depthwise, multiplied", [6, 5, 3],
      .conv(0, 2, 3, usesBias: false, mixing: .depthwise(multiplier: 3))),
    mixing(
      "separable", [7, 6, 5], .conv(9, 3, padding: .same, mixing: .separable(multiplier: 1))),
    mixing(
      "separable, strided, multiplied", [7, 6, 4],
      .conv(3, 3, strides: (2, 2), usesBias: false, mixing: .separable(multiplier: 2))),
    mixing("2 groups", [6, 6, 4], .conv(6, 3, mixing: .grouped(2))),
    mixing("2 groups of a block", [6, 6, 32], .conv(32, 3, padding: .same, mixing: .grouped(2))),
    mixing("3 groups, strided", [7, 6, 9], .conv(12, 3, strides: (2, 1), mixing: .grouped(3))),
    mixing("5 groups, dilated", [7, 8, 5], .conv(10, 2, dilation: (2, 3), mixing: .grouped(5))),
    mixing("transposed", [4, 5, 3], .conv(5, 3, mixing: .transposed)),
    mixing(
      "transposed, strided", [4, 5, 3],
      .conv(4, 3, strides: (2, 2), padding: .same, mixing: .transposed)),
    mixing(
      "transposed, even window", [3, 4, 17],
      .conv(18, 4, strides: (2, 2), padding: .same, usesBias: false, mixing: .transposed)),
    mixing(
      "transposed, gaps", [3, 3, 2], .conv(3, 2, strides: (3, 4), mixing: .transposed)),
    sequence("sequence", [9, 3], .conv1D(5, 3)),
    sequence("sequence, strided", [10, 3], .conv1D(17, 4, stride: 2, padding: .same)),
    sequence("sequence, causal", [9, 4], .conv1D(6, 3, dilation: 2, padding: .causal)),
    sequence("sequence, groups", [9, 4], .conv1D(6, 3, mixing: .grouped(2))),
    sequence(
      "sequence, depthwise", [9, 4], .conv1D(0, 3, mixing: .depthwise(multiplier: 2))),
    sequence("sequence, separable", [9, 4], .conv1D(5, 3, mixing: .separable(multiplier: 1))),
    sequence(
      "sequence, transposed", [5, 4],
      .conv1D(3, 3, stride: 2, padding: .same, mixing: .transposed)),
  ]

  private static func mixing(_ name: String, _ input: [Int], _ kind: Layer.Kind) -> LayerCase {
    LayerCase(name, input, batch: 3) {
      $0.add(.conv(input[2], 1))
      $0.add(kind)
      $0.add(.activation(.relu))
    }
  }

  private static func sequence(_ name: String, _ input: [Int], _ kind: Layer.Kind) -> LayerCase {
    LayerCase(name, input, batch: 3) {
      $0.add(.conv1D(input[1], 1))
      $0.add(kind)
      $0.add(.activation(.tanh))
    }
  }

  static let moreActivations: [(name: String, activation: Activation)] = [
    ("relu6", .relu6), ("rectifier", .rectifier(maximum: 0.8, slope: 0.2, threshold: 0.3)),
    ("rectifier from a threshold", .rectifier(maximum: nil, slope: 0, threshold: 0.2)),
    ("celu", .celu(alpha: 0.7)), ("selu", .selu), ("gelu", .gelu(isApproximate: false)),
    ("gelu by tanh", .gelu(isApproximate: true)), ("silu", .silu), ("mish", .mish),
    ("softplus", .softplus), ("softsign", .softsign), ("exponential", .exponential),
    ("log sigmoid", .logSigmoid), ("hard sigmoid", .hardSigmoid),
    ("hard sigmoid of Keras 2", .hardSigmoid(slope: 0.2)), ("hard silu", .hardSilu),
    ("hard tanh", .hardTanh), ("hard shrink", .hardShrink(threshold: 0.5)),
    ("soft shrink", .softShrink(threshold: 0.5)), ("tanh shrink", .tanhShrink),
    ("squareplus", .squareplus(b: 4)), ("sparse plus", .sparsePlus),
    ("sparse sigmoid", .sparseSigmoid), ("threshold", .threshold(0.2, value: -0.3)),
    ("log softmax", .logSoftmax),
  ]

  static let moreFunctions: [LayerCase] =
    moreActivations.flatMap { name, activation in
      [
        LayerCase("\(name) on blocks", [4, 3, 2], batch: 3) {
          $0.add(.conv(17, 2, activation: activation))
          $0.add(.conv(5, 1))
        },
        LayerCase("\(name) on vectors", [5], batch: 5) {
          $0.add(.dense(9))
          $0.add(.activation(activation))
        },
      ]
    }
    + [1, 2, 3].map { axis in
      LayerCase("softmax over axis \(axis)", [4, 3, 5], batch: 3) {
        $0.add(.conv(5, 1))
        $0.add(.activation(.softmaxOver(axis: axis)))
      }
    }
    + ([[], [1], [1, 2]] as [Set<Int>]).map { axes in
      LayerCase("slopes shared over \(axes.sorted())", [4, 3, 5], batch: 3) {
        $0.add(.conv(5, 1))
        $0.add(.parametricReLU(sharedAxes: axes))
      }
    }

  static let movements: [LayerCase] = [
    LayerCase("reshaped to an image", [24], batch: 3) {
      $0.add(.reshape([4, 3, 2]))
      $0.add(.conv(5, 2))
      $0.add(.reshape([-1, 5]))
      $0.add(.dense(4))
    },
    LayerCase("reshaped input", [4, 6], batch: 3) { $0.add(.reshape([4, 6, 1])) },
    LayerCase("four axes", [4, 6], batch: 3) {
      $0.add(.dense(8))
      $0.add(.reshape([2, 2, 2, 4]))
      $0.add(.permute([2, 4, 1, 3]))
      $0.add(.dense(5, activation: .tanh))
    },
    LayerCase("permuted", [4, 3, 5], batch: 3) {
      $0.add(.conv(5, 1))
      $0.add(.permute([3, 1, 2]))
      $0.add(.permute([2, 1, 3]))
    },
    LayerCase("repeated", [5], batch: 3) {
      $0.add(.dense(4))
      $0.add(.repeatVector(3))
      $0.add(.conv1D(3, 2))
    },
    LayerCase("cropped", [7, 6, 3], batch: 3) {
      $0.add(.conv(17, 1))
      $0.add(.cropping2D(top: 1, bottom: 2, left: 0, right: 3))
      $0.add(.conv(3, 2))
    },
    LayerCase("sequence padded and cropped", [7, 3], batch: 3) {
      $0.add(.conv1D(4, 2))
      $0.add(.zeroPadding2D(top: 0, bottom: 0, left: 2, right: 1))
      $0.add(.cropping2D(top: 0, bottom: 0, left: 1, right: 3))
      $0.add(.upSampling2D(Extent2D(height: 1, width: 3), .nearest))
      $0.add(.conv1D(2, 2))
    },
    grown("grown", .nearest), grown("grown smoothly", .bilinear),
    LayerCase("sequence pooled", [9, 3], batch: 17) {
      let stem = $0.add(.conv1D(5, 2))
      let size = Extent2D(height: 1, width: 2)
      let most = $0.add(
        .pooling2D(Pooling2D(statistic: .max, size: size, strides: size, axes: 1)), from: [stem])
      let mean = $0.add(
        .pooling2D(
          Pooling2D(statistic: .average, size: size, strides: size, padding: .same, axes: 1)),
        from: [stem])
      $0.add(.add, from: [most, mean])
      $0.add(.globalMaxPooling2D(keepsDimensions: false))
    },
    LayerCase("global maximum", [4, 3, 5], batch: 3) {
      $0.add(.conv(17, 2))
      $0.add(.globalMaxPooling2D(keepsDimensions: true))
      $0.add(.conv(3, 1))
      $0.add(.globalMaxPooling2D(keepsDimensions: false))
    },
    LayerCase("global mean of a sequence", [9, 3], batch: 3) {
      $0.add(.conv1D(5, 2))
      $0.add(.globalAveragePooling2D(keepsDimensions: true))
    },
    LayerCase("dense over every pixel", [4, 3, 5], batch: 3) {
      $0.add(.dense(17, activation: .relu))
      $0.add(.dense(3, usesBias: false))
    },
    LayerCase("dense over every step", [6, 5], batch: 3) { $0.add(.dense(4, activation: .silu)) },
  ]

  private static func grown(_ name: String, _ interpolation: Interpolation) -> LayerCase {
    LayerCase(name, [3, 4, 2], batch: 3) {
      $0.add(.conv(5, 2))
      $0.add(.upSampling2D(Extent2D(height: 2, width: 3), interpolation))
      $0.add(.conv(3, 2))
    }
  }

  static let merges: [LayerCase] =
    [Merge.subtract, .multiply, .average, .maximum, .minimum]
    .flatMap { merge in
      [
        LayerCase("\(merge) of images", [4, 3, 3], batch: 3) {
          let stem = $0.add(.conv(5, 1))
          let a = $0.add(.conv(5, 1, activation: .tanh), from: [stem])
          let b = $0.add(.conv(5, 1), from: [stem])
          $0.add(.merge(merge), from: merge == .subtract ? [a, b] : [a, b, stem])
        },
        // A gate for each channel, as in squeeze-and-excitation.
        LayerCase("\(merge) broadcast", [4, 3, 3], batch: 3) {
          let stem = $0.add(.conv(5, 1))
          $0.add(.globalAveragePooling2D(keepsDimensions: true), from: [stem])
          let gate = $0.add(.conv(5, 1, activation: .sigmoid))
          $0.add(.merge(merge), from: [stem, gate])
        },
        LayerCase("\(merge) of vectors", [4], batch: 5) {
          let a = $0.add(.dense(6, activation: .tanh), from: ["input"])
          let b = $0.add(.dense(6), from: ["input"])
          $0.add(.merge(merge), from: [a, b])
        },
      ]
    } + [
      LayerCase("add broadcast", [4, 3, 3], batch: 3) {
        let stem = $0.add(.conv(5, 1))
        $0.add(.globalAveragePooling2D(keepsDimensions: false), from: [stem])
        let shift = $0.add(.dense(5))
        $0.add(.add, from: [stem, shift])
      }
    ]
    + [1, 2].map { axis in
      LayerCase("concatenated along axis \(axis)", [4, 3, 3], batch: 3) {
        let a = $0.add(.conv(5, 1), from: ["input"])
        let b = $0.add(.conv(5, axis == 1 ? 2 : 1, axis == 1 ? 1 : 2), from: ["input"])
        $0.add(.concatenate(axis: axis), from: [a, b, a])
        $0.add(.conv(3, 1))
      }
    }

  static let sampleNormalizations: [LayerCase] = [
    grouped("layer", [4, 3, 3], .lastAxes(1)),
    grouped("layer, three axes", [4, 3, 3], .lastAxes(3)),
    grouped("layer, two axes by number", [4, 3, 3], .axes([2, 3])),
    grouped("one group", [4, 3, 3], .groups(1)), grouped("three groups", [4, 3, 3], .groups(3)),
    grouped("every channel", [4, 3, 3], .groups(-1)),
    grouped("neither scale nor centre", [4, 3, 3], .groups(2), scale: false, center: false),
    grouped("no scale", [4, 3, 3], .lastAxes(1), scale: false),
    LayerCase("layer on vectors", [5], batch: 5) {
      $0.add(.dense(6))
      $0.add(.groupNormalization(GroupNormalization(scope: .lastAxes(1), epsilon: 1e-3)))
    },
    LayerCase("batch on sequences", [6, 3], batch: 5) {
      $0.add(.conv1D(4, 2))
      $0.add(.norm())
    },
    LayerCase("batch, called for inference", [4, 3, 3], batch: 5) {
      $0.add(.conv(4, 2))
      $0.add(.norm(), isInference: true)
    },
    LayerCase("rescaled", [4, 3, 3], batch: 3) {
      $0.add(.affine(.rescaling(scale: [0.5, 2, -1], offset: [1, 0, 0.5])))
      $0.add(.conv(4, 2))
      $0.add(.affine(.rescaling(scale: [0.25], offset: [-1])))
    },
    LayerCase("standardized", [4, 3, 3], batch: 3) {
      $0.add(.affine(.normalization(axis: -1)))
      $0.add(.conv(3, 2))
      $0.add(.affine(.normalizationBy(mean: [0.5, 1, 2], variance: [4, 0, 0.25])))
      $0.add(.activation(.tanh))
    },
  ]

  private static func grouped(
    _ name: String, _ input: [Int], _ scope: GroupNormalization.Scope, scale: Bool = true,
    center: Bool = true
  ) -> LayerCase {
    LayerCase(name, input, batch: 3) {
      $0.add(.conv(6, 1))
      $0.add(
        .groupNormalization(
          GroupNormalization(
            scope: scope, epsilon: 1e-3, usesScale: scale, usesCenter: center)))
    }
  }

  static let embeddings: [LayerCase] = [
    LayerCase("looked up and averaged", [7], batch: 5) {
      $0.add(.embedding(Embedding(vocabulary: 11, dimension: 6)))
      $0.add(.globalAveragePooling2D(keepsDimensions: false))
    },
    LayerCase("looked up and convolved", [3, 4], batch: 5) {
      $0.add(.embedding(Embedding(vocabulary: 5, dimension: 3)))
      $0.add(.reshape([12, 3]))
      $0.add(.conv1D(4, 3, padding: .same))
      $0.add(.globalMaxPooling2D(keepsDimensions: false))
    },
  ]

  /// A layer called again: one set of weights, gradients added up.
  static let shared: [LayerCase] = [
    LayerCase("shared dense layer", [6], batch: 5) {
      let first = $0.add(.dense(6, activation: .tanh))
      $0.add(.dense(6, activation: .tanh), sharing: first)
      $0.add(.dense(6, activation: .tanh), sharing: first)
    },
    LayerCase("shared convolution and normalization", [7, 6, 3], batch: 5) {
      let conv = $0.add(.conv(3, 3, padding: .same))
      let norm = $0.add(.norm())
      $0.add(.activation(.relu))
      $0.add(.conv(3, 3, padding: .same), sharing: conv)
      $0.add(.norm(), sharing: norm)
    },
    LayerCase("shared over two sizes", [8, 8, 4], batch: 5) {
      let large = $0.add(.conv(17, 3), from: ["input"])
      $0.add(.pool(.max, 2, strides: (2, 2)), from: ["input"])
      let small = $0.add(.conv(17, 3), sharing: large)
      let a = $0.add(.globalMaxPooling2D(keepsDimensions: false), from: [large])
      let b = $0.add(.globalAveragePooling2D(keepsDimensions: false), from: [small])
      $0.add(.merge(.multiply), from: [a, b])
    },
    LayerCase("shared dense layer behind images", [4, 4, 3], batch: 5) {
      let a = $0.add(.conv(5, 1), from: ["input"])
      let b = $0.add(.conv(5, 1, activation: .relu), from: ["input"])
      let flatA = $0.add(.flatten, from: [a])
      let flatB = $0.add(.flatten, from: [b])
      let first = $0.add(.dense(7), from: [flatA])
      let second = $0.add(.dense(7), from: [flatB], sharing: first)
      $0.add(.merge(.maximum), from: [first, second])
    },
    LayerCase("shared rare layers", [4, 3, 6], batch: 3) {
      let slopes = $0.add(.parametricReLU(sharedAxes: [1, 2]))
      let normal = $0.add(
        .groupNormalization(GroupNormalization(scope: .groups(2), epsilon: 1e-3)))
      let spread = $0.add(.conv(6, 2, mixing: .transposed))
      $0.add(.conv(6, 2, mixing: .transposed), sharing: spread)
      $0.add(
        .groupNormalization(GroupNormalization(scope: .groups(2), epsilon: 1e-3)), sharing: normal)
      $0.add(.parametricReLU(sharedAxes: [1, 2]), sharing: slopes)
    },
  ]

  static let heads: [LayerCase] = [
    LayerCase("one unit with a sigmoid", [5], batch: 5, classified: false) {
      $0.add(.dense(1, activation: .sigmoid))
    },
    LayerCase("one unit and a sigmoid", [5], batch: 5, classified: false) {
      $0.add(.dense(1))
      $0.add(.activation(.sigmoid))
    },
    LayerCase("one score", [5], batch: 5, classified: false) { $0.add(.dense(1)) },
    LayerCase("labels", [5], batch: 5, classified: false) {
      $0.add(.dense(4, activation: .sigmoid))
    },
    LayerCase("labels by a layer", [4, 3, 2], batch: 5, classified: false) {
      $0.add(.conv(3, 2))
      $0.add(.globalAveragePooling2D(keepsDimensions: false))
      $0.add(.activation(.sigmoid))
    },
    LayerCase("logarithms of probabilities", [5], batch: 5, classified: false) {
      $0.add(.dense(4, activation: .logSoftmax))
    },
  ]

  /// What the oracle's finite differences are themselves checked on.
  static let more: [LayerCase] =
    mixings + movements + merges + sampleNormalizations + embeddings + shared + heads
}
