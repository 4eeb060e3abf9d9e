import ModelCore
import Testing

@Suite struct ArchitectureTests {
  /// A network of one layer behind an input.
  static func network(_ kind: Layer.Kind, input: [Int]) throws -> Architecture {
    Architecture(
      name: "net",
      layers: [
        Layer(name: "in", kind: .input(shape: try Shape(input)), inputs: []),
        Layer(name: "out", kind: kind, inputs: ["in"]),
      ], output: "out")
  }

  static func convolution(
    _ kernel: (Int, Int), strides: (Int, Int) = (1, 1), dilation: (Int, Int) = (1, 1),
    padding: Padding = .valid, filters: Int = 4, mixing: Convolution2D.Mixing = .grouped(1),
    axes: Int = 2
  ) -> Layer.Kind {
    .convolution2D(
      Convolution2D(
        filters: filters, kernelSize: .init(height: kernel.0, width: kernel.1),
        strides: .init(height: strides.0, width: strides.1),
        dilation: .init(height: dilation.0, width: dilation.1), padding: padding, mixing: mixing,
        axes: axes))
  }

  static let depthwise = convolution((3, 3), filters: 1, mixing: .depthwise(multiplier: 2))

  static func pooling(
    _ size: (Int, Int), strides: (Int, Int), padding: Padding = .valid, axes: Int = 2
  ) -> Layer.Kind {
    .pooling2D(
      Pooling2D(
        statistic: .max, size: .init(height: size.0, width: size.1),
        strides: .init(height: strides.0, width: strides.1), padding: padding, axes: axes))
  }

  static let normalization = Layer.Kind.batchNormalization(.init(momentum: 0.9, epsilon: 1e-3))

  @Test(
    arguments: [
      (.dense(Dense(units: 7)), [5], [7]),
      (convolution((3, 2)), [8, 9, 3], [6, 8, 4]),
      (convolution((3, 2), strides: (2, 3)), [8, 9, 3], [3, 3, 4]),
      (convolution((3, 3), dilation: (2, 3)), [8, 9, 3], [4, 3, 4]),
      (convolution((5, 5), padding: .same), [8, 9, 3], [8, 9, 4]),
      (convolution((5, 5), strides: (2, 2), padding: .same), [8, 9, 3], [4, 5, 4]),
      (convolution((8, 9)), [8, 9, 3], [1, 1, 4]),
      (pooling((2, 2), strides: (2, 2)), [9, 8, 3], [4, 4, 3]),
      (pooling((3, 2), strides: (1, 2), padding: .same), [9, 9, 3], [9, 5, 3]),
      (.globalAveragePooling2D(keepsDimensions: false), [9, 8, 3], [3]),
      (.globalAveragePooling2D(keepsDimensions: true), [9, 8, 3], [1, 1, 3]),
      (.zeroPadding2D(top: 1, bottom: 2, left: 3, right: 0), [9, 8, 3], [12, 11, 3]),
      (.flatten, [9, 8, 3], [216]), (.flatten, [5], [5]), (.flatten, [], [1]),
      (normalization, [5], [5]), (normalization, [9, 8, 3], [9, 8, 3]),
      (.activation(.relu), [2, 3], [2, 3]), (.activation(.leakyReLU(slope: 0.1)), [4], [4]),
      (.dropout(rate: 0.5), [9, 8, 3], [9, 8, 3]),
      (depthwise, [9, 8, 3], [7, 6, 6]),
      (convolution((3, 3), mixing: .separable(multiplier: 2)), [9, 8, 3], [7, 6, 4]),
      (convolution((3, 3), mixing: .grouped(2)), [9, 8, 6], [7, 6, 4]),
      (convolution((3, 2), strides: (2, 3), mixing: .transposed), [4, 5, 3], [9, 15, 4]),
      (
        convolution((3, 3), strides: (2, 2), padding: .same, mixing: .transposed), [4, 5, 3],
        [8, 10, 4]
      ),
      (convolution((1, 3), axes: 1), [9, 3], [7, 4]),
      (convolution((1, 3), padding: .causal, axes: 1), [9, 3], [9, 4]),
      (pooling((1, 2), strides: (1, 2), axes: 1), [9, 3], [4, 3]),
      (.globalMaxPooling2D(keepsDimensions: true), [9, 3], [1, 3]),
      (.dense(Dense(units: 7)), [4, 5], [4, 7]), (normalization, [5, 4], [5, 4]),
      (.reshape([-1, 4]), [6, 2], [3, 4]), (.permute([3, 1, 2]), [4, 5, 6], [6, 4, 5]),
      (.repeatVector(3), [4], [3, 4]),
      (.embedding(.init(vocabulary: 9, dimension: 2)), [4], [4, 2]),
      (.cropping2D(top: 1, bottom: 2, left: 3, right: 0), [9, 8, 3], [6, 5, 3]),
      (.upSampling2D(.init(height: 2, width: 3), .bilinear), [4, 5, 3], [8, 15, 3]),
    ] as [(Layer.Kind, [Int], [Int])])
  func shapesFollowFromTheInput(_ kind: Layer.Kind, _ input: [Int], _ output: [Int]) throws {
    let network = try Self.network(kind, input: input)
    #expect(try network.shapes()["out"]?.dimensions == output)
    #expect(try network.inputShape().dimensions == input)
  }

