internal import CZlib
internal import Foundation

/// What a gzip file unpacks to, unpacked as it is read.
///
/// Memory does not grow with the data. Reading backwards starts again at the beginning.
package final class GzipByteStream: ByteStream {
  private let file: String
  private let handle: gzFile
  private var position = 0
  private var scratch = [UInt8](repeating: 0, count: 1 << 16)

  package let isRandomAccess = false

  package init(path: String) throws {
    file = path
    guard let opened = gzopen(path, "rbe") else {
      let code = errno
      throw FileError(
        file: path, code == ENOENT ? .missing : .system(operation: .open, code: code))
    }
    handle = opened
    gzbuffer(handle, 1 << 17)
  }

  deinit { gzclose_r(handle) }

  package func length(upTo limit: Int) throws -> Int {
    try rewind()
    while position <= limit {
      let count = min(scratch.count, limit - position + 1)
      let got = try scratch.withUnsafeMutableBytes {
        try unpack(into: UnsafeMutableRawBufferPointer(rebasing: $0[..<count]))
      }
      if got == 0 { break }
    }
    return position
  }

  package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    if offset < position { try rewind() }
    while position < offset {
      let count = min(scratch.count, offset - position)
      let got = try scratch.withUnsafeMutableBytes {
        try unpack(into: UnsafeMutableRawBufferPointer(rebasing: $0[..<count]))
      }
      if got == 0 { return 0 }
    }
    var done = 0
    while done < buffer.count {
      let end = min(buffer.count, done + (1 << 30))
      let got = try unpack(into: UnsafeMutableRawBufferPointer(rebasing: buffer[done..<end]))
      if got == 0 { break }
      done += got
    }
    return done
  }

  private func rewind() throws {
    guard position > 0 else { return }
    guard gzrewind(handle) == 0 else { throw failure() }
    position = 0
  }

  private func unpack(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let got = gzread(handle, buffer.baseAddress, UInt32(buffer.count))
    guard got >= 0 else { throw failure() }
    // A stream that stops in the middle gives what it has, and says so only when asked.
    if Int(got) < buffer.count {
      var code = Z_OK
      _ = gzerror(handle, &code)
      guard code == Z_OK || code == Z_STREAM_END else { throw failure() }
    }
    position += Int(got)
    return Int(got)
  }

  private func failure() -> FileError {
    var code = Z_OK
    let text = gzerror(handle, &code).map { String(cString: $0) } ?? "unknown"
    switch code {
    case Z_ERRNO: return FileError(file: file, .system(operation: .read, code: errno))
    case Z_BUF_ERROR:
      return FileError(
        file: file, .damaged("the gzip data end in the middle, after \(position) unpacked bytes"))
    default:
      return FileError(file: file, .damaged("the gzip data are damaged (\(text))"))
    }
  }
}
