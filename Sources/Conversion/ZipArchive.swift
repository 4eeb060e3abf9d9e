internal import CZip
internal import Foundation

/// A ZIP archive that is read; `.npz` files are such archives.
final class ZipArchive {
  /// One file of the archive.
  struct Member {
    let name: String
    let index: UInt64
    /// The unpacked size in bytes, as declared.
    let size: Int
    let isStored: Bool
  }

  let file: String
  let members: [Member]
  fileprivate let handle: OpaquePointer

  /// Opens an archive and checks what it says about its members.
  ///
  /// - Throws: `ConversionError` for a file that is no archive, for members of one name, for
  ///   encrypted members, for methods other than stored and deflated, and for members that claim
  ///   to unpack to more than 64 MiB and 1000 times what is stored.
  init(path: String) throws {
    var code: Int32 = 0
    guard let opened = zip_open(path, ZIP_RDONLY, &code) else {
      throw Self.openingFailure(path, code)
    }
    do {
      members = try Self.members(of: opened, file: path)
    } catch {
      zip_discard(opened)
      throw error
    }
    file = path
    handle = opened
  }

  deinit { zip_discard(handle) }

  /// Where unpacked data are too small to do harm.
  private static let expansionFloor: UInt64 = 64 << 20
  private static let expansionLimit: UInt64 = 1000

  private static func members(of handle: OpaquePointer, file: String) throws -> [Member] {
    let count = zip_get_num_entries(handle, 0)
    var members: [Member] = []
    var names: Set<String> = []
    var storedTotal: UInt64 = 0
    for index in 0..<UInt64(max(0, count)) {
      var status = zip_stat_t()
      zip_stat_init(&status)
      guard zip_stat_index(handle, index, 0, &status) == 0, let text = status.name else {
        throw ConversionError(file: file, .damaged(String(cString: zip_strerror(handle))))
      }
      let name = String(cString: text)
      guard names.insert(name).inserted else {
        throw ConversionError(file: file, array: name, .duplicate)
      }
      let member = try member(status, name: name, file: file)
      storedTotal = storedTotal.addingReportingOverflow(status.comp_size).partialValue
      members.append(member)
    }
    // Members that share their bytes unpack to far more than the file could hold.
    let size = UInt64(max(0, (try? FileByteStream(path: file).length(upTo: .max)) ?? 0))
    guard storedTotal <= size else {
      throw ConversionError(
        file: file,
        .mismatch(
          expected: "members of at most \(size) bytes, the size of the file",
          found: "\(storedTotal) bytes; members overlap"))
    }
    return members
  }

  private static func member(
    _ status: zip_stat_t, name: String, file: String
  ) throws -> Member {
    let needed = UInt64(ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD)
    guard status.valid & needed == needed, let size = Int(exactly: status.size) else {
      throw ConversionError(
        file: file, array: name, .mismatch(expected: "a size and a method", found: "neither"))
    }
    guard status.encryption_method == UInt16(ZIP_EM_NONE) else {
      throw ConversionError(
        file: file, array: name,
        .unsupported(what: "it is encrypted", advice: "decrypt it first"))
    }
    let isStored = Int32(status.comp_method) == ZIP_CM_STORE
    guard isStored || Int32(status.comp_method) == ZIP_CM_DEFLATE else {
      throw ConversionError(
        file: file, array: name,
        .unsupported(
          what: "it is packed by ZIP method \(status.comp_method)",
          advice: "pack it by numpy.savez or numpy.savez_compressed"))
    }
    let (plausible, overflow) = status.comp_size.multipliedReportingOverflow(by: expansionLimit)
    guard overflow || status.size <= max(expansionFloor, plausible) else {
      throw ConversionError(
        file: file, array: name,
        .expansion(declared: status.size, stored: status.comp_size))
    }
    guard !isStored || status.size == status.comp_size else {
      throw ConversionError(
        file: file, array: name,
        .mismatch(
          expected: "\(status.size) stored bytes", found: "\(status.comp_size)"))
    }
    return Member(name: name, index: status.index, size: size, isStored: isStored)
  }

  private static func openingFailure(_ path: String, _ code: Int32) -> ConversionError {
    let system = errno
    switch code {
    case ZIP_ER_NOENT: return ConversionError(file: path, .missing)
    case ZIP_ER_OPEN, ZIP_ER_READ, ZIP_ER_SEEK, ZIP_ER_MEMORY:
      return ConversionError(file: path, .system(operation: .open, code: system))
    default:
      var error = zip_error_t()
      zip_error_init_with_code(&error, code)
      defer { zip_error_fini(&error) }
      return ConversionError(
        file: path,
        .mismatch(
          expected: "a whole ZIP archive",
          found: "one that cannot be read (\(String(cString: zip_error_strerror(&error))))"))
    }
  }
}

/// A member of an archive, unpacked as it is read, its checksum tested.
///
/// Nothing is handed out twice without having been checked: reading to the end tests the checksum,
/// and before the first jump the whole member is read once.
final class ZipMemberStream: ByteStream {
  private let archive: ZipArchive
  private let member: ZipArchive.Member
  private var handle: OpaquePointer?
  private var position = 0
  private var isVerified = false
  /// Smaller gaps are read over; larger ones are jumped.
  private static let largestGap = 1 << 16

  init(_ member: ZipArchive.Member, of archive: ZipArchive) {
    self.archive = archive
    self.member = member
  }

  deinit { rest() }

  var isRandomAccess: Bool { member.isStored }

  func length(upTo limit: Int) -> Int { member.size }

  /// Gives back what reading needs; the next read opens the member again.
  func rest() {
    if let handle { zip_fclose(handle) }
    handle = nil
    position = 0
  }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
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

  private func readFailure() -> ConversionError {
    guard let handle else { return failure(.damaged("it cannot be read")) }
    let error = zip_file_get_error(handle)
    if zip_error_code_zip(error) == ZIP_ER_READ {
      return failure(.system(operation: .read, code: zip_error_code_system(error)))
    }
    return failure(.damaged(String(cString: zip_file_strerror(handle))))
  }

  private func failure(_ problem: ConversionError.Problem) -> ConversionError {
    ConversionError(file: archive.file, array: member.name, problem)
  }
}
