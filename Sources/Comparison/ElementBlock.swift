internal import ModelCore

/// Runs of a stream's elements, decoded without rounding.
///
/// Every type but the 64-bit integers fits a double exactly; those come as 128-bit integers too,
/// in which they and all their differences fit.
final class ElementBlock {
  /// How many elements are decoded at once.
  static let capacity = 1 << 16

  private let stream: any ElementStream
  private let raw: UnsafeMutableRawBufferPointer
  private var left: Int
  /// The elements, rounded where they are 64-bit integers.
  private(set) var values: [Double] = []
  /// The elements of a 64-bit integer type; empty for all others.
  private(set) var integers: [Int128] = []

  init(_ stream: any ElementStream) {
    self.stream = stream
    left = stream.elementCount
    raw = .allocate(
      byteCount: min(Self.capacity, max(1, left)) * stream.elementType.byteCount, alignment: 64)
  }

  deinit { raw.deallocate() }

  var isWide: Bool { stream.elementType == .int64 || stream.elementType == .uint64 }

  /// Decodes the next elements.
  ///
  /// - Returns: how many there are; zero at the end.
  func next() throws -> Int {
    let count = min(Self.capacity, left)
    guard count > 0 else { return 0 }
    let bytes = UnsafeMutableRawBufferPointer(
      rebasing: raw.prefix(count * stream.elementType.byteCount))
    try stream.read(into: bytes)
    left -= count
    decode(UnsafeRawBufferPointer(bytes), count)
    return count
  }

  private func decode(_ bytes: UnsafeRawBufferPointer, _ count: Int) {
    switch stream.elementType {
    case .bool, .uint8: fill(bytes, count, UInt8.self) { Double($0) }
    case .int8: fill(bytes, count, UInt8.self) { Double(Int8(bitPattern: $0)) }
    case .int16: fill(bytes, count, UInt16.self) { Double(Int16(bitPattern: $0)) }
    case .uint16: fill(bytes, count, UInt16.self) { Double($0) }
    case .int32: fill(bytes, count, UInt32.self) { Double(Int32(bitPattern: $0)) }
    case .uint32: fill(bytes, count, UInt32.self) { Double($0) }
    case .float16: fill(bytes, count, UInt16.self) { Double(Float16(bitPattern: $0)) }
    case .bfloat16:
      fill(bytes, count, UInt16.self) { Double(Float(bitPattern: UInt32($0) << 16)) }
    case .float32: fill(bytes, count, UInt32.self) { Double(Float(bitPattern: $0)) }
    case .float64: fill(bytes, count, UInt64.self) { Double(bitPattern: $0) }
    case .int64: fillWide(bytes, count) { Int128(Int64(bitPattern: $0)) }
    case .uint64: fillWide(bytes, count) { Int128($0) }
    }
  }

  @inline(__always)
  private func fill<Bits: FixedWidthInteger>(
    _ bytes: UnsafeRawBufferPointer, _ count: Int, _: Bits.Type, _ decode: (Bits) -> Double
  ) {
    values = [Double](unsafeUninitializedCapacity: count) { buffer, filled in
      for index in 0..<count { buffer[index] = decode(Self.load(bytes, index)) }
      filled = count
    }
  }

  @inline(__always)
  private func fillWide(
    _ bytes: UnsafeRawBufferPointer, _ count: Int, _ decode: (UInt64) -> Int128
  ) {
    integers = (0..<count).map { decode(Self.load(bytes, $0)) }
    values = integers.map { Double($0) }
  }

  @inline(__always)
  private static func load<Bits: FixedWidthInteger>(
    _ bytes: UnsafeRawBufferPointer, _ index: Int
  ) -> Bits {
    Bits(
      littleEndian: bytes.loadUnaligned(
        fromByteOffset: index * MemoryLayout<Bits>.size, as: Bits.self))
  }
}
