import ModelCore
import Testing

@Suite struct TensorTests {
  /// The bytes of -2, -1, 0, 1 and the type's extremes, least significant first.
  static let integerCases: [(ElementType, [UInt8], [Int64]?)] = [
    (.bool, [0, 1], [0, 1]),
    (.int8, [0xFE, 0xFF, 0, 1, 0x7F, 0x80], [-2, -1, 0, 1, 127, -128]),
    (.uint8, [0, 1, 0x7F, 0x80, 0xFF], [0, 1, 127, 128, 255]),
    (.int16, [0xFE, 0xFF, 0x01, 0x02, 0xFF, 0x7F, 0x00, 0x80], [-2, 0x0201, 32767, -32768]),
    (.uint16, [0xFE, 0xFF, 0x01, 0x02], [65534, 0x0201]),
    (.int32, [0xFE, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4], [-2, 0x0403_0201]),
    (.uint32, [0xFE, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4], [0xFFFF_FFFE, 0x0403_0201]),
    (
      .int64, [0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4, 5, 6, 7, 8],
      [-2, 0x0807_0605_0403_0201]
    ),
    (.uint64, [1, 2, 3, 4, 5, 6, 7, 8], [0x0807_0605_0403_0201]),
    (.uint64, [0, 0, 0, 0, 0, 0, 0, 0x80], nil),
  ]

  @Test(arguments: integerCases)
  func integersAreReadLittleEndian(
    _ type: ElementType, _ bytes: [UInt8], _ expected: [Int64]?
  ) throws {
    let shape = try Shape([bytes.count / type.byteCount])
    let tensor = try Tensor(elementType: type, shape: shape, bytes: bytes)
    #expect(tensor.integers == expected)
    if let expected { #expect(tensor.floats == expected.map { Float($0) }) }
  }

  @Test func theLargestIntegersBecomeTheNearestFloats() throws {
    let bytes = [UInt8](repeating: 0xFF, count: 8)
    let unsigned = try Tensor(elementType: .uint64, shape: .scalar, bytes: bytes)
    #expect(unsigned.floats == [0x1p64])
    #expect(
      try Tensor(integers: [16_777_217, .max], shape: Shape([2])).floats == [0x1p24, 0x1p63])
  }

  @Test(arguments: [ElementType.float16, .bfloat16, .float32, .float64])
  func wholeFloatsAreIntegers(_ type: ElementType) throws {
    let whole = try Tensor(floats: [-3, 0, 128], shape: Shape([3]), as: type)
    #expect(whole.integers == [-3, 0, 128])
    for other: Float in [0.5, .nan, .infinity] {
      let tensor = try Tensor(floats: [1, other], shape: Shape([2]), as: type)
      #expect(tensor.integers == nil)
    }
  }

  @Test func aFloatBeyondTheIntegersIsNone() throws {
    #expect(try Tensor(floats: [0x1p63], shape: .scalar).integers == nil)
    #expect(try Tensor(floats: [-0x1p63], shape: .scalar).integers == [.min])
  }

  @Test func aFloat64KeepsItsIntegersExactly() throws {
    let bytes = (0..<8).map {
      UInt8(truncatingIfNeeded: Double(9_007_199_254_740_991).bitPattern >> (8 * $0))
    }
    let tensor = try Tensor(elementType: .float64, shape: .scalar, bytes: bytes)
    #expect(tensor.integers == [9_007_199_254_740_991])
  }

  @Test func bytesMustFillTheShape() throws {
    let shape = try Shape([2, 3])
    for count in [0, 23, 25] {
      #expect(throws: TensorError.byteCount(expected: 24, found: count)) {
        try Tensor(
          elementType: .float32, shape: shape, bytes: [UInt8](repeating: 0, count: count))
      }
    }
    #expect(throws: TensorError.byteCount(expected: 24, found: 20)) {
      try Tensor(floats: [1, 2, 3, 4, 5], shape: shape)
    }
    #expect(throws: TensorError.byteCount(expected: 48, found: 8)) {
      try Tensor(integers: [1], shape: shape)
    }
    #expect(TensorError.byteCount(expected: 24, found: 20).description.contains("24"))
  }

  @Test func aShapeThatFitsNothingIsAnErrorToo() throws {
    let shape = try Shape([1 << 62])
    #expect(throws: ShapeError.self) { try Tensor(floats: [], shape: shape) }
    #expect(throws: ShapeError.self) {
      try Tensor(elementType: .float64, shape: shape, bytes: [])
    }
  }

  @Test(arguments: ElementType.allCases.filter { !$0.isFloatingPoint })
  func floatsAreNotStoredAsIntegers(_ type: ElementType) throws {
    #expect(throws: TensorError.notFloatingPoint(type)) {
      try Tensor(floats: [1], shape: .scalar, as: type)
    }
  }

  @Test(arguments: ElementType.allCases)
  func noElementsAreATensor(_ type: ElementType) throws {
    let tensor = try Tensor(elementType: type, shape: Shape([0, 3]), bytes: [])
    #expect(tensor.floats.isEmpty)
    #expect(tensor.integers == [])
  }

  @Test func floatsKeepTheirOrderInMemory() throws {
    let tensor = try Tensor(floats: [1, -2], shape: Shape([2]))
    #expect(tensor.bytes == [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0])
    #expect(tensor.floats == [1, -2])
  }

  @Test func aPartCanBeConvertedFromAnyOffset() throws {
    let bytes: [UInt8] = [9, 0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0]
    var floats: [Float] = [0, 0]
    bytes.withUnsafeBytes { raw in
      floats.withUnsafeMutableBufferPointer {
        Tensor.convert(.init(rebasing: raw[1...]), from: .float32, into: $0)
      }
    }
    #expect(floats == [1, -2])
  }
}
