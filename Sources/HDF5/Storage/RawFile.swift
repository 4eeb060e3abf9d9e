internal import Foundation

/// The bytes of a file, whatever the HDF5 library makes of them.
public final class RawFile {
  public let path: String
  public let byteCount: Int
  private let descriptor: Int32

  /// - Throws: `HDF5Error` unless the path is a regular file that can be read.
  public convenience init(_ path: String) throws {
    try self.init(Superblock.openFile(path, path), path)
  }

  /// The bytes of an open file, which need not have a name any more.
  public convenience init(of file: HDF5File) throws {
    var descriptor: Int32 = -1
    HDF5File.withDescriptor(of: try file.identifier()) { descriptor = dup($0) }
    guard descriptor >= 0 else {
      throw HDF5Error(.io, "read file", file.path, reason: Superblock.message(errno))
    }
    try self.init(descriptor, file.path)
  }

  private init(_ descriptor: Int32, _ path: String) throws {
    self.path = path
    self.descriptor = descriptor
    do { byteCount = try Superblock.regularSize(descriptor, path) } catch {
      close(descriptor)
      throw error
    }
  }

  deinit { close(descriptor) }

  /// Reads a part of the file.
  ///
  /// - Throws: `HDF5Error` when the part is not inside the file.
  public func bytes(_ range: Range<Int>) throws -> [UInt8] {
    guard range.lowerBound >= 0, range.upperBound <= byteCount else {
      throw HDF5Error(
        .badInput, "read file", path, reason: "bytes \(range) are not among its \(byteCount)")
    }
    let bytes = try Superblock.read(
      descriptor, at: range.lowerBound, count: range.count, path)
    guard bytes.count == range.count else {
      throw HDF5Error(.io, "read file", path, reason: "it became shorter while it was read")
    }
    return bytes
  }

  /// Hands over a part of the file, one block after another.
  ///
  /// - Parameter body: gets where the block starts, and its bytes.
  public func forEachBlock(
    of range: Range<Int>? = nil, _ body: (Int, [UInt8]) throws -> Void
  ) throws {
    let range = range ?? 0..<byteCount
    for start in stride(from: range.lowerBound, to: range.upperBound, by: 1 << 20) {
      try body(start, bytes(start..<min(start + (1 << 20), range.upperBound)))
    }
  }

  func signatureOffset() throws -> Int {
    guard let start = try Superblock.findSignature(descriptor, size: byteCount, path) else {
      throw HDF5Error(.badInput, "open file", path, reason: "not an HDF5 file")
    }
    return start
  }
}
