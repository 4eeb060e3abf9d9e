internal import Foundation
internal import Synchronization

/// A new file that takes its place only when it is complete.
///
/// It is written beside its target under the name `.<name>.<process>-<number>.tmp` and renamed.
/// Whatever happens on the way, the target is the old file or the new one; what a killed process
/// leaves behind goes when the next file for the same target is made.
package final class AtomicFile {
  /// Where the file will be; a symbolic link has been followed.
  package let target: String
  /// Where the file is written.
  package let temporary: String
  /// Where a part of it may be written first; it goes when this does.
  package let part: String
  private let path: String
  private let mode: mode_t?
  private let replacesExisting: Bool
  private var isDone = false

  /// - Parameter replacesExisting: whether a file may be there already.
  /// - Throws: `FileError` when no file can be made there.
  package init(for path: String, replacesExisting: Bool = true) throws {
    let (target, mode) = try Self.resolve(path)
    guard replacesExisting || mode == nil else {
      throw FileError(file: path, .refused("it exists already"))
    }
    (self.path, self.target, self.mode) = (path, target, mode)
    self.replacesExisting = replacesExisting
    let (directory, name) = Self.split(target)
    Self.removeLeftovers(of: name, in: directory)
    temporary = directory + Self.temporaryName(for: name)
    part = directory + Self.temporaryName(for: name)
  }

  deinit {
    discardPart()
    if !isDone { unlink(temporary) }
  }

  package func discardPart() { unlink(part) }

  /// Writes a whole file.
  package static func write(_ bytes: [UInt8], to path: String) throws {
    let file = try AtomicFile(for: path)
    let descriptor = try file.create()
    defer { close(descriptor) }
    try bytes.withUnsafeBytes { try writeAll($0, to: descriptor, file: path) }
    try file.finishWriting()
    try file.commit()
  }

  /// Creates the temporary file.
  ///
  /// - Returns: an open descriptor, which the caller closes. While it is open, no other process
  ///   takes the file for a leftover.
  package func create() throws -> Int32 {
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failure(.create) }
    // Where there are no locks, the number of the process has to do.
    flock(descriptor, LOCK_EX | LOCK_NB)
    return descriptor
  }

  /// Lets somebody write the temporary file by its path, and puts it in its place.
  ///
  /// - Throws: what `body` throws; then nothing is left behind.
  package func fill(_ body: (String) throws -> Void) throws {
    // Creating it first tells a folder that cannot be written to from a disk that is full.
    let descriptor = try create()
    defer { close(descriptor) }
    try body(temporary)
    try finishWriting()
    try commit()
  }

  /// Makes the file durable and gives it the permissions of the one that it replaces.
  package func finishWriting() throws {
    let descriptor = open(temporary, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(.write) }
    defer { close(descriptor) }
    if let mode, fchmod(descriptor, mode & 0o7777) != 0 { throw failure(.write) }
    guard fsync(descriptor) == 0 else { throw failure(.write) }
  }

  /// Puts the file in its place.
  ///
  /// - Parameter isUnchanged: tells whether the target is still the file that the new one was made
  ///   from, where it was. Whoever else has replaced it since must not lose that: it is found out,
  ///   and nothing is done.
  package func commit(ifStill isUnchanged: (() -> Bool)? = nil) throws {
    let directory = open(Self.split(target).directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw failure(.write) }
    defer { close(directory) }
    if let isUnchanged {
      // Nobody gets in between the look and the renaming. Where there are no locks, a look alone
      // is still better than none.
      flock(directory, LOCK_EX)
      guard isUnchanged() else { throw FileError(file: path, .replacedMeanwhile) }
    }
    if replacesExisting {
      guard rename(temporary, target) == 0 else { throw failure(.write) }
    } else {
      // Unlike renaming, linking does not replace what somebody made in the meantime.
      guard link(temporary, target) == 0 else { throw failure(.write) }
      unlink(temporary)
    }
    isDone = true
    // Some file systems cannot sync a directory, and say so.
    guard fsync(directory) == 0 || errno == EINVAL || errno == ENOTSUP else {
      throw failure(.write)
    }
  }

  /// Whether a path leads to the target.
  package func isTarget(_ path: String) -> Bool {
    guard let real = realpath(path, nil), let own = realpath(target, nil) else { return false }
    defer {
      free(real)
      free(own)
    }
    return strcmp(real, own) == 0
  }

  private func failure(_ operation: FileError.Operation) -> FileError {
    let code = errno
    let isRefusal = [EEXIST, EACCES, EPERM, EROFS].contains(code)
    return FileError(
      file: path, .system(operation: isRefusal ? .create : operation, code: code))
  }
}

