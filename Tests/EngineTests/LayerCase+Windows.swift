import ModelCore

// Channels 1, 3, 5, 15, 17 and 33 do not fill the blocks of 8 or 16 in which the engine may keep
// its numbers; 16 and 32 do.
extension LayerCase {
  /// A convolution behind another one, so that its own input has a gradient too.
  private static func convolution(
    _ name: String, _ input: [Int], batch: Int, _ kind: Layer.Kind
  ) -> LayerCase {
    LayerCase("\(name) on \(input)", [input[0], input[1], 2], batch: batch) {
      $0.add(.conv(input[2], 1, activation: .tanh))
      $0.add(kind)
    }
  }

  static let convolutions: [LayerCase] = [
    convolution("1x1", [5, 4, 3], batch: 33, .conv(5, 1)),
    convolution("1x1", [4, 4, 17], batch: 7, .conv(32, 1)),
    convolution("1x1, stride 2", [5, 6, 16], batch: 7, .conv(17, 1, strides: (2, 2))),
    convolution("1x1 on one pixel", [1, 1, 5], batch: 7, .conv(16, 1)),
    convolution("3x3 valid", [6, 7, 3], batch: 7, .conv(5, 3)),
    convolution("3x3 same", [5, 6, 5], batch: 33, .conv(3, 3, padding: .same)),
    convolution("3x3 same, 15 to 16", [5, 5, 15], batch: 2, .conv(16, 3, padding: .same)),
    convolution("3x3 same, 16 to 15", [5, 5, 16], batch: 2, .conv(15, 3, padding: .same)),
    convolution("3x3 to the whole image", [3, 3, 5], batch: 7, .conv(17, 3)),
    convolution("3x3 same, stride 2, odd", [7, 5, 5], batch: 7, strided(.same)),
    convolution("3x3 same, stride 2, even", [6, 8, 5], batch: 7, strided(.same)),
    convolution("3x3 valid, stride 2, remainder", [6, 8, 5], batch: 7, strided(.valid)),
    convolution(
      "3x3 same, stride 2, 16 to 32", [6, 5, 16], batch: 2,
      .conv(32, 3, strides: (2, 2), padding: .same)),
    convolution("3x3, stride (3, 1)", [8, 5, 3], batch: 2, .conv(16, 3, strides: (3, 1))),
    convolution("stride beyond the window", [7, 8, 3], batch: 2, .conv(5, 2, strides: (3, 4))),
    convolution("2x2 same", [5, 4, 5], batch: 7, .conv(3, 2, padding: .same)),
    convolution(
      "2x2 same, stride 2", [5, 4, 5], batch: 7, .conv(6, 2, strides: (2, 2), padding: .same)),
    convolution(
      "4x4 same, stride 3", [8, 7, 3], batch: 2, .conv(5, 4, strides: (3, 3), padding: .same)),
    convolution("5x3", [7, 6, 3], batch: 2, .conv(16, 5, 3)),
    convolution("1x5 same", [4, 7, 5], batch: 2, .conv(17, 1, 5, padding: .same)),
    convolution(
      "5x5 same, larger than the image", [3, 2, 3], batch: 7, .conv(5, 5, padding: .same)),
    convolution("5x5, 6 to 16", [8, 8, 6], batch: 2, .conv(16, 5)),
    convolution("no bias", [5, 5, 5], batch: 7, .conv(17, 3, usesBias: false)),
    convolution("dilated", [7, 8, 3], batch: 2, .conv(5, 3, dilation: (2, 3))),
    convolution(
      "dilated same", [6, 7, 5], batch: 2, .conv(3, 3, dilation: (2, 2), padding: .same)),
    convolution(
      "dilated same, even window", [6, 7, 5], batch: 2,
      .conv(17, 2, dilation: (3, 2), padding: .same)),
    convolution(
      "dilated, 16 to 16", [7, 7, 16], batch: 2, .conv(16, 3, dilation: (2, 2), padding: .same)),
    convolution("one sample", [5, 5, 3], batch: 1, .conv(16, 3)),
    convolution("2x5 same on one column", [4, 1, 16], batch: 2, .conv(5, 2, 5, padding: .same)),
    convolution(
      "2x5 same, stride 2, on two columns", [4, 2, 5], batch: 2,
      .conv(16, 2, 5, strides: (2, 2), padding: .same)),
    first("5x5 same on an input of one column", [4, 1, 3], .conv(5, 5, padding: .same)),
    first("5x5 on the input, gray", [8, 8, 1], .conv(6, 5)),
    first("3x3 on the input, colour", [6, 6, 3], .conv(32, 3, padding: .same)),
    first("7x7 stride 2 on the input", [11, 10, 3], .conv(16, 7, strides: (2, 2), padding: .same)),
    first("3x3 on the input, 17 channels", [5, 4, 17], .conv(5, 3)),
  ]

