/// A dense array as it is stored: row-major, little-endian, of any element type.
///
/// Files speak in tensors. The engine computes in 32-bit floats, so `floats` and
/// `init(floats:shape:as:)` are the two ways across.
public struct Tensor: Hashable, Sendable {
  public let elementType: ElementType
  public let shape: Shape
  /// `shape.elementCount * elementType.byteCount` bytes.
  public let bytes: [UInt8]

  /// - Throws: `TensorError.byteCount` when the bytes do not fill the shape exactly.
  public init(elementType: ElementType, shape: Shape, bytes: [UInt8]) throws {
    let expected = try shape.byteCount(of: elementType)
    guard bytes.count == expected else {
      throw TensorError.byteCount(expected: expected, found: bytes.count)
    }
    self.elementType = elementType
    self.shape = shape
    self.bytes = bytes
  }

  /// Stores 32-bit floats as `type`, rounding to nearest even where it is narrower.
  ///
  /// - Throws: `TensorError.byteCount` when there are more or fewer floats than the shape holds,
  ///   `TensorError.notFloatingPoint` when `type` is an integer type.
  public init(floats: [Float], shape: Shape, as type: ElementType = .float32) throws {
    let expected = try shape.byteCount(of: .float32)
    guard floats.count == shape.elementCount else {
      throw TensorError.byteCount(expected: expected, found: floats.count * 4)
    }
    let bytes: [UInt8]
    switch type {
    case .float32: bytes = Self.littleEndian(floats.lazy.map(\.bitPattern))
    case .float64: bytes = Self.littleEndian(floats.lazy.map { Double($0).bitPattern })
    case .float16: bytes = Self.littleEndian(floats.lazy.map { Float16($0).bitPattern })
    case .bfloat16: bytes = Self.littleEndian(floats.lazy.map(Self.bfloat16Bits))
    default: throw TensorError.notFloatingPoint(type)
    }
    try self.init(elementType: type, shape: shape, bytes: bytes)
  }

  /// Stores integers as 64-bit ones.
  public init(integers: [Int64], shape: Shape) throws {
    try self.init(
      elementType: .int64, shape: shape,
      bytes: Self.littleEndian(integers.lazy.map(UInt64.init(bitPattern:))))
  }

  /// The elements, converted to 32-bit floats.
  public var floats: [Float] {
    [Float](unsafeUninitializedCapacity: shape.elementCount) { buffer, count in
      bytes.withUnsafeBytes { Self.convert($0, from: elementType, into: buffer) }
      count = shape.elementCount
    }
  }

  /// The elements as 64-bit integers, or nil when one of them is not a whole number that fits.
  public var integers: [Int64]? {
    if elementType.isFloatingPoint {
      var result: [Int64] = []
      result.reserveCapacity(shape.elementCount)
      for value in doubles {
        guard let whole = Int64(exactly: value) else { return nil }
        result.append(whole)
      }
      return result
    }
    var result: [Int64] = []
    result.reserveCapacity(shape.elementCount)
    for index in 0..<shape.elementCount {
      guard let value = integer(at: index) else { return nil }
      result.append(value)
    }
    return result
  }

  private var doubles: [Double] {
    guard elementType == .float64 else { return floats.map(Double.init) }
    return bytes.withUnsafeBytes { raw in
      (0..<shape.elementCount).map { Double(bitPattern: Self.load(raw, $0, UInt64.self)) }
    }
  }

  private func integer(at index: Int) -> Int64? {
    bytes.withUnsafeBytes { raw in
      switch elementType {
      case .bool, .uint8: Int64(raw[index])
      case .int8: Int64(Int8(bitPattern: raw[index]))
      case .int16: Int64(Int16(bitPattern: Self.load(raw, index, UInt16.self)))
      case .uint16: Int64(Self.load(raw, index, UInt16.self))
      case .int32: Int64(Int32(bitPattern: Self.load(raw, index, UInt32.self)))
      case .uint32: Int64(Self.load(raw, index, UInt32.self))
      case .int64: Int64(bitPattern: Self.load(raw, index, UInt64.self))
      case .uint64: Int64(exactly: Self.load(raw, index, UInt64.self))
      case .float16, .bfloat16, .float32, .float64: nil
      }
    }
  }

