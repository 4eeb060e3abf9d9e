import ModelCore
import Testing

/// What 32-bit floats round to in narrower types, as NumPy 2.4.6 and ml_dtypes 0.6.0 find it.
@Suite struct TensorRoundingTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let float32: UInt32
    let float16: UInt16
    let bfloat16: UInt16
    let float64: UInt64

    var testDescription: String { String(float32, radix: 16) }
  }

  /// Zeros, ties to even both ways, the edge of infinity, subnormals of every type.
  static let cases: [Case] = [
    Case(float32: 0x00000000, float16: 0x0000, bfloat16: 0x0000, float64: 0x0000000000000000),
    Case(float32: 0x80000000, float16: 0x8000, bfloat16: 0x8000, float64: 0x8000000000000000),
    Case(float32: 0x3f800000, float16: 0x3c00, bfloat16: 0x3f80, float64: 0x3ff0000000000000),
    Case(float32: 0x3f800001, float16: 0x3c00, bfloat16: 0x3f80, float64: 0x3ff0000020000000),
    Case(float32: 0x3f801000, float16: 0x3c00, bfloat16: 0x3f80, float64: 0x3ff0020000000000),
    Case(float32: 0x3f803000, float16: 0x3c02, bfloat16: 0x3f80, float64: 0x3ff0060000000000),
    Case(float32: 0x3f802000, float16: 0x3c01, bfloat16: 0x3f80, float64: 0x3ff0040000000000),
    Case(float32: 0x3f801001, float16: 0x3c01, bfloat16: 0x3f80, float64: 0x3ff0020020000000),
    Case(float32: 0x3f800fff, float16: 0x3c00, bfloat16: 0x3f80, float64: 0x3ff001ffe0000000),
    Case(float32: 0x3f808000, float16: 0x3c04, bfloat16: 0x3f80, float64: 0x3ff0100000000000),
    Case(float32: 0x3f818000, float16: 0x3c0c, bfloat16: 0x3f82, float64: 0x3ff0300000000000),
    Case(float32: 0x3f808001, float16: 0x3c04, bfloat16: 0x3f81, float64: 0x3ff0100020000000),
    Case(float32: 0x3f807fff, float16: 0x3c04, bfloat16: 0x3f80, float64: 0x3ff00fffe0000000),
    Case(float32: 0xbf818000, float16: 0xbc0c, bfloat16: 0xbf82, float64: 0xbff0300000000000),
    Case(float32: 0x477fe000, float16: 0x7bff, bfloat16: 0x4780, float64: 0x40effc0000000000),
    Case(float32: 0x477fefff, float16: 0x7bff, bfloat16: 0x4780, float64: 0x40effdffe0000000),
    Case(float32: 0x477ff000, float16: 0x7c00, bfloat16: 0x4780, float64: 0x40effe0000000000),
    Case(float32: 0x477fffff, float16: 0x7c00, bfloat16: 0x4780, float64: 0x40efffffe0000000),
    Case(float32: 0x47800000, float16: 0x7c00, bfloat16: 0x4780, float64: 0x40f0000000000000),
    Case(float32: 0x7f7fffff, float16: 0x7c00, bfloat16: 0x7f80, float64: 0x47efffffe0000000),
    Case(float32: 0x7f7f0000, float16: 0x7c00, bfloat16: 0x7f7f, float64: 0x47efe00000000000),
    Case(float32: 0x7f7f7fff, float16: 0x7c00, bfloat16: 0x7f7f, float64: 0x47efefffe0000000),
    Case(float32: 0x7f7f8000, float16: 0x7c00, bfloat16: 0x7f80, float64: 0x47eff00000000000),
    Case(float32: 0xff7fffff, float16: 0xfc00, bfloat16: 0xff80, float64: 0xc7efffffe0000000),
    Case(float32: 0x7f800000, float16: 0x7c00, bfloat16: 0x7f80, float64: 0x7ff0000000000000),
    Case(float32: 0xff800000, float16: 0xfc00, bfloat16: 0xff80, float64: 0xfff0000000000000),
    Case(float32: 0x33800000, float16: 0x0001, bfloat16: 0x3380, float64: 0x3e70000000000000),
    Case(float32: 0x33000000, float16: 0x0000, bfloat16: 0x3300, float64: 0x3e60000000000000),
    Case(float32: 0x33000001, float16: 0x0001, bfloat16: 0x3300, float64: 0x3e60000020000000),
    Case(float32: 0x32ffffff, float16: 0x0000, bfloat16: 0x3300, float64: 0x3e5fffffe0000000),
    Case(float32: 0x33c00000, float16: 0x0002, bfloat16: 0x33c0, float64: 0x3e78000000000000),
    Case(float32: 0x38800000, float16: 0x0400, bfloat16: 0x3880, float64: 0x3f10000000000000),
    Case(float32: 0x387fffff, float16: 0x0400, bfloat16: 0x3880, float64: 0x3f0fffffe0000000),
    Case(float32: 0x387fe000, float16: 0x0400, bfloat16: 0x3880, float64: 0x3f0ffc0000000000),
    Case(float32: 0x387fd000, float16: 0x03ff, bfloat16: 0x3880, float64: 0x3f0ffa0000000000),
    Case(float32: 0x387fc000, float16: 0x03ff, bfloat16: 0x3880, float64: 0x3f0ff80000000000),
    Case(float32: 0x387ff000, float16: 0x0400, bfloat16: 0x3880, float64: 0x3f0ffe0000000000),
    Case(float32: 0x387fefff, float16: 0x0400, bfloat16: 0x3880, float64: 0x3f0ffdffe0000000),
    Case(float32: 0x00000001, float16: 0x0000, bfloat16: 0x0000, float64: 0x36a0000000000000),
    Case(float32: 0x007fffff, float16: 0x0000, bfloat16: 0x0080, float64: 0x380fffffc0000000),
    Case(float32: 0x00800000, float16: 0x0000, bfloat16: 0x0080, float64: 0x3810000000000000),
    Case(float32: 0x00008000, float16: 0x0000, bfloat16: 0x0000, float64: 0x3790000000000000),
    Case(float32: 0x00018000, float16: 0x0000, bfloat16: 0x0002, float64: 0x37a8000000000000),
    Case(float32: 0x00008001, float16: 0x0000, bfloat16: 0x0001, float64: 0x3790002000000000),
    Case(float32: 0x00007fff, float16: 0x0000, bfloat16: 0x0000, float64: 0x378fffc000000000),
    Case(float32: 0x80000001, float16: 0x8000, bfloat16: 0x8000, float64: 0xb6a0000000000000),
    Case(float32: 0xb3000001, float16: 0x8001, bfloat16: 0xb300, float64: 0xbe60000020000000),
    Case(float32: 0x3eaaaaab, float16: 0x3555, bfloat16: 0x3eab, float64: 0x3fd5555560000000),
    Case(float32: 0x40490fdb, float16: 0x4248, bfloat16: 0x4049, float64: 0x400921fb60000000),
  ]

  @Test(arguments: cases)
  func floatsAreRoundedToNearestEven(_ expected: Case) throws {
    let value = Float(bitPattern: expected.float32)
    func bits(_ type: ElementType) throws -> UInt64 {
      try Tensor(floats: [value], shape: .scalar, as: type).bytes.reversed().reduce(0) {
        $0 << 8 | UInt64($1)
      }
    }
    #expect(try bits(.float32) == UInt64(expected.float32))
    #expect(try bits(.float16) == UInt64(expected.float16))
    #expect(try bits(.bfloat16) == UInt64(expected.bfloat16))
    #expect(try bits(.float64) == expected.float64)
  }

  @Test(arguments: [ElementType.float16, .bfloat16, .float32, .float64])
  func everyNaNStaysOne(_ type: ElementType) throws {
    for bits: UInt32 in [0x7fc0_0000, 0xffc0_0000, 0x7f80_0001, 0x7fff_ffff, 0xff81_2345] {
      let tensor = try Tensor(floats: [Float(bitPattern: bits)], shape: .scalar, as: type)
      #expect(tensor.floats[0].isNaN)
      #expect(tensor.floats[0].sign == Float(bitPattern: bits).sign)
    }
  }

  @Test(
    arguments: [
      (0x0000, 0x00000000, 0x00000000),
      (0x8000, 0x80000000, 0x80000000),
      (0x0001, 0x33800000, 0x00010000),
      (0x03ff, 0x387fc000, 0x03ff0000),
      (0x0400, 0x38800000, 0x04000000),
      (0x3c00, 0x3f800000, 0x3c000000),
      (0x3555, 0x3eaaa000, 0x35550000),
      (0x7bff, 0x477fe000, 0x7bff0000),
      (0x7c00, 0x7f800000, 0x7c000000),
      (0xfc00, 0xff800000, 0xfc000000),
      (0x8001, 0xb3800000, 0x80010000),
      (0xc000, 0xc0000000, 0xc0000000),
    ] as [(UInt16, UInt32, UInt32)])
  func narrowFloatsWidenExactly(_ bits: UInt16, _ float16: UInt32, _ bfloat16: UInt32) throws {
    let bytes = [UInt8(bits & 0xff), UInt8(bits >> 8)]
    for (type, expected) in [(ElementType.float16, float16), (.bfloat16, bfloat16)] {
      let tensor = try Tensor(elementType: type, shape: .scalar, bytes: bytes)
      #expect(tensor.floats[0].bitPattern == expected)
    }
  }

  @Test(
    arguments: [
      (0x3fe0000000000000, 0x3f000000),
      (0x3ff0000010000000, 0x3f800000),
      (0x3ff0000030000000, 0x3f800002),
      (0x3ff0000010000001, 0x3f800001),
      (0x47efffffefffffff, 0x7f7fffff),
      (0x47effffff0000000, 0x7f800000),
      (0x7fefffffffffffff, 0x7f800000),
      (0x3690000000000000, 0x00000000),
      (0x3690000000000001, 0x00000001),
      (0x380fffffffffffff, 0x00800000),
      (0x8000000000000000, 0x80000000),
      (0xfff0000000000000, 0xff800000),
    ] as [(UInt64, UInt32)])
  func wideFloatsAreRoundedToNearestEven(_ bits: UInt64, _ expected: UInt32) throws {
    let bytes = (0..<8).map { UInt8(truncatingIfNeeded: bits >> (8 * UInt64($0))) }
    let tensor = try Tensor(elementType: .float64, shape: .scalar, bytes: bytes)
    #expect(tensor.floats[0].bitPattern == expected)
  }

  /// All 65,536 narrow floats come back as they were.
  @Test(arguments: [ElementType.float16, .bfloat16])
  func everyNarrowFloatSurvivesTheTrip(_ type: ElementType) throws {
    let bytes = (0..<65_536).flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] }
    let shape = try Shape([65_536])
    let floats = try Tensor(elementType: type, shape: shape, bytes: bytes).floats
    let back = try Tensor(floats: floats, shape: shape, as: type).bytes
    var changed = 0
    for index in 0..<65_536 where !floats[index].isNaN {
      if back[2 * index] != bytes[2 * index] || back[2 * index + 1] != bytes[2 * index + 1] {
        changed += 1
      }
    }
    #expect(changed == 0)
  }
}
