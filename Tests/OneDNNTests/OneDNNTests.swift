import OneDNN
import Testing

/// The wrapper: layouts, memory, operations, and what happens when oneDNN refuses.
@Suite struct OneDNNTests {
  /// Numbers with a layout, kept alive as long as the test needs them.
  private final class Numbers {
    let values: UnsafeMutableBufferPointer<Float>
    let memory: Memory

    init(_ layout: Layout, on processor: Processor, _ contents: [Float]? = nil) throws {
      let count = layout.byteCount / 4
      values = .allocate(capacity: count)
      values.initialize(repeating: .nan)
      for (index, value) in (contents ?? []).enumerated() { values[index] = value }
      memory = try Memory(layout, at: values.baseAddress, on: processor)
    }

    deinit { values.deallocate() }
    var array: [Float] { Array(values) }
  }

  /// Runs with room for what the operation needs meanwhile.
  private func run(_ primitive: Primitive) throws {
    guard let scratchpad = primitive.scratchpad else { return try primitive.execute() }
    let room = UnsafeMutableRawPointer.allocate(
      byteCount: scratchpad.layout.byteCount, alignment: 64)
    defer { room.deallocate() }
    try scratchpad.move(to: room)
    try primitive.execute()
  }

  // MARK: Layouts and memory

  @Test func layoutsKnowTheirSizes() throws {
    let plain = try Layout([2, 17, 3, 4], .nchw)
    #expect(plain.byteCount == 2 * 17 * 3 * 4 * 4)
    #expect(plain.dimensions == [2, 17, 3, 4])
    // 17 channels take two blocks of 16.
    #expect(try Layout([2, 17, 3, 4], .nChw16c).byteCount == 2 * 32 * 3 * 4 * 4)
    #expect(try Layout([2, 17, 3, 4], .nChw8c).byteCount == 2 * 24 * 3 * 4 * 4)
    #expect(try Layout([7], .x).byteCount == 28)
  }

  @Test func layoutsAreEqualWhenTheyMeanTheSame() throws {
    #expect(try Layout([2, 3], .oi) == Layout([2, 3], .nc))
    #expect(try Layout([2, 3], .oi) != Layout([2, 3], .io))
    #expect(try Layout([2, 3], .oi) != Layout([3, 2], .oi))
    #expect(try Layout([1, 4, 5, 6], .nchw) != Layout([1, 4, 5, 6], .nhwc))
  }

  @Test func aLayoutThatMakesNoSenseIsRefused() {
    #expect(throws: OneDNNError.self) { try Layout([2, 3, 4], .nchw) }
    #expect(throws: OneDNNError.self) { try Layout([-1, 3], .nc) }
  }

  @Test func reordersBothWays() throws {
    let processor = try Processor()
    let (plain, blocked) = (try Layout([1, 3, 1, 2], .nchw), try Layout([1, 3, 1, 2], .nChw8c))
    let source = try Numbers(plain, on: processor, [1, 2, 3, 4, 5, 6])
    let middle = try Numbers(blocked, on: processor)
    let target = try Numbers(plain, on: processor)
    try run(try processor.reorder(from: source.memory, to: middle.memory))
    // Pixel by pixel, the channels together; the lanes after the third are zero.
    #expect(middle.array == [1, 3, 5, 0, 0, 0, 0, 0, 2, 4, 6, 0, 0, 0, 0, 0])
    try run(try processor.reorder(from: middle.memory, to: target.memory))
    #expect(target.array == [1, 2, 3, 4, 5, 6])
  }

  @Test func memoryCanBeMoved() throws {
    let processor = try Processor()
    let layout = try Layout([3], .x)
    let (first, second) = (
      try Numbers(layout, on: processor, [1, 2, 3]), try Numbers(layout, on: processor, [4, 5, 6])
    )
    let (moving, target) = (
      try Memory(layout, at: nil, on: processor), try Numbers(layout, on: processor)
    )
    let copy = try processor.reorder(from: moving, to: target.memory)
    for source in [first, second] {
      let address = try #require(source.values.baseAddress)
      try moving.move(to: UnsafeMutableRawPointer(address))
      try run(copy)
      #expect(target.array == source.array)
    }
  }