  /// Converts stored elements to 32-bit floats.
  ///
  /// - Parameters:
  ///   - raw: little-endian elements of `type`; at least as many as `floats` holds.
  ///   - floats: receives the values.
  public static func convert(
    _ raw: UnsafeRawBufferPointer, from type: ElementType,
    into floats: UnsafeMutableBufferPointer<Float>
  ) {
    let count = floats.count
    precondition(raw.count >= count * type.byteCount, "too few bytes for \(count) elements")
    switch type {
    case .bool, .uint8: for i in 0..<count { floats[i] = Float(raw[i]) }
    case .int8: for i in 0..<count { floats[i] = Float(Int8(bitPattern: raw[i])) }
    case .int16:
      for i in 0..<count { floats[i] = Float(Int16(bitPattern: load(raw, i, UInt16.self))) }
    case .uint16: for i in 0..<count { floats[i] = Float(load(raw, i, UInt16.self)) }
    case .int32:
      for i in 0..<count { floats[i] = Float(Int32(bitPattern: load(raw, i, UInt32.self))) }
    case .uint32: for i in 0..<count { floats[i] = Float(load(raw, i, UInt32.self)) }
    case .int64:
      for i in 0..<count { floats[i] = Float(Int64(bitPattern: load(raw, i, UInt64.self))) }
    case .uint64: for i in 0..<count { floats[i] = Float(load(raw, i, UInt64.self)) }
    case .float16:
      for i in 0..<count { floats[i] = Float(Float16(bitPattern: load(raw, i, UInt16.self))) }
    case .bfloat16:
      for i in 0..<count { floats[i] = Float(bitPattern: UInt32(load(raw, i, UInt16.self)) << 16) }
    case .float32: for i in 0..<count { floats[i] = Float(bitPattern: load(raw, i, UInt32.self)) }
    case .float64:
      for i in 0..<count { floats[i] = Float(Double(bitPattern: load(raw, i, UInt64.self))) }
    }
  }

  private static func load<Bits: FixedWidthInteger>(
    _ raw: UnsafeRawBufferPointer, _ index: Int, _: Bits.Type
  ) -> Bits {
    Bits(
      littleEndian: raw.loadUnaligned(
        fromByteOffset: index * MemoryLayout<Bits>.size, as: Bits.self))
  }

  private static func littleEndian<Values: Collection>(_ values: Values) -> [UInt8]
  where Values.Element: FixedWidthInteger {
    let size = MemoryLayout<Values.Element>.size
    return [UInt8](unsafeUninitializedCapacity: values.count * size) { buffer, count in
      let raw = UnsafeMutableRawBufferPointer(buffer)
      for (index, value) in values.enumerated() {
        raw.storeBytes(
          of: value.littleEndian, toByteOffset: index * size, as: Values.Element.self)
      }
      count = values.count * size
    }
  }

  /// The upper half of a 32-bit float, rounded to nearest even; a NaN stays one.
  private static func bfloat16Bits(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    guard !value.isNaN else { return UInt16(truncatingIfNeeded: bits >> 16) | 0x0040 }
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
  }
}

/// Bytes and a shape that do not go together.
public enum TensorError: Error, Hashable, Sendable, CustomStringConvertible {
  case byteCount(expected: Int, found: Int)
  case notFloatingPoint(ElementType)

  public var description: String {
    switch self {
    case .byteCount(let expected, let found): "expected \(expected) bytes, found \(found)"
    case .notFloatingPoint(let type): "\(type.rawValue) cannot hold fractions"
    }
  }
}
