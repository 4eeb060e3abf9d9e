internal import Foundation

/// The bytes of a file or of a member of an archive.
///
/// Reading forwards costs what is read; reading backwards may cost all that lies before.
/// A stream is not thread-safe.
package protocol ByteStream: AnyObject {
  /// Whether every offset costs the same.
  var isRandomAccess: Bool { get }

  /// How many bytes there are, or `limit + 1` when there are more than `limit`.
  func length(upTo limit: Int) throws -> Int

  /// Fills the buffer from `offset` on; returns fewer bytes only where the data end.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws -> Int
}

extension ByteStream {
  /// At most `count` bytes from `offset` on.
  package func bytes(at offset: Int, count: Int) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      initialized = try read(at: offset, into: UnsafeMutableRawBufferPointer(buffer))
    }
  }
}

/// A plain file, read where it is needed.
package final class FileByteStream: ByteStream {
  private let file: String
  private let descriptor: Int32
  private let size: Int

  package let isRandomAccess = true

  /// - Throws: `FileError.missing`, or `.system` when the file cannot be opened, or
  ///   `.mismatch` when it is a directory or a device.
  package init(path: String) throws {
    file = path
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      let code = errno
      let isMissing = code == ENOENT || code == ENOTDIR
      throw FileError(
        file: path, isMissing ? .missing : .system(operation: .open, code: code))
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let code = errno
      close(descriptor)
      throw FileError(file: path, .system(operation: .read, code: code))
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      let found = status.st_mode & S_IFMT == S_IFDIR ? "a directory" : "a pipe or device"
      throw FileError(file: path, .mismatch(expected: "a file", found: found))
    }
    size = Int(status.st_size)
  }

  /// Takes over an open descriptor.
  package init(adopting descriptor: Int32, size: Int, file: String) {
    self.descriptor = descriptor
    self.size = size
    self.file = file
  }

  deinit { close(descriptor) }

  package func length(upTo limit: Int) -> Int { size }

  package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    var done = 0
    while done < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      let count = pread(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else {
        throw FileError(file: file, .system(operation: .read, code: errno))
      }
      if count == 0 { break }
      done += count
    }
    return done
  }
}

/// Bytes that are in memory already.
package final class MemoryByteStream: ByteStream {
  private let bytes: [UInt8]

  package let isRandomAccess = true

  package init(_ bytes: [UInt8]) { self.bytes = bytes }

  package func length(upTo limit: Int) -> Int { bytes.count }

  package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let part = bytes.dropFirst(offset).prefix(buffer.count)
    buffer.copyBytes(from: part)
    return part.count
  }
}

extension FileByteStream {
  /// Copies a stream into a temporary file that has no name, so that any part of it is cheap.
  ///
  /// - Parameter length: how many bytes the stream has.
  package static func spooling(
    _ stream: any ByteStream, length: Int, file: String
  ) throws -> FileByteStream {
    let (path, descriptor) = try copy(stream, length: length, file: file)
    unlink(path)
    return FileByteStream(adopting: descriptor, size: length, file: file)
  }

  /// Copies a stream into a temporary file that only its user may read.
  ///
  /// - Returns: the file's path; the caller removes it.
  package static func unpacking(
    _ stream: any ByteStream, length: Int, file: String
  ) throws -> String {
    let (path, descriptor) = try copy(stream, length: length, file: file)
    close(descriptor)
    return path
  }

  private static func copy(
    _ stream: any ByteStream, length: Int, file: String
  ) throws -> (path: String, descriptor: Int32) {
    var template = FileManager.default.temporaryDirectory
      .appendingPathComponent("modelctl.XXXXXX").path.utf8CString.map { $0 }
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else {
      throw FileError(file: file, .system(operation: .write, code: errno))
    }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    do {
      try write(stream, length: length, to: descriptor, file: file)
    } catch {
      close(descriptor)
      unlink(template)
      throw error
    }
    return (
      String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self), descriptor
    )
  }

  private static func write(
    _ stream: any ByteStream, length: Int, to descriptor: Int32, file: String
  ) throws {
    var offset = 0
    while offset < length {
      let chunk = try stream.bytes(at: offset, count: min(1 << 20, length - offset))
      guard !chunk.isEmpty else {
        throw FileError(file: file, .length(expected: length, found: .exactly(offset)))
      }
      try chunk.withUnsafeBytes { try writeAll($0, to: descriptor, file: file) }
      offset += chunk.count
    }
  }
}

/// Writes every byte, however often the system takes only some.
package func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, file: String) throws {
  var done = 0
  while done < bytes.count {
    let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
    let count = write(descriptor, rest.baseAddress, rest.count)
    if count < 0 && errno == EINTR { continue }
    guard count >= 0 else {
      throw FileError(file: file, .system(operation: .write, code: errno))
    }
    done += count
  }
}