  static let winograd: [LayerCase] = [
    convolution("16 to 16, same", [6, 6, 16], batch: 7, .conv(16, 3, padding: .same)),
    convolution("32 to 16, valid", [6, 7, 32], batch: 2, .conv(16, 3)),
    convolution("17 to 33, odd", [5, 7, 17], batch: 2, .conv(33, 3, padding: .same)),
    convolution(
      "16 to 32, ReLU", [8, 8, 16], batch: 1, .conv(32, 3, padding: .same, activation: .relu)),
    convolution("16 to 16, one pixel", [1, 1, 16], batch: 7, .conv(16, 3, padding: .same)),
    convolution("16 to 16, no bias", [4, 4, 16], batch: 7, .conv(16, 3, usesBias: false)),
    convolution("16 to 16, large batch", [3, 3, 16], batch: 33, .conv(16, 3, padding: .same)),
    first("16 to 16 on the input", [6, 7, 16], .conv(16, 3, padding: .same)),
    LayerCase("two in a row", [5, 5, 16], batch: 2) {
      $0.add(.conv(16, 3, padding: .same, activation: .relu))
      $0.add(.conv(16, 3, padding: .same, activation: .tanh))
    },
  ]

  /// One to five of Winograd's tiles.
  static let fewTiles: [LayerCase] =
    (1...5).map { batch in
      convolution(
        "48 to 33, a tile of each of \(batch)", [4, 3, 48], batch: batch,
        .conv(33, 3, padding: .same, activation: .relu))
    } + [
      convolution("33 to 48, two tiles", [3, 7, 33], batch: 1, .conv(48, 3, padding: .same)),
      convolution("16 to 80, four tiles", [8, 7, 16], batch: 1, .conv(80, 3, padding: .same)),
    ]

  private static func strided(_ padding: Padding) -> Layer.Kind {
    .conv(6, 3, strides: (2, 2), padding: padding)
  }

  private static func first(_ name: String, _ input: [Int], _ kind: Layer.Kind) -> LayerCase {
    LayerCase(name, input, batch: 2) { $0.add(kind) }
  }

  /// Settings that nobody thought of.
  static let randomConvolutions: [LayerCase] = (0..<24).map { index in
    var random = SeededGenerator(seed: UInt64(index), stream: "convolutions")
    func pick<Element>(_ options: [Element]) -> Element {
      options[random.next(below: options.count)]
    }
    let padding = pick([Padding.same, .valid])
    let size = (pick([1, 2, 3, 4]), pick([1, 2, 3, 5]))
    // Keras refuses strides together with dilation.
    let isDilated = pick([true, false, false])
    let steps = (pick([1, 2, 3]), pick([1, 2]))
    let dilation = isDilated ? steps : (1, 1)
    let extent = ((size.0 - 1) * dilation.0 + 1, (size.1 - 1) * dilation.1 + 1)
    let room = padding == .valid ? extent : (1, 1)
    let input = [
      room.0 + random.next(below: 5), room.1 + random.next(below: 5), pick([1, 3, 5, 16, 17]),
    ]
    let filters = pick([1, 3, 5, 16, 17, 32])
    let activation = pick(activations.dropLast().map(\.activation))
    let kind = Layer.Kind.conv(
      filters, size.0, size.1, strides: isDilated ? (1, 1) : steps, dilation: dilation,
      padding: padding, activation: activation, usesBias: pick([true, false]))
    return convolution("random \(index)", input, batch: pick([1, 2, 7]), kind)
  }

  static let pools: [LayerCase] = [Pooling2D.Statistic.max, .average].flatMap { statistic in
    [
      pool("2x2", [6, 4, 5], 7, .pool(statistic, 2, strides: (2, 2))),
      pool("2x2, remainder", [5, 7, 16], 2, .pool(statistic, 2, strides: (2, 2))),
      pool("2x2 same", [5, 7, 17], 2, .pool(statistic, 2, strides: (2, 2), padding: .same)),
      pool(
        "2x2 same, stride 1", [4, 5, 3], 7, .pool(statistic, 2, strides: (1, 1), padding: .same)),
      pool("3x3, stride 2", [7, 8, 16], 2, .pool(statistic, 3, strides: (2, 2))),
      pool(
        "3x3 same, stride 2", [7, 8, 5], 7, .pool(statistic, 3, strides: (2, 2), padding: .same)),
      pool(
        "3x3 same, stride 1", [4, 4, 1], 33, .pool(statistic, 3, strides: (1, 1), padding: .same)),
      pool("2x3, stride (1, 2)", [5, 8, 32], 1, .pool(statistic, 2, 3, strides: (1, 2))),
      pool("stride beyond the window", [7, 8, 3], 2, .pool(statistic, 2, strides: (3, 4))),
      pool(
        "5x5 same, larger than the image", [3, 2, 5], 2,
        .pool(statistic, 5, strides: (2, 2), padding: .same)),
      pool("whole image", [4, 3, 17], 2, .pool(statistic, 4, 3, strides: (1, 1))),
    ]
  }

  private static func pool(
    _ name: String, _ input: [Int], _ batch: Int, _ kind: Layer.Kind
  ) -> LayerCase {
    LayerCase("\(kind.className) \(name) on \(input)", [input[0], input[1], 2], batch: batch) {
      // No ReLU: negative numbers must win against padding.
      $0.add(.conv(input[2], 1))
      $0.add(kind)
    }
  }
}
