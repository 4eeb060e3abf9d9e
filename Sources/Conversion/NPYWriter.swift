internal import Foundation
public import ModelCore
internal import Zip

/// Writes one `.npy` file row by row, byte for byte as `numpy.save` would.
///
/// The file appears under its own name when `finish()` returns; until then, and when the writer is
/// dropped before, there is only a temporary one beside it, which goes.
public final class NPYWriter {
  private let path: String
  private let pending: AtomicFile
  private let elementType: ElementType
  private let expected: Int
  private var written = 0
  private var descriptor: Int32?

  /// - Parameters:
  ///   - elementType: a bfloat16, which NumPy lacks, is written as float32.
  ///   - shape: of the whole array; at most 64 axes.
  /// - Throws: `ConversionError` when the file cannot be made.
  public init(path: String, elementType: ElementType, shape: Shape) throws {
    self.elementType = elementType
    expected = try checkedByteCount(elementType, shape, file: path)
    self.path = path
    pending = try AtomicFile(for: path)
    let opened = try pending.create()
    descriptor = opened
    try NPYHeader(element: .number(elementType), shape: shape).encoded.withUnsafeBytes {
      try writeAll($0, to: opened, file: path)
    }
  }

  deinit { if let descriptor { close(descriptor) } }

  /// Writes the next elements, row-major and little-endian, in the array's own element type.
  public func append(_ bytes: UnsafeRawBufferPointer) throws {
    guard let descriptor, bytes.count <= expected - written else {
      throw ConversionError(
        file: path, .length(expected: expected, found: .exactly(written + bytes.count)))
    }
    if elementType == .bfloat16 {
      try widened(bytes).withUnsafeBytes { try writeAll($0, to: descriptor, file: path) }
    } else {
      try writeAll(bytes, to: descriptor, file: path)
    }
    written += bytes.count
  }

  /// Writes the next elements of a float32 array.
  public func append(_ floats: [Float]) throws {
    guard elementType == .float32 else {
      throw ConversionError(
        file: path, .mismatch(expected: "\(elementType.rawValue)", found: "float32"))
    }
    try floats.map(\.bitPattern.littleEndian).withUnsafeBytes { try append($0) }
  }

  /// Puts the file in its place.
  ///
  /// - Throws: `ConversionError.length` when elements are missing.
  public func finish() throws {
    guard let open = descriptor, written == expected else {
      throw ConversionError(
        file: path, .length(expected: expected, found: .exactly(written)))
    }
    descriptor = nil
    guard close(open) == 0 else {
      throw ConversionError(file: path, .system(operation: .write, code: errno))
    }
    try pending.finishWriting()
    try pending.commit()
  }
}

extension NPYWriter {
  /// Writes a whole tensor.
  public static func write(_ tensor: Tensor, to path: String) throws {
    let writer = try NPYWriter(path: path, elementType: tensor.elementType, shape: tensor.shape)
    try tensor.bytes.withUnsafeBytes { try writer.append($0) }
    try writer.finish()
  }
}

/// The size of an array in bytes in its own type, when a file of it can be written.
func checkedByteCount(
  _ type: ElementType, _ shape: Shape, file: String, part: String? = nil
) throws -> Int {
  guard shape.dimensions.count <= 64 else {
    throw ConversionError(
      file: file, part: part,
      .mismatch(expected: "at most 64 axes", found: "\(shape.dimensions.count)"))
  }
  do {
    // What is widened must fit too.
    _ = try shape.byteCount(of: type == .bfloat16 ? .float32 : type)
    return try shape.byteCount(of: type)
  } catch {
    throw ConversionError(
      file: file, part: part,
      .mismatch(expected: "an array that fits this machine", found: "\(error)"))
  }
}

/// bfloat16 elements as float32: the same numbers, since one is the upper half of the other.
func widened(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
  var result = [UInt8](repeating: 0, count: bytes.count / 2 * 4)
  for index in 0..<bytes.count / 2 {
    result[4 * index + 2] = bytes[2 * index]
    result[4 * index + 3] = bytes[2 * index + 1]
  }
  return result
}