  static let huge = Int(Int32.max)

  @Test(
    arguments: [
      (.dense(Dense(units: 7)), [], "a vector"),
      (.dense(Dense(units: 0)), [5], "from 1 to 2147483647, not 0"),
      (.dense(Dense(units: -3)), [5], "not -3"),
      (.dense(Dense(units: huge + 1)), [5], "not 2147483648"),
      (convolution((3, 3)), [5, 5], "an image [height, width, channels]"),
      (convolution((6, 1)), [5, 5, 1], "at least [6, 1] pixels"),
      (convolution((3, 3), dilation: (1, 3)), [5, 5, 1], "at least [3, 7] pixels"),
      (convolution((0, 3)), [5, 5, 1], "not 0"),
      (convolution((3, -1), dilation: (1, -1)), [5, 5, 1], "not -1"),
      (convolution((3, 3), strides: (0, 1)), [5, 5, 1], "not 0"),
      (convolution((3, 3), strides: (1, -1), padding: .same), [5, 5, 1], "not -1"),
      (convolution((3, 3), filters: 0), [5, 5, 1], "filters from 1"),
      (convolution((.max, 3), dilation: (.max, 1)), [5, 5, 1], "from 1 to 2147483647"),
      (convolution((.min, 3)), [5, 5, 1], "from 1 to 2147483647"),
      (convolution((huge, huge), dilation: (huge, huge), padding: .same), [5, 5, 1], "from 1 to"),
      (pooling((2, 2), strides: (2, 0)), [5, 5, 1], "not 0"),
      (pooling((6, 2), strides: (1, 1)), [5, 5, 1], "at least [6, 2] pixels"),
      (pooling((2, 2), strides: (1, 1)), [5], "an image"),
      (.globalAveragePooling2D(keepsDimensions: false), [5], "an image"),
      (.zeroPadding2D(top: -1, bottom: 0, left: 0, right: 0), [5, 5, 1], "padding of 0 or more"),
      (.zeroPadding2D(top: .max, bottom: 1, left: 0, right: 0), [5, 5, 1], "fit this machine"),
      (
        .zeroPadding2D(top: .max / 2, bottom: 0, left: .max / 2, right: 0), [5, 5, 1],
        "fit this machine"
      ),
      (.zeroPadding2D(top: 0, bottom: 0, left: 0, right: 0), [5], "an image"),
      (normalization, [], "a vector or an image"),
      (.batchNormalization(.init(momentum: 0.9, epsilon: 0, axis: 1)), [5, 5], "not the last"),
      (depthwise, [5, 5], "an image [height, width, channels]"),
      (convolution((3, 3), mixing: .grouped(3)), [5, 5, 4], "3 groups share evenly"),
      (convolution((3, 3), mixing: .grouped(0)), [5, 5, 4], "groups from 1"),
      (convolution((3, 3), mixing: .depthwise(multiplier: .max)), [5, 5, 4], "from 1 to"),
      (pooling((2, 2), strides: (2, 2), axes: 1), [5, 5, 1], "a sequence"),
      (.cropping2D(top: 3, bottom: 2, left: 0, right: 0), [5, 5, 1], "larger than"),
      (.cropping2D(top: 3, bottom: -2, left: 0, right: 0), [5, 5, 1], "larger than"),
      (.upSampling2D(.init(height: 0, width: 1), .nearest), [5, 5, 1], "sizes from 1"),
      (.upSampling2D(.init(height: huge, width: huge), .nearest), [huge, 9, 1], "fit this"),
      (.reshape([3, -1]), [5, 2], "3 elements"), (.reshape([-1, -1]), [4], "one open extent"),
      (.reshape([0, -1]), [4], "0 elements"), (.reshape([.max, 2]), [4], "fit this machine"),
      (.permute([1, 1]), [4, 4], "another order"), (.permute([2, 1]), [4], "another order"),
      (.repeatVector(0), [4], "repetitions from 1"), (.repeatVector(2), [4, 4], "a vector"),
      (.embedding(Embedding(vocabulary: 0, dimension: 3)), [4], "table rows from 1"),
      (.embedding(Embedding(vocabulary: 3, dimension: huge)), [huge, huge], "fit this machine"),
      (.groupNormalization(.init(scope: .groups(3), epsilon: 0)), [4], "3 groups"),
      (.groupNormalization(.init(scope: .lastAxes(2), epsilon: 0)), [4], "2 axes"),
      (.groupNormalization(.init(scope: .axes([1]), epsilon: 0)), [4, 4], "not the last"),
      (.activation(.softmaxOver(axis: 3)), [4, 4], "an axis 3"),
      (.parametricReLU(sharedAxes: [3]), [4, 4], "the axes"),
      (.affine(.rescaling(scale: [1, 2], offset: [0])), [4, 3], "each of 3 channels"),
      (.merge(.multiply), [5], "two or more inputs"),
      (.add, [5], "two or more inputs"), (.concatenate(axis: -1), [5], "two or more inputs"),
      (.input(shape: .scalar), [5], "one input"),
    ] as [(Layer.Kind, [Int], String)])
  func whatDoesNotFitIsRefused(_ kind: Layer.Kind, _ input: [Int], _ reason: String) throws {
    let network = try Self.network(kind, input: input)
    let error = try #require(throws: ArchitectureError.self) { try network.shapes() }
    #expect(error.description.contains(reason), "\(error)")
  }