  // MARK: Operations

  /// A convolution of one pixel is a matrix product.
  private func onePixel(samples: Int, inputs: Int, outputs: Int) throws -> WeightedLayouts {
    WeightedLayouts(
      source: try Layout([samples, inputs, 1, 1], .nchw),
      weights: try Layout([outputs, inputs, 1, 1], .oihw),
      bias: try Layout([outputs], .x),
      destination: try Layout([samples, outputs, 1, 1], .nchw))
  }

  private static let plain = ConvolutionGeometry(
    strides: [1, 1], dilations: [1, 1], paddingBefore: [0, 0], paddingAfter: [0, 0])

  /// `[1, 2] [[3, 4], [5, 6]]^T + [10, -100]`, with and without ReLU.
  @Test(arguments: [false, true])
  func convolutionOfOnePixel(appliesReLU: Bool) throws {
    let processor = try Processor()
    let layouts = try onePixel(samples: 1, inputs: 2, outputs: 2)
    let operation = try processor.convolutionForward(
      layouts, Self.plain, appliesReLU: appliesReLU)
    #expect(!operation.implementation.isEmpty)
    let source = try Numbers(layouts.source, on: processor, [1, 2])
    let weights = try Numbers(layouts.weights, on: processor, [3, 4, 5, 6])
    let bias = try Numbers(try Layout([2], .x), on: processor, [10, -100])
    let target = try Numbers(layouts.destination, on: processor)
    let primitive = try operation.compile([
      (.source, source.memory), (.weights, weights.memory), (.bias, bias.memory),
      (.destination, target.memory),
    ])
    #expect(primitive.implementation == operation.implementation)
    try run(primitive)
    #expect(target.array == [21, appliesReLU ? 0 : -83])
  }

  @Test func gradientsOfAConvolutionOfOnePixel() throws {
    let processor = try Processor()
    let layouts = try onePixel(samples: 2, inputs: 2, outputs: 1)
    let source = try Numbers(layouts.source, on: processor, [1, 2, 3, 4])
    let weights = try Numbers(layouts.weights, on: processor, [5, 7])
    let change = try Numbers(layouts.destination, on: processor, [1, -2])

    let sourceGradient = try Numbers(layouts.source, on: processor)
    try run(
      try processor.convolutionBackwardData(layouts, Self.plain).compile([
        (.destinationGradient, change.memory), (.weights, weights.memory),
        (.sourceGradient, sourceGradient.memory),
      ]))
    #expect(sourceGradient.array == [5, 7, -10, -14])

    let weightsGradient = try Numbers(layouts.weights, on: processor)
    let biasGradient = try Numbers(try Layout([1], .x), on: processor)
    try run(
      try processor.convolutionBackwardWeights(layouts, Self.plain).compile([
        (.source, source.memory), (.destinationGradient, change.memory),
        (.weightsGradient, weightsGradient.memory), (.biasGradient, biasGradient.memory),
      ]))
    #expect(weightsGradient.array == [-5, -6])
    #expect(biasGradient.array == [-1])
  }

  /// One row of pixels under a window of 1 x 2 with a gap of one, and a zero on the right.
  @Test func convolutionWithDilationAndUnevenPadding() throws {
    let processor = try Processor()
    let layouts = WeightedLayouts(
      source: try Layout([1, 1, 1, 4], .nchw), weights: try Layout([1, 1, 1, 2], .oihw),
      bias: nil, destination: try Layout([1, 1, 1, 3], .nchw))
    let geometry = ConvolutionGeometry(
      strides: [1, 1], dilations: [1, 2], paddingBefore: [0, 0], paddingAfter: [0, 1])
    let operation = try processor.convolutionForward(
      layouts, geometry, appliesReLU: false)
    let source = try Numbers(layouts.source, on: processor, [1, 2, 3, 4])
    let weights = try Numbers(layouts.weights, on: processor, [10, 1])
    let target = try Numbers(layouts.destination, on: processor)
    try run(
      try operation.compile([
        (.source, source.memory), (.weights, weights.memory), (.destination, target.memory),
      ]))
    #expect(target.array == [13, 24, 30])
  }

