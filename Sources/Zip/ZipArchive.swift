internal import CZip
internal import Foundation

/// A ZIP archive that is read; `.npz` files are such archives.
package final class ZipArchive {
  /// One file of the archive.
  package struct Member {
    package let name: String
    let index: UInt64
    /// The unpacked size in bytes, as declared.
    package let size: Int
    /// The CRC-32 of the unpacked bytes.
    package let checksum: UInt32
    package let isStored: Bool
  }

  package let file: String
  package let members: [Member]
  let handle: OpaquePointer

  /// Opens an archive and checks what it says about its members.
  ///
  /// - Throws: `FileError` for a file that is no archive, for members of one name, for
  ///   encrypted members, for methods other than stored and deflated, and for members that claim
  ///   to unpack to more than 64 MiB and 1000 times what is stored.
  package init(path: String) throws {
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
        throw FileError(file: file, .damaged(String(cString: zip_strerror(handle))))
      }
      let name = String(cString: text)
      guard names.insert(name).inserted else {
        throw FileError(file: file, part: name, .duplicate)
      }
      let member = try member(status, name: name, file: file)
      storedTotal = storedTotal.addingReportingOverflow(status.comp_size).partialValue
      members.append(member)
    }
    // Members that share their bytes unpack to far more than the file could hold.
    let size = UInt64(max(0, (try? FileByteStream(path: file).length(upTo: .max)) ?? 0))
    guard storedTotal <= size else {
      throw FileError(
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
    let needed = UInt64(ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_CRC)
    guard status.valid & needed == needed, let size = Int(exactly: status.size) else {
      throw FileError(
        file: file, part: name,
        .mismatch(expected: "a size, a method and a checksum", found: "less"))
    }
    guard status.encryption_method == UInt16(ZIP_EM_NONE) else {
      throw FileError(
        file: file, part: name,
        .unsupported(what: "it is encrypted", advice: "decrypt it first"))
    }
    let isStored = Int32(status.comp_method) == ZIP_CM_STORE
    guard isStored || Int32(status.comp_method) == ZIP_CM_DEFLATE else {
      throw FileError(
        file: file, part: name,
        .unsupported(
          what: "it is packed by ZIP method \(status.comp_method)",
          advice: "pack it anew, stored or deflated"))
    }
    let (plausible, overflow) = status.comp_size.multipliedReportingOverflow(by: expansionLimit)
    guard overflow || status.size <= max(expansionFloor, plausible) else {
      throw FileError(
        file: file, part: name,
        .expansion(declared: status.size, stored: status.comp_size))
    }
    guard !isStored || status.size == status.comp_size else {
      throw FileError(
        file: file, part: name,
        .mismatch(
          expected: "\(status.size) stored bytes", found: "\(status.comp_size)"))
    }
    return Member(
      name: name, index: status.index, size: size, checksum: status.crc, isStored: isStored)
  }

  private static func openingFailure(_ path: String, _ code: Int32) -> FileError {
    let system = errno
    switch code {
    case ZIP_ER_NOENT: return FileError(file: path, .missing)
    case ZIP_ER_OPEN, ZIP_ER_READ, ZIP_ER_SEEK, ZIP_ER_MEMORY:
      return FileError(file: path, .system(operation: .open, code: system))
    default:
      var error = zip_error_t()
      zip_error_init_with_code(&error, code)
      defer { zip_error_fini(&error) }
      return FileError(
        file: path,
        .mismatch(
          expected: "a whole ZIP archive",
          found: "one that cannot be read (\(String(cString: zip_error_strerror(&error))))"))
    }
  }
}
