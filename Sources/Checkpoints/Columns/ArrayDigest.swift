internal import Crypto
internal import ModelCore

/// The SHA-256 of an array's meaning: its type, its extents and its elements, whatever the
/// chunks, filters and byte order of the file.
///
/// The hash is over the type's name in UTF-8, a zero byte, the rank and the extents as 64-bit
/// integers, and the elements, row-major; all integers are little-endian. A string is its length
/// in bytes as a 64-bit integer, then its UTF-8.
public struct ArrayDigest {
  private let type: String
  private let shape: [Int]
  private var hash = SHA256()
  /// How many bytes of elements there were; for strings, of their UTF-8 alone.
  private(set) var byteCount = 0

  /// - Parameter type: an element type's name, or `string`.
  public init(type: String, shape: [Int]) {
    self.type = type
    self.shape = shape
    hash.update(data: Array(type.utf8) + [0])
    update(count: shape.count)
    for extent in shape { update(count: extent) }
  }

  private mutating func update(count: Int) {
    withUnsafeBytes(of: UInt64(count).littleEndian) { hash.update(bufferPointer: $0) }
  }

  /// Adds elements, row-major and little-endian.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    hash.update(bufferPointer: bytes)
    byteCount += bytes.count
  }

  public mutating func update(_ strings: some Sequence<String>) {
    for string in strings {
      let bytes = Array(string.utf8)
      update(count: bytes.count)
      hash.update(data: bytes)
      byteCount += bytes.count
    }
  }

  /// The 32 bytes of the hash over everything so far.
  public var sha256: [UInt8] { Array(hash.finalize()) }

  /// `sha256` as 64 hexadecimal digits.
  public var hexadecimal: String { sha256.hexadecimal }

  /// What the manifest says about the array.
  ///
  /// - Parameter path: the array's absolute path inside the file.
  func entry(at path: String) -> Manifest.Entry {
    Manifest.Entry(
      path: String(path.drop { $0 == "/" }), type: type, shape: shape, byteCount: byteCount,
      sha256: hash.finalize().hexadecimal)
  }
}

extension Sequence<UInt8> {
  var hexadecimal: String {
    map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }
}

/// The SHA-256 of some text, as 64 hexadecimal digits.
func sha256(of text: String) -> String { sha256(of: Array(text.utf8)) }

/// The SHA-256 of some bytes, as 64 hexadecimal digits.
func sha256(of bytes: [UInt8]) -> String { SHA256.hash(data: bytes).hexadecimal }
