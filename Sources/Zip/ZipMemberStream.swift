internal import CZip
internal import Foundation

/// A member of an archive, unpacked as it is read, its checksum tested.
///
/// Nothing is handed out twice without having been checked: reading to the end tests the checksum,
/// and before the first jump the whole member is read once.
package final class ZipMemberStream: ByteStream {
  private let archive: ZipArchive
  private let member: ZipArchive.Member
  private var handle: OpaquePointer?
  private var position = 0
  private var isVerified = false
  /// Smaller gaps are read over; larger ones are jumped.
  private static let largestGap = 1 << 16

  package init(_ member: ZipArchive.Member, of archive: ZipArchive) {
    self.archive = archive
    self.member = member
  }

  deinit { rest() }

  package var isRandomAccess: Bool { member.isStored }

  package func length(upTo limit: Int) -> Int { member.size }

  /// Gives back what reading needs; the next read opens the member again.
  package func rest() {
    if let handle { zip_fclose(handle) }
    handle = nil
    position = 0
  }

  package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    guard offset < member.size else { return 0 }
    try move(to: offset)
    let count = min(buffer.count, member.size - offset)
    var done = 0
    while done < count {
      let got = try unpack(into: UnsafeMutableRawBufferPointer(rebasing: buffer[done..<count]))
      guard got > 0 else { throw failure(.damaged("it ends after \(position) bytes")) }
      done += got
    }
    if position == member.size { try finish() }
    return done
  }

  private func move(to offset: Int) throws {
    if handle != nil, offset == position { return }
    let isJump = offset < position || offset - position > Self.largestGap
    if isJump && !isVerified && (member.isStored || offset < position) {
      rest()
      try skip(to: member.size)
      try finish()
    }
    if isJump && member.isStored {
      guard zip_fseek(try open(), Int64(offset), SEEK_SET) == 0 else { throw readFailure() }
      position = offset
      return
    }
    if offset < position { rest() }
    try skip(to: offset)
  }

  private func skip(to offset: Int) throws {
    var scratch = [UInt8](repeating: 0, count: min(Self.largestGap, max(1, offset - position)))
    while position < offset {
      let count = min(scratch.count, offset - position)
      let got = try scratch.withUnsafeMutableBytes {
        try unpack(into: UnsafeMutableRawBufferPointer(rebasing: $0[..<count]))
      }
      guard got > 0 else { throw failure(.damaged("it ends after \(position) bytes")) }
    }
  }

  /// The library compares size and checksum when it is asked for bytes beyond the last.
  private func finish() throws {
    var byte: UInt8 = 0
    let got = try withUnsafeMutableBytes(of: &byte) { try unpack(into: $0) }
    guard got == 0 else {
      throw failure(.length(expected: member.size, found: .moreThan(member.size)))
    }
    isVerified = true
  }

  private func unpack(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    guard let base = buffer.baseAddress else { return 0 }
    let got = zip_fread(try open(), base, UInt64(buffer.count))
    guard got >= 0 else { throw readFailure() }
    position += Int(got)
    return Int(got)
  }

  private func open() throws -> OpaquePointer {
    if let handle { return handle }
    guard let opened = zip_fopen_index(archive.handle, member.index, 0) else {
      throw failure(.damaged(String(cString: zip_strerror(archive.handle))))
    }
    handle = opened
    position = 0
    return opened
  }

  private func readFailure() -> FileError {
    guard let handle else { return failure(.damaged("it cannot be read")) }
    let error = zip_file_get_error(handle)
    if zip_error_code_zip(error) == ZIP_ER_READ {
      return failure(.system(operation: .read, code: zip_error_code_system(error)))
    }
    return failure(.damaged(String(cString: zip_file_strerror(handle))))
  }

  private func failure(_ problem: FileError.Problem) -> FileError {
    FileError(file: archive.file, part: member.name, problem)
  }
}
