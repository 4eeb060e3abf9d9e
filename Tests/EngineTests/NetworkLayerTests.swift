import Engine
import ModelCore
import Testing

/// Every layer, forward and backward, against the oracle.
@Suite struct NetworkLayerTests {
  @Test(arguments: LayerCase.tiny + LayerCase.wide, [Network.Mode.training, .frozen])
  func agreesWithTheOracle(_ subject: LayerCase, mode: Network.Mode) throws {
    let architecture = subject.architecture.withoutDropout
    let parameters = try Parameters(randomFor: architecture, seed: subject.seed)
    let samples = try Samples(count: subject.batch, for: architecture, seed: subject.seed)
    let network = try Network(architecture, parameters: parameters, threads: 2)
    let oracle = try NaiveNetwork(architecture, parameters: parameters)
    let tolerance = subject.tolerance

    expectClose(try network.logits(samples), oracle.logits(samples), tolerance, "inference")
    let expected = oracle.step(samples, mode: mode)
    let loss = try network.backpropagate(samples.batch(), mode: mode)
    expectClose([loss], [expected.loss], Tolerance(relative: 1e-5, absolute: 1e-5), "loss")
    expectClose(Array(network.lastLogits), expected.logits, tolerance, "logits")
    expectClose(try network.gradients.doubles, expected.gradients, tolerance, "gradient")
    let running = try network.parameters.doubles.filter { $0.key.role.hasPrefix("moving_") }
    expectClose(running, expected.running, tolerance, "running")
    let norm = expected.gradients.values.joined().reduce(0) { $0 + $1 * $1 }.squareRoot()
    if architecture.layers.allSatisfy(\.isTrainable) {
      expectClose([network.gradientNorm], [norm], tolerance, "norm")
    }
  }

  /// Random windows, strides, dilations and paddings, in sizes that divide nothing.
  @Test(arguments: 0..<24)
  func agreesWithTheOracleOnRandomConvolutions(_ seed: UInt64) throws {
    try agreesWithTheOracle(.randomConvolution(seed: seed), mode: .training)
  }

  @Test(arguments: 0..<16)
  func agreesWithTheOracleOnRandomPools(_ seed: UInt64) throws {
    try agreesWithTheOracle(.randomPool(seed: seed), mode: .training)
  }
}