  /// Two inputs of these shapes into one layer, through flattening layers' siblings.
  static func merged(_ kind: Layer.Kind, _ shapes: [[Int]]) throws -> Shape {
    try Layer(name: "merge", kind: kind, inputs: shapes.indices.map { "in\($0)" })
      .outputShape(of: shapes.map { try Shape($0) })
  }

  @Test func sumsAndTheLikeAreBroadcast() throws {
    #expect(try Self.merged(.add, [[2, 3], [2, 3], [2, 3]]).dimensions == [2, 3])
    #expect(try Self.merged(.add, [[2, 3], [2, 1]]).dimensions == [2, 3])
    #expect(try Self.merged(.merge(.multiply), [[3], [4, 2, 1]]).dimensions == [4, 2, 3])
    for shapes in [[[2, 3], [2, 2]], [[2], [3, 1, 3]], [[2]], []] as [[[Int]]] {
      #expect(throws: ArchitectureError.self) { try Self.merged(.add, shapes) }
      #expect(throws: ArchitectureError.self) { try Self.merged(.merge(.maximum), shapes) }
    }
    #expect(throws: ArchitectureError.self) {
      try Self.merged(.merge(.subtract), [[2], [2], [2]])
    }
  }

  @Test func concatenationIsAlongAnAxis() throws {
    #expect(try Self.merged(.concatenate(axis: -2), [[4, 2], [5, 2]]).dimensions == [9, 2])
    #expect(try Self.merged(.concatenate(axis: 1), [[4, 2], [5, 2]]).dimensions == [9, 2])
    #expect(try Self.merged(.concatenate(axis: -1), [[4, 2], [4, 5]]).dimensions == [4, 7])
    // Keras counts the batch axis.
    #expect(try Self.merged(.concatenate(axis: 2), [[4, 2], [4, 5]]).dimensions == [4, 7])
    #expect(try Self.merged(.concatenate(axis: 1), [[4], [5], [6]]).dimensions == [15])
    let bad: [(Int, [[Int]])] = [
      (1, [[4, 2], [4, 5]]), (0, [[4], [4]]), (3, [[4, 2], [4, 2]]),
      (-1, [[4, 2], [3, 2]]), (-1, [[4, 2], [2]]), (-1, [[], []]), (-1, [[.max], [1]]),
    ]
    for (axis, shapes) in bad {
      #expect(throws: ArchitectureError.self, "\(axis) \(shapes)") {
        try Self.merged(.concatenate(axis: axis), shapes)
      }
    }
  }

  @Test func severalInputsIntoOneAreRefused() {
    let error = #expect(throws: ArchitectureError.self) {
      try Self.merged(.flatten, [[4], [5]])
    }
    #expect(error?.description == "layer 'merge': expected one input, found [4] and [5]")
    #expect(throws: ArchitectureError.self) { try Self.merged(.flatten, []) }
    #expect(throws: ArchitectureError.self) { try Self.merged(.input(shape: .scalar), [[4]]) }
  }

  @Test func aLayerThatCannotBeRunSaysWhy() throws {
    let kind = Layer.Kind.unsupported(className: "LSTM", reason: "it is recurrent")
    let network = try Self.network(kind, input: [4])
    #expect(
      throws: ArchitectureError.unsupportedLayer(
        name: "out", className: "LSTM", reason: "it is recurrent")
    ) { try network.shapes() }
  }

  @Test func thereIsOneInput() {
    let none = Architecture(name: "net", layers: [], output: "x")
    #expect(throws: ArchitectureError.inputs([])) { try none.inputShape() }
    #expect(throws: ArchitectureError.inputs([])) { try none.shapes() }
    let input = Layer(name: "a", kind: .input(shape: .scalar), inputs: [])
    let other = Layer(name: "b", kind: .input(shape: .scalar), inputs: [])
    let two = Architecture(name: "net", layers: [input, other], output: "a")
    #expect(throws: ArchitectureError.inputs(["a", "b"])) { try two.shapes() }
  }

  @Test func layersComeAfterWhatTheyReadAndOnce() throws {
    let input = Layer(name: "in", kind: .input(shape: try Shape([3])), inputs: [])
    let first = Layer(name: "a", kind: .flatten, inputs: ["b"])
    let second = Layer(name: "b", kind: .flatten, inputs: ["in"])
    #expect(throws: ArchitectureError.unknownInput(layer: "a", input: "b")) {
      try Architecture(name: "net", layers: [input, first, second], output: "a").shapes()
    }
    #expect(throws: ArchitectureError.duplicateLayer("b")) {
      try Architecture(name: "net", layers: [input, second, second], output: "b").shapes()
    }
    #expect(throws: ArchitectureError.unknownInput(layer: "net", input: "c")) {
      try Architecture(name: "net", layers: [input, second], output: "c").shapes()
    }
    let own = Layer(name: "a", kind: .add, inputs: ["a", "in"])
    #expect(throws: ArchitectureError.unknownInput(layer: "a", input: "a")) {
      try Architecture(name: "net", layers: [input, own], output: "a").shapes()
    }
  }

  @Test func theClassesAreTheOutputVector() throws {
    #expect(try Self.network(.dense(Dense(units: 7)), input: [5]).classCount() == 7)
    let image = try Self.network(.activation(.relu), input: [5, 5, 3])
    let error = #expect(throws: ArchitectureError.self) { try image.classCount() }
    #expect(error?.description.contains("class scores, found [5, 5, 3]") == true)
  }

  @Test func softmaxIsFoundAtTheEndOnly() throws {
    let dense = Layer.Kind.dense(Dense(units: 7, activation: .softmax))
    #expect(try Self.network(dense, input: [5]).endsInSoftmax)
    #expect(try Self.network(.activation(.softmax), input: [5]).endsInSoftmax)
    #expect(try !Self.network(.dense(Dense(units: 7)), input: [5]).endsInSoftmax)
    #expect(try !Self.network(.flatten, input: [5]).endsInSoftmax)
    let inside = Architecture(
      name: "net",
      layers: [
        Layer(name: "in", kind: .input(shape: try Shape([5])), inputs: []),
        Layer(name: "soft", kind: .activation(.softmax), inputs: ["in"]),
        Layer(name: "out", kind: .dense(Dense(units: 2)), inputs: ["soft"]),
      ], output: "out")
    #expect(!inside.endsInSoftmax)
  }
}
