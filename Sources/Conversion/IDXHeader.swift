internal import ModelCore
internal import Zip

/// What the head of an IDX file says: the format of MNIST, big-endian throughout.
///
/// Two zero bytes, the type, the rank, then an extent of 32 bits for each axis.
///
/// - SeeAlso: LeCun, Cortes and Burges, "The MNIST database of handwritten digits".
struct IDXHeader: Hashable {
  let elementType: ElementType
  let shape: Shape
  /// Where the elements begin, in bytes.
  let dataOffset: Int

  /// Whether bytes begin like an IDX file.
  static func isMagic(_ start: [UInt8]) -> Bool {
    start.count >= 4 && start[0] == 0 && start[1] == 0 && types[start[2]] != nil && start[3] > 0
  }

  /// - Throws: `HeaderError` with what was expected and found.
  init(reading stream: any ByteStream) throws {
    let start = try stream.bytes(at: 0, count: 4)
    guard Self.isMagic(start), let type = Self.types[start[2]] else {
      throw HeaderError.mismatch(
        expected: "an IDX signature (00 00, a type, a rank)", found: describe(start))
    }
    let rank = Int(start[3])
    let extents = try stream.bytes(at: 4, count: 4 * rank)
    guard extents.count == 4 * rank else {
      throw HeaderError.mismatch(
        expected: "\(rank) extents in \(4 * rank) bytes", found: "\(extents.count) bytes")
    }
    let dimensions = (0..<rank).map { axis in
      (0..<4).reduce(0) { $0 << 8 | Int(extents[4 * axis + $1]) }
    }
    guard let shape = try? Shape(dimensions) else {
      throw HeaderError.mismatch(
        expected: "a shape that this machine can hold", found: "\(dimensions)")
    }
    elementType = type
    self.shape = shape
    dataOffset = 4 + 4 * rank
  }

  private static let types: [UInt8: ElementType] = [
    0x08: .uint8, 0x09: .int8, 0x0B: .int16, 0x0C: .int32, 0x0D: .float32, 0x0E: .float64,
  ]
}
