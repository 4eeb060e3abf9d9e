internal import CZip
internal import Foundation

/// What becomes one member of an archive: bytes that are made when they are written.
package struct ZipContent {
  package let name: String
  /// The sum of all chunks.
  package let byteCount: Int
  package let chunkCount: Int
  /// The chunks in order; each is asked for once.
  package let chunk: (Int) throws -> [UInt8]

  package init(
    name: String, byteCount: Int, chunkCount: Int, chunk: @escaping (Int) throws -> [UInt8]
  ) {
    self.name = name
    self.byteCount = byteCount
    self.chunkCount = chunkCount
    self.chunk = chunk
  }

  /// The first `byteCount` bytes of a stream.
  package init(
    name: String, byteCount: Int, copying stream: any ByteStream,
    checkInterruption: @escaping () throws -> Void = {}
  ) {
    let size = 1 << 20
    self.init(name: name, byteCount: byteCount, chunkCount: (byteCount + size - 1) / size) {
      try checkInterruption()
      return try stream.bytes(at: $0 * size, count: min(size, byteCount - $0 * size))
    }
  }
}

/// Writes archives whose bytes depend on their members alone: stored, dated 1980-01-01 in every
/// time zone, in the given order.
package enum ZipWriter {
  /// Writes an archive over an existing file, which its owner puts in place or discards.
  ///
  /// - Parameters:
  ///   - temporary: the file that is written.
  ///   - path: what messages call it.
  /// - Throws: `FileError`, or what a member's `chunk` throws.
  package static func write(
    _ members: [ZipContent], to temporary: String, for path: String
  ) throws {
    var code: Int32 = 0
    guard let handle = zip_open(temporary, ZIP_CREATE | ZIP_TRUNCATE, &code) else {
      throw FileError(file: path, .system(operation: .create, code: errno))
    }
    let sources = members.map { ZipContentSource($0) }
    do {
      for source in sources { try add(source, to: handle, path) }
    } catch {
      zip_discard(handle)
      throw error
    }
    // The library asks the sources for their bytes now.
    let result = withExtendedLifetime(sources) { zip_close(handle) }
    guard result == 0 else {
      let system = zip_error_code_system(zip_get_error(handle))
      let text = String(cString: zip_strerror(handle))
      zip_discard(handle)
      for source in sources { if let failure = source.failure { throw failure } }
      throw FileError(
        file: path, system > 0 ? .system(operation: .write, code: system) : .damaged(text))
    }
  }

  /// As MS-DOS counts days.
  private static let january1980: UInt16 = 1 << 5 | 1

  private static func add(
    _ source: ZipContentSource, to handle: OpaquePointer, _ path: String
  ) throws {
    func failure() -> FileError {
      FileError(
        file: path, part: source.content.name,
        .mismatch(
          expected: "a name and data for a ZIP archive",
          found: String(cString: zip_strerror(handle))))
    }
    if source.content.name.hasSuffix("/"), source.content.byteCount == 0 {
      let index = zip_dir_add(handle, source.content.name, zip_flags_t(ZIP_FL_ENC_UTF_8))
      guard index >= 0, zip_file_set_dostime(handle, UInt64(index), 0, january1980, 0) == 0 else {
        throw failure()
      }
      return
    }
    let pointer = Unmanaged.passUnretained(source).toOpaque()
    guard let made = zip_source_function(handle, zipContentCallback, pointer) else {
      throw failure()
    }
    let index = zip_file_add(handle, source.content.name, made, zip_flags_t(ZIP_FL_ENC_UTF_8))
    guard index >= 0 else {
      zip_source_free(made)
      throw failure()
    }
    guard zip_set_file_compression(handle, UInt64(index), ZIP_CM_STORE, 0) == 0,
      zip_file_set_dostime(handle, UInt64(index), 0, january1980, 0) == 0
    else { throw failure() }
  }
}

/// Hands a member's bytes to libzip as it asks for them.
private final class ZipContentSource {
  let content: ZipContent
  /// What went wrong while bytes were made; libzip itself carries only numbers.
  private(set) var failure: (any Error)?
  private var nextChunk = 0
  private var current: ArraySlice<UInt8> = []
  private var handed = 0

  init(_ content: ZipContent) { self.content = content }

  func open() {
    nextChunk = 0
    current = []
    handed = 0
  }

  /// - Returns: how many bytes there are now; 0 at the end, -1 on failure.
  func read(into buffer: UnsafeMutableRawBufferPointer) -> Int64 {
    do {
      var done = 0
      while done < buffer.count {
        if current.isEmpty {
          guard nextChunk < content.chunkCount else { break }
          current = try content.chunk(nextChunk)[...]
          nextChunk += 1
          continue
        }
        let count = min(current.count, buffer.count - done)
        UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
          .copyBytes(from: current.prefix(count))
        current = current.dropFirst(count)
        done += count
      }
      handed += done
      let isAtEnd = current.isEmpty && nextChunk == content.chunkCount
      guard handed <= content.byteCount, !isAtEnd || handed == content.byteCount else {
        throw FileError(
          file: content.name, .length(expected: content.byteCount, found: .exactly(handed)))
      }
      return Int64(done)
    } catch {
      failure = error
      return -1
    }
  }
}

/// libzip's way to ask a source for something; -1 is failure.
private func zipContentCallback(
  _ state: UnsafeMutableRawPointer?, _ data: UnsafeMutableRawPointer?, _ length: UInt64,
  _ command: zip_source_cmd_t
) -> Int64 {
  guard let state else { return -1 }
  let source = Unmanaged<ZipContentSource>.fromOpaque(state).takeUnretainedValue()
  switch command {
  case ZIP_SOURCE_SUPPORTS:
    return [
      ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR,
      ZIP_SOURCE_FREE,
    ].reduce(0) { $0 | 1 << Int64($1.rawValue) }
  case ZIP_SOURCE_OPEN:
    source.open()
    return 0
  case ZIP_SOURCE_READ:
    guard let data else { return length == 0 ? 0 : -1 }
    return source.read(into: UnsafeMutableRawBufferPointer(start: data, count: Int(length)))
  case ZIP_SOURCE_STAT:
    guard let status = data?.assumingMemoryBound(to: zip_stat_t.self) else { return -1 }
    zip_stat_init(status)
    status.pointee.size = UInt64(source.content.byteCount)
    status.pointee.valid = UInt64(ZIP_STAT_SIZE)
    return Int64(MemoryLayout<zip_stat_t>.size)
  case ZIP_SOURCE_ERROR:
    guard let codes = data?.assumingMemoryBound(to: Int32.self) else { return -1 }
    codes[0] = ZIP_ER_READ
    codes[1] = 0
    return Int64(2 * MemoryLayout<Int32>.size)
  case ZIP_SOURCE_CLOSE, ZIP_SOURCE_FREE: return 0
  default: return -1
  }
}
