internal import ModelCore
internal import Zip

/// What the head of a NumPy array file says: version 1.0, 2.0 or 3.0.
///
/// - SeeAlso: NumPy Enhancement Proposal 1, and `numpy.lib.format`.
struct NPYHeader: Hashable {
  var element: StoredElement
  var isBigEndian = false
  var isFortranOrder = false
  var shape: Shape
  /// Where the elements begin, in bytes from the start.
  var dataOffset = 0

  static let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]
  /// NumPy's own limit for files that nobody vouches for, in bytes.
  static let longestText = 10_000

  /// Reads the head of a stream.
  ///
  /// - Throws: `HeaderError` with what was expected and found.
  init(reading stream: any ByteStream) throws {
    var start = try stream.bytes(at: 0, count: 10)
    guard start.starts(with: Self.magic), start.count == 10 else {
      throw HeaderError.mismatch(
        expected: "the signature \\x93NUMPY", found: describe(start.prefix(6)))
    }
    let (length, textOffset): (Int, Int)
    switch (start[6], start[7]) {
    case (1, 0): (length, textOffset) = (Int(start[8]) | Int(start[9]) << 8, 10)
    case (2, 0), (3, 0):
      start += try stream.bytes(at: 10, count: 2)
      guard start.count == 12 else {
        throw HeaderError.mismatch(expected: "a header length", found: "the end of the data")
      }
      length = (0..<4).reduce(0) { $0 | Int(start[8 + $1]) << (8 * $1) }
      textOffset = 12
    case (let major, let minor):
      throw HeaderError.mismatch(
        expected: "version 1.0, 2.0 or 3.0", found: "\(major).\(minor)")
    }
    guard length <= Self.longestText else {
      throw HeaderError.mismatch(
        expected: "a header of at most \(Self.longestText) bytes", found: "\(length)")
    }
    let text = try stream.bytes(at: textOffset, count: length)
    guard text.count == length else {
      throw HeaderError.mismatch(
        expected: "a header of \(length) bytes", found: "\(text.count)")
    }
    var parser = NPYHeaderParser(text)
    self = try parser.header()
    dataOffset = textOffset + length
  }

  init(element: StoredElement, shape: Shape) {
    self.element = element
    self.shape = shape
  }

  /// The head that `numpy.save` writes for this array, byte for byte.
  ///
  /// - Precondition: the rank is at most 64, so that the text fits version 1.0.
  var encoded: [UInt8] {
    let extents = shape.dimensions
    let tuple =
      extents.count == 1
      ? "(\(extents[0]),)" : "(" + extents.map(String.init).joined(separator: ", ") + ")"
    var text = "{'descr': '\(element.descriptor)', 'fortran_order': False, 'shape': \(tuple), }"
    // NumPy leaves room for the first extent to grow to 21 digits in place.
    if let first = extents.first {
      text += String(repeating: " ", count: max(0, 21 - String(first).count))
    }
    // At least one and at most 64 spaces, so that the elements begin at a multiple of 64.
    text += String(repeating: " ", count: 64 - (10 + text.utf8.count + 1) % 64) + "\n"
    let count = text.utf8.count
    return Self.magic + [1, 0, UInt8(count & 0xFF), UInt8(count >> 8 & 0xFF)] + Array(text.utf8)
  }
}

/// What one element of a stored array is.
enum StoredElement: Hashable {
  case number(ElementType)
  /// At most so many bytes of text, filled up with zeros.
  case bytes(width: Int)
  /// At most so many Unicode scalars of four bytes each, filled up with zeros.
  case unicode(width: Int)

  var byteCount: Int {
    switch self {
    case .number(let type): type.byteCount
    case .bytes(let width): width
    case .unicode(let width): 4 * width
    }
  }

  /// The unit in which the byte order counts.
  var swapSize: Int {
    switch self {
    case .number(let type): type.byteCount
    case .bytes: 1
    case .unicode: 4
    }
  }

  /// NumPy's name of the type, little-endian; a bfloat16 has none and is written as float32.
  var descriptor: String {
    switch self {
    case .number(let type):
      switch type {
      case .bool: "|b1"
      case .int8: "|i1"
      case .uint8: "|u1"
      case .int16: "<i2"
      case .int32: "<i4"
      case .int64: "<i8"
      case .uint16: "<u2"
      case .uint32: "<u4"
      case .uint64: "<u8"
      case .float16: "<f2"
      case .float32, .bfloat16: "<f4"
      case .float64: "<f8"
      }
    case .bytes(let width): "|S\(width)"
    case .unicode(let width): "<U\(width)"
    }
  }
}
