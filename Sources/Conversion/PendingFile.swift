internal import Foundation
internal import Zip

/// A file that appears under its own name whole, or not at all.
///
/// It grows beside its target as `.<name>.<random>.tmp`; `commit()` syncs and renames it.
struct PendingFile {
  let path: String
  let temporary: String

  init(replacing path: String) {
    self.path = path
    let target = path as NSString
    let random = String(UInt64.random(in: 0...(.max)), radix: 36)
    temporary = (target.deletingLastPathComponent as NSString)
      .appendingPathComponent(".\(target.lastPathComponent).\(random).tmp")
  }

  /// Creates the temporary file.
  ///
  /// - Returns: an open descriptor, which the caller closes.
  func create() throws -> Int32 {
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failure(.create) }
    return descriptor
  }

  /// Lets somebody write the temporary file by its path, and puts it in its place.
  ///
  /// - Throws: what `body` throws; then nothing is left behind.
  func fill(_ body: (String) throws -> Void) throws {
    // Creating it first tells a folder that cannot be written to from a disk that is full.
    close(try create())
    do { try body(temporary) } catch {
      discard()
      throw error
    }
    try commit()
  }

  /// Puts the finished file in its place, on the disk as well as in the folder.
  func commit() throws {
    do {
      try sync(temporary)
      guard rename(temporary, path) == 0 else { throw failure(.create) }
      let folder = (path as NSString).deletingLastPathComponent
      try sync(folder.isEmpty ? "." : folder)
    } catch {
      discard()
      throw error
    }
  }

  /// Leaves nothing behind.
  func discard() { unlink(temporary) }

  private func sync(_ path: String) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(.write) }
    defer { close(descriptor) }
    // Some file systems cannot sync a folder, and say so with EINVAL.
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw failure(.write) }
  }

  private func failure(_ operation: ConversionError.Operation) -> ConversionError {
    ConversionError(file: path, .system(operation: operation, code: errno))
  }
}