extension LayerCase {
  /// Blocks that are full, nearly full and barely begun; several ways to the same loss.
  static let wide: [LayerCase] = [
    LayerCase("Winograd", [9, 7, 16], batch: 5) {
      $0.add(.conv(32, 3, padding: .same, activation: .relu))
      $0.add(.conv(20, 3))
    },
    LayerCase("three channels", [8, 8, 3], batch: 3) {
      $0.add(.conv(17, 3, padding: .same, activation: .relu))
      $0.add(.pool(.max, 2, strides: (2, 2)))
      $0.add(.conv(16, 1, strides: (2, 2), usesBias: false))
    },
    LayerCase("residual blocks", [8, 8, 3], batch: 4) {
      $0.add(.conv(16, 3, padding: .same, usesBias: false))
      $0.add(.norm())
      let stem = $0.add(.activation(.relu))
      $0.add(.conv(16, 3, padding: .same, usesBias: false))
      $0.add(.norm())
      $0.add(.activation(.relu))
      $0.add(.conv(16, 3, padding: .same, usesBias: false))
      let branch = $0.add(.norm())
      $0.add(.add, from: [branch, stem])
      let first = $0.add(.activation(.relu))
      $0.add(.zeroPadding2D(top: 1, bottom: 1, left: 1, right: 1))
      $0.add(.conv(24, 3, strides: (2, 2), usesBias: false))
      let main = $0.add(.norm())
      $0.add(.conv(24, 1, strides: (2, 2), usesBias: false), from: [first])
      let shortcut = $0.add(.norm())
      $0.add(.add, from: [main, shortcut])
      $0.add(.activation(.relu))
      $0.add(.globalAveragePooling2D(keepsDimensions: false))
    },
    LayerCase("sum without normalization", [6, 6, 4], batch: 3) {
      let a = $0.add(.conv(5, 3, padding: .same, activation: .relu))
      let b = $0.add(.conv(5, 1), from: [a])
      $0.add(.add, from: [a, b, a])
      $0.add(.activation(.relu))
      $0.add(.pool(.max, 3, strides: (2, 2), padding: .same))
    },
    LayerCase("normalization of a normalization", [4, 4, 18], batch: 4) {
      let a = $0.add(.norm())
      let b = $0.add(.norm(), from: [a])
      $0.add(.add, from: [b, a])
      $0.add(.activation(.relu))
      $0.add(.pool(.max, 2, strides: (2, 2)))
    },
    LayerCase("functions on padded channels", [5, 5, 3], batch: 3) {
      $0.add(.conv(5, 3, activation: .sigmoid))
      $0.add(.conv(19, 2, activation: .tanh))
      $0.add(.activation(.elu(alpha: 1.3)))
      $0.add(.conv(6, 1, activation: .softmax))
      $0.add(.conv(6, 1, activation: .leakyReLU(slope: 0.1)))
    },
    LayerCase("flattened before other layers", [4, 5, 6], batch: 4) {
      $0.add(.conv(7, 2))
      let flat = $0.add(.flatten)
      let norm = $0.add(.norm(), from: [flat])
      let dense = $0.add(.dense(5, activation: .relu), from: [flat])
      $0.add(.concatenate(axis: -1), from: [norm, dense, flat])
      $0.add(.activation(.tanh))
    },
    LayerCase("joins of unequal widths", [4, 4, 3], batch: 3) {
      let a = $0.add(.conv(16, 1))
      let b = $0.add(.conv(3, 1), from: [a])
      let c = $0.add(.conv(21, 1), from: [a])
      let join = $0.add(.concatenate(axis: -1), from: [a, b, c, a])
      $0.add(.conv(8, 3), from: [join])
      $0.add(.flatten)
      $0.add(.dense(40, activation: .relu))
      $0.add(.dense(17))
    },
    LayerCase("the input read twice", [6, 6, 2], batch: 3) {
      let input = $0.last
      let a = $0.add(.conv(4, 3, padding: .same), from: [input])
      let b = $0.add(.concatenate(axis: -1), from: [a, input])
      $0.add(.pool(.average, 2, strides: (2, 2)), from: [b])
    },
    LayerCase("a dense layer on the image itself", [5, 4, 3], batch: 7) {
      $0.add(.flatten)
      $0.add(.dense(33, activation: .relu))
    },
    LayerCase("a wide dense layer", [300], batch: 33) {
      $0.add(.dense(130, activation: .relu))
      $0.add(.dense(70, activation: .relu))
    },
    LayerCase("one sample", [12, 12, 1], batch: 1) {
      $0.add(.conv(6, 5, activation: .relu))
      $0.add(.pool(.max, 2, strides: (2, 2)))
      $0.add(.conv(16, 3, activation: .relu))
    },
    LayerCase("a layer left alone", [6, 6, 2], batch: 4) {
      $0.add(.conv(4, 3), isTrainable: false)
      $0.add(.norm(), isTrainable: false)
      $0.add(.activation(.relu))
    },
    LayerCase("nothing but a softmax", [3], batch: 4, classified: false) {
      $0.add(.activation(.softmax))
    },
    LayerCase("logits without softmax", [4], batch: 4, classified: false) {
      $0.add(.dense(3, activation: .sigmoid))
    },
    LayerCase("a layer that leads nowhere", [4], batch: 4) {
      let a = $0.add(.dense(5))
      $0.add(.dense(6), from: [a])
      $0.add(.dense(3), from: [a])
    },
  ]

  static func randomConvolution(seed: UInt64) -> LayerCase {
    var random = SeededGenerator(seed: seed, stream: "convolution")
    func pick(_ range: ClosedRange<Int>) -> Int {
      range.lowerBound + random.next(below: range.count)
    }
    let window = (pick(1...5), pick(1...4))
    let dilation = random.next(below: 3) == 0 ? (pick(1...2), pick(1...3)) : (1, 1)
    let strides = dilation == (1, 1) ? (pick(1...3), pick(1...2)) : (1, 1)
    let border = random.next(below: 2) == 0
    return LayerCase(
      "random convolution \(seed)", [pick(11...14), pick(10...13), pick(1...20)], batch: pick(1...4)
    ) {
      $0.add(.conv(pick(1...18), 1, activation: .relu))
      if border {
        $0.add(.zeroPadding2D(top: pick(0...2), bottom: pick(0...3), left: pick(0...2), right: 1))
      }
      $0.add(
        .conv(
          pick(1...33), window.0, window.1, strides: strides, dilation: dilation,
          padding: random.next(below: 2) == 0 ? .same : .valid, activation: .relu,
          usesBias: random.next(below: 3) > 0))
    }
  }

  static func randomPool(seed: UInt64) -> LayerCase {
    var random = SeededGenerator(seed: seed, stream: "pool")
    func pick(_ range: ClosedRange<Int>) -> Int {
      range.lowerBound + random.next(below: range.count)
    }
    return LayerCase(
      "random pool \(seed)", [pick(5...9), pick(5...9), pick(1...20)], batch: pick(1...4)
    ) {
      $0.add(.conv(pick(1...20), 1, activation: random.next(below: 2) == 0 ? .relu : .linear))
      $0.add(
        .pool(
          random.next(below: 2) == 0 ? .max : .average, pick(1...4), pick(1...4),
          strides: (pick(1...3), pick(1...3)),
          padding: random.next(below: 2) == 0 ? .same : .valid))
    }
  }
}
