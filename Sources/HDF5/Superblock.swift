internal import Foundation

/// The first look at a file, before the library sees it.
///
/// A writer that was killed leaves a file whose stored length is beyond its real one, or whose
/// open mark is still set. Told here, in words; the library's own words for it are famous for
/// helping nobody.
///
/// - SeeAlso: HDF5 File Format Specification 3.0, "Disk Format: Level 0A".
enum Superblock {
  private static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]

  /// - Throws: `HDF5Error` unless the path is a regular file that starts and ends like HDF5.
  static func check(_ location: String, shownAs path: String) throws {
    let descriptor = try openFile(location, path)
    defer { close(descriptor) }
    let size = try regularSize(descriptor, path)
    guard let start = try findSignature(descriptor, size: size, path) else {
      throw HDF5Error(
        .badInput, "open file", path,
        reason: "not an HDF5 file (\(try opening(descriptor, size: size, path)))")
    }
    let head = try read(descriptor, at: start, count: 96, path)
    let fields = try Fields(head, path)
    // A file that was moved behind a user block keeps the addresses it had; so does the library.
    let end = fields.end &- fields.base &+ UInt64(start)
    if fields.end < fields.base || end > UInt64(size) {
      let expected = fields.end < fields.base ? fields.end : end
      throw HDF5Error(
        .badInput, "open file", path,
        reason: "it is truncated: \(size) of \(expected) bytes are there")
    }
    if fields.isOpenForWriting { throw openElsewhereOrLeft(descriptor, path) }
  }

  static func openFile(_ location: String, _ path: String) throws -> Int32 {
    // Opening a pipe would otherwise wait for a writer.
    let descriptor = open(location, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      let code = errno
      let kind: HDF5Error.Kind = code == ENOENT || code == ENOTDIR ? .notFound : .io
      throw HDF5Error(kind, "open file", path, reason: message(code))
    }
    return descriptor
  }

  static func regularSize(_ descriptor: Int32, _ path: String) throws -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw HDF5Error(.io, "open file", path, reason: message(errno))
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      let isDirectory = status.st_mode & S_IFMT == S_IFDIR
      throw HDF5Error(
        .badInput, "open file", path,
        reason: isDirectory ? "it is a directory" : "it is not a regular file, which HDF5 needs")
    }
    return Int(status.st_size)
  }

  /// The signature may come after a user block of 512 bytes or a power of two times as many.
  static func findSignature(
    _ descriptor: Int32, size: Int, _ path: String
  ) throws -> Int? {
    var offset = 0
    while offset <= size - signature.count {
      if try read(descriptor, at: offset, count: signature.count, path) == signature {
        return offset
      }
      // A sparse file can be so long that there is no next place.
      guard offset <= Int.max / 2 else { return nil }
      offset = offset == 0 ? 512 : offset * 2
    }
    return nil
  }

  private static func opening(
    _ descriptor: Int32, size: Int, _ path: String
  ) throws -> String {
    guard size > 0 else { return "it is empty" }
    let bytes = try read(descriptor, at: 0, count: min(size, 8), path)
    let shown = bytes.map { byte in
      (0x20..<0x7F).contains(byte) && byte != 0x5C && byte != 0x22
        ? String(UnicodeScalar(byte)) : "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    return "it starts with \"\(shown.joined())\""
  }

  static func read(
    _ descriptor: Int32, at offset: Int, count: Int, _ path: String
  ) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
      let found = bytes.withUnsafeMutableBytes { buffer in
        pread(
          descriptor, buffer.baseAddress?.advanced(by: filled), count - filled,
          off_t(offset + filled))
      }
      if found < 0, errno == EINTR { continue }
      guard found >= 0 else {
        throw HDF5Error(.io, "read file", path, reason: message(errno))
      }
      if found == 0 { break }
      filled += found
    }
    return [UInt8](bytes.prefix(filled))
  }

  /// The open mark is there while a writer lives, and after it was killed; a living one also
  /// holds a lock.
  private static func openElsewhereOrLeft(_ descriptor: Int32, _ path: String) -> HDF5Error {
    if flock(descriptor, LOCK_SH | LOCK_NB) != 0, errno == EWOULDBLOCK {
      return HDF5Error(.locked, "open file", path, reason: "another process is writing it")
    }
    return HDF5Error(
      .badInput, "open file", path,
      reason: "a writer left it open, so it may be incomplete (h5clear -s clears the mark)")
  }

  static func message(_ code: Int32) -> String { String(cString: strerror(code)) }
}

extension Superblock {
  /// The fields of a superblock that tell whether a file is whole.
  struct Fields {
    let base: UInt64
    let end: UInt64
    let isOpenForWriting: Bool

    init(_ head: [UInt8], _ path: String) throws {
      let version = head.count > 8 ? head[8] : 255
      let layout: (width: Int, base: Int, flags: Int?)
      switch version {
      case 0: layout = (13, 24, nil)
      case 1: layout = (13, 28, nil)
      case 2, 3: layout = (9, 12, 11)
      default:
        let found = head.count > 8 ? "is version \(version)" : "is cut off"
        throw HDF5Error(
          .badInput, "open file", path,
          reason: "its superblock \(found); versions 0 to 3 can be read")
      }
      let width = head.count > layout.width ? Int(head[layout.width]) : 0
      guard [2, 4, 8].contains(width), head.count >= layout.base + 3 * width else {
        throw HDF5Error(.badInput, "open file", path, reason: "its superblock is damaged")
      }
      func integer(at offset: Int) -> UInt64 {
        head[offset..<offset + width].reversed().reduce(0) { $0 << 8 | UInt64($1) }
      }
      base = integer(at: layout.base)
      end = integer(at: layout.base + 2 * width)
      isOpenForWriting = layout.flags.map { head[$0] & 1 != 0 } ?? false
    }
  }
}
