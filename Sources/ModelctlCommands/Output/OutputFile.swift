internal import Foundation

/// Where a result is to be written, checked before any work is done for it.
struct OutputFile {
  let path: String

  /// - Parameters:
  ///   - inputs: files that must not be overwritten unless `inPlace`.
  /// - Throws: `CommandError` when the file is one of the inputs, is a folder, exists and may
  ///   not be replaced, or its folder is missing or read-only.
  init(_ path: String, inputs: [String], inPlace: Bool = false, noClobber: Bool = false) throws {
    self.path = path
    let files = FileManager.default
    var isDirectory: ObjCBool = false
    if files.fileExists(atPath: path, isDirectory: &isDirectory) {
      if isDirectory.boolValue {
        throw CommandError(.cannotCreate, "cannot create \(path.quoted): it is a folder")
      }
      for input in inputs where Self.isSameFile(input, path) && !inPlace {
        throw CommandError(
          .usage,
          "\(path.quoted) is the input itself; pass --in-place to replace it")
      }
      if noClobber {
        throw CommandError(.cannotCreate, "cannot create \(path.quoted): it exists (--no-clobber)")
      }
    }
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    guard files.fileExists(atPath: folder, isDirectory: &isDirectory), isDirectory.boolValue else {
      throw CommandError(
        .cannotCreate, "cannot create \(path.quoted): there is no folder \(folder.quoted)")
    }
    guard files.isWritableFile(atPath: folder) else {
      throw CommandError(
        .cannotCreate, "cannot create \(path.quoted): the folder \(folder.quoted) is read-only")
    }
  }

  /// Whether two paths, links followed, are one file.
  private static func isSameFile(_ left: String, _ right: String) -> Bool {
    var (a, b) = (stat(), stat())
    guard stat(left, &a) == 0, stat(right, &b) == 0 else { return false }
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino
  }
}