extension AtomicFile {
  /// The real path of a new or existing file, and the permissions of an existing one.
  private static func resolve(_ path: String) throws -> (target: String, mode: mode_t?) {
    func refusal(_ reason: String) -> FileError { FileError(file: path, .refused(reason)) }
    guard !path.isEmpty, !path.hasSuffix("/") else { throw refusal("it names no file") }
    var status = stat()
    guard stat(path, &status) == 0 else {
      guard errno == ENOENT else { throw refusal(String(cString: strerror(errno))) }
      let directory = Self.split(path).directory
      var isDirectory: ObjCBool = false
      guard FileManager.default.fileExists(atPath: directory, isDirectory: &isDirectory),
        isDirectory.boolValue
      else { throw refusal("there is no directory \(quoted(directory))") }
      // A link that leads nowhere yet would be replaced itself, to somebody's surprise.
      guard lstat(path, &status) != 0 else { throw refusal("it is a link that leads nowhere") }
      return (path, nil)
    }
    guard status.st_mode & S_IFMT == S_IFREG else { throw refusal("it is not a regular file") }
    guard let real = realpath(path, nil) else {
      throw refusal(String(cString: strerror(errno)))
    }
    defer { free(real) }
    return (String(cString: real), status.st_mode)
  }

  /// The directory with its last slash, and the name in it.
  private static func split(_ path: String) -> (directory: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return ("./", path) }
    return (String(path[...slash]), String(path[path.index(after: slash)...]))
  }

  private static let counter = Counter()

  private static func temporaryName(for name: String) -> String {
    ".\(stem(name)).\(getpid())-\(counter.next()).tmp"
  }

  /// As much of a name as leaves room for the rest of the temporary one.
  private static func stem(_ name: String) -> String {
    String(decoding: name.utf8.prefix(200), as: UTF8.self)
  }

  /// Removes what a killed process left behind: its number is free and nobody holds a lock.
  private static func removeLeftovers(of name: String, in directory: String) {
    let prefix = ".\(stem(name))."
    for file in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] {
      guard file.hasPrefix(prefix), let end = file.range(of: ".tmp", options: .backwards),
        // The ZIP library writes beside the file that it is given, under a longer name.
        [0, 7].contains(file[end.upperBound...].utf8.count)
      else { continue }
      let start = file.index(file.startIndex, offsetBy: prefix.count)
      guard start <= end.lowerBound else { continue }
      let middle = file[start..<end.lowerBound].split(separator: "-")
      guard middle.count == 2, let process = pid_t(middle[0]), UInt64(middle[1]) != nil,
        process > 0, kill(process, 0) != 0, errno == ESRCH
      else { continue }
      removeUnlocked(directory + file)
    }
  }

  private static func removeUnlocked(_ path: String) {
    // A process elsewhere, on a shared disk or in a container, still holds HDF5's lock.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return }
    unlink(path)
  }
}

/// Counts up, for all threads.
private final class Counter: Sendable {
  private let value = Mutex<UInt64>(0)

  func next() -> UInt64 {
    value.withLock { value in
      value += 1
      return value
    }
  }
}
