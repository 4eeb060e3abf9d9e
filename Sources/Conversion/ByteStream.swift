internal import Foundation

/// The bytes of a file or of a member of an archive.
///
/// Reading forwards costs what is read; reading backwards may cost all that lies before.
/// A stream is not thread-safe.
protocol ByteStream: AnyObject {
  /// Whether every offset costs the same.
  var isRandomAccess: Bool { get }

  /// How many bytes there are, or `limit + 1` when there are more than `limit`.
  func length(upTo limit: Int) throws -> Int

  /// Fills the buffer from `offset` on; returns fewer bytes only where the data end.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws -> Int
}

extension ByteStream {
  /// At most `count` bytes from `offset` on.
  func bytes(at offset: Int, count: Int) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      initialized = try read(at: offset, into: UnsafeMutableRawBufferPointer(buffer))
    }
  }
}

/// A plain file, read where it is needed.
final class FileByteStream: ByteStream {
  private let file: String
  private let descriptor: Int32
  private let size: Int

  let isRandomAccess = true

  /// - Throws: `ConversionError.missing`, or `.system` when the file cannot be opened, or
  ///   `.mismatch` when it is a directory or a device.
  init(path: String) throws {
    file = path
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      let code = errno
      let isMissing = code == ENOENT || code == ENOTDIR
      throw ConversionError(
        file: path, isMissing ? .missing : .system(operation: .open, code: code))
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let code = errno
      close(descriptor)
      throw ConversionError(file: path, .system(operation: .read, code: code))
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      let found = status.st_mode & S_IFMT == S_IFDIR ? "a directory" : "a pipe or device"
      throw ConversionError(file: path, .mismatch(expected: "a file", found: found))
    }
    size = Int(status.st_size)
  }

  /// Takes over an open descriptor.
  init(adopting descriptor: Int32, size: Int, file: String) {
    self.descriptor = descriptor
    self.size = size
    self.file = file
  }

  deinit { close(descriptor) }

  func length(upTo limit: Int) -> Int { size }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    var done = 0
    while done < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      let count = pread(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else {
        throw ConversionError(file: file, .system(operation: .read, code: errno))
      }
      if count == 0 { break }
      done += count
    }
    return done
  }
}

/// Bytes that are in memory already.
final class MemoryByteStream: ByteStream {
  private let bytes: [UInt8]

  let isRandomAccess = true

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func length(upTo limit: Int) -> Int { bytes.count }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let part = bytes.dropFirst(offset).prefix(buffer.count)
    buffer.copyBytes(from: part)
    return part.count
  }
}

extension FileByteStream {
  /// Copies a stream into a temporary file that has no name, so that any part of it is cheap.
  ///
  /// - Parameter length: how many bytes the stream has.
  static func spooling(
    _ stream: any ByteStream, length: Int, file: String
  ) throws -> FileByteStream {
    var template = FileManager.default.temporaryDirectory
      .appendingPathComponent("modelctl.XXXXXX").path.utf8CString.map { $0 }
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else {
      throw ConversionError(file: file, .system(operation: .write, code: errno))
    }
    unlink(template)
    let spool = FileByteStream(adopting: descriptor, size: length, file: file)
    var offset = 0
    while offset < length {
      let chunk = try stream.bytes(at: offset, count: min(1 << 20, length - offset))
      guard !chunk.isEmpty else {
        throw ConversionError(file: file, .length(expected: length, found: .exactly(offset)))
      }
      try chunk.withUnsafeBytes { try writeAll($0, to: descriptor, file: file) }
      offset += chunk.count
    }
    return spool
  }
}

/// Writes every byte, however often the system takes only some.
func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, file: String) throws {
  var done = 0
  while done < bytes.count {
    let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
    let count = write(descriptor, rest.baseAddress, rest.count)
    if count < 0 && errno == EINTR { continue }
    guard count >= 0 else {
      throw ConversionError(file: file, .system(operation: .write, code: errno))
    }
    done += count
  }
}