  @Test func anOperationSaysWhichLayoutItWants() throws {
    let processor = try Processor()
    let layouts = WeightedLayouts(
      source: try Layout([4, 32, 8, 8], .nChw16c), weights: try Layout([32, 32, 3, 3], .any),
      bias: nil, destination: try Layout([4, 32, 6, 6], .nChw16c))
    let operation = try processor.convolutionForward(
      layouts,
      ConvolutionGeometry(
        strides: [1, 1], dilations: [1, 1], paddingBefore: [0, 0], paddingAfter: [0, 0]),
      appliesReLU: false)
    let wanted = try #require(operation.layout(of: .weights))
    #expect(wanted.dimensions == [32, 32, 3, 3])
    #expect(wanted.byteCount >= 32 * 32 * 9 * 4)
    #expect(operation.layout(of: .source) == layouts.source)
    #expect(operation.layout(of: .bias) == nil)
  }

  @Test func primitivesRunTogether() throws {
    let processor = try Processor()
    let (plain, blocked) = (try Layout([1, 3, 1, 2], .nchw), try Layout([1, 3, 1, 2], .nChw8c))
    let sources = try [[1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 11, 12]].map {
      try Numbers(plain, on: processor, $0)
    }
    let targets = try (0..<2).map { _ in try Numbers(blocked, on: processor) }
    let together = try ConcurrentPrimitives(
      zip(sources, targets).map { try processor.reorder(from: $0.memory, to: $1.memory) })
    #expect(!together.implementation.isEmpty)
    try together.execute()
    #expect(targets[0].array == [1, 3, 5, 0, 0, 0, 0, 0, 2, 4, 6, 0, 0, 0, 0, 0])
    #expect(targets[1].array == [7, 9, 11, 0, 0, 0, 0, 0, 8, 10, 12, 0, 0, 0, 0, 0])
  }

  // MARK: Refusals

  /// Factors are both of 16 bits or both of 32; that anything else does not exist is an answer, not a
  /// failure.
  @Test func whatDoesNotExistIsUnimplemented() throws {
    let processor = try Processor()
    let layouts = WeightedLayouts(
      source: try Layout([1, 16, 8, 8], .any, of: .bfloat16),
      weights: try Layout([16, 16, 5, 5], .any), bias: nil,
      destination: try Layout([1, 16, 4, 4], .any))
    let error = #expect(throws: OneDNNError.self) {
      try processor.convolutionForward(
        layouts,
        ConvolutionGeometry(
          strides: [1, 1], dilations: [1, 1], paddingBefore: [0, 0], paddingAfter: [0, 0]),
        appliesReLU: false)
    }
    guard case .unimplemented = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(error?.description.contains("convolution") == true)
  }

  @Test func sizesThatDoNotFitTogetherAreInvalid() throws {
    let processor = try Processor()
    let layouts = WeightedLayouts(
      source: try Layout([1, 3, 1, 1], .nchw), weights: try Layout([2, 4, 1, 1], .oihw), bias: nil,
      destination: try Layout([1, 2, 1, 1], .nchw))
    let error = #expect(throws: OneDNNError.self) {
      try processor.convolutionForward(
        layouts, Self.plain, appliesReLU: false)
    }
    guard case .failed(_, let code) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(code == 2)
    #expect(error?.description.contains("invalid arguments") == true)
  }

  @Test func theProcessorCanBeDescribed() {
    #expect(Processor.coreCount >= 1)
    #expect(Processor.version.split(separator: ".").count == 3)
    #expect(!Processor.instructionSet.isEmpty)
    #expect(Processor.hasAVX512 == Processor.instructionSet.hasPrefix("avx512"))
  }
}
