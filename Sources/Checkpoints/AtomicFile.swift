internal import Foundation
internal import HDF5
internal import Synchronization

/// A new file that takes its place only when it is complete.
///
/// It is written beside its target under the name `.<name>.<process>-<number>.tmp`, checked, and
/// renamed. Whatever happens on the way, the target is the old file or the new one.
final class AtomicFile {
  /// Where the file will be; a symbolic link has been followed.
  let target: String
  /// Where the file is written.
  let temporary: String
  /// Where a part of it may be written first; it goes when this does.
  let part: String
  private let mode: mode_t?
  private let replacesExisting: Bool
  private var isDone = false

  /// - Parameter replacesExisting: whether a file may be there already.
  /// - Throws: `CheckpointError` when no file can be made there.
  init(for path: String, replacesExisting: Bool) throws {
    let (target, mode) = try Self.resolve(path)
    guard replacesExisting || mode == nil else {
      throw CheckpointError(path, .cannotCreate(reason: "it exists already"))
    }
    (self.target, self.mode, self.replacesExisting) = (target, mode, replacesExisting)
    let (directory, name) = Self.split(target)
    Self.removeLeftovers(of: name, in: directory)
    temporary = directory + Self.temporaryName(for: name)
    part = directory + Self.temporaryName(for: name)
  }

  deinit {
    discardPart()
    if !isDone { unlink(temporary) }
  }

  func discardPart() { unlink(part) }

  /// Makes the file durable and gives it the permissions of the one that it replaces.
  func finishWriting() throws {
    let descriptor = open(temporary, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure() }
    defer { close(descriptor) }
    if let mode, fchmod(descriptor, mode & 0o7777) != 0 { throw failure() }
    guard fsync(descriptor) == 0 else { throw failure() }
  }

  /// Puts the file in its place.
  ///
  /// - Parameter source: the file that the new one was made from, when it is the target too.
  ///   Whoever else has replaced it since must not lose that: it is found out, and nothing is done.
  func commit(inPlaceOf source: HDF5File? = nil) throws {
    let directory = open(Self.split(target).directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw failure() }
    defer { close(directory) }
    if let source {
      // Nobody gets in between the look and the renaming. Where there are no locks, a look alone
      // is still better than none.
      flock(directory, LOCK_EX)
      guard source.isFile(at: target) else { throw CheckpointError(target, .replacedMeanwhile) }
    }
    if replacesExisting {
      guard rename(temporary, target) == 0 else { throw failure() }
    } else {
      // Unlike renaming, linking does not replace what somebody made in the meantime.
      guard link(temporary, target) == 0 else { throw failure() }
      unlink(temporary)
    }
    isDone = true
    // Some file systems cannot sync a directory, and say so.
    guard fsync(directory) == 0 || errno == EINVAL || errno == ENOTSUP else { throw failure() }
  }

  /// Whether a path leads to the target.
  func isTarget(_ path: String) -> Bool {
    guard let real = realpath(path, nil), let own = realpath(target, nil) else { return false }
    defer {
      free(real)
      free(own)
    }
    return strcmp(real, own) == 0
  }

  private func failure() -> CheckpointError {
    let code = errno
    let reason = String(cString: strerror(code))
    guard code != EEXIST, code != EACCES, code != EPERM, code != EROFS else {
      return CheckpointError(target, .cannotCreate(reason: reason))
    }
    return CheckpointError(
      target, code == ENOSPC || code == EDQUOT ? .noSpace(reason: reason) : .io(reason: reason))
  }
}

extension AtomicFile {
  /// The real path of a new or existing file, and the permissions of an existing one.
  private static func resolve(_ path: String) throws -> (target: String, mode: mode_t?) {
    func refusal(_ reason: String) -> CheckpointError {
      CheckpointError(path, .cannotCreate(reason: reason))
    }
    guard !path.isEmpty, !path.hasSuffix("/") else { throw refusal("it names no file") }
    var status = stat()
    guard stat(path, &status) == 0 else {
      guard errno == ENOENT else { throw refusal(String(cString: strerror(errno))) }
      let directory = Self.split(path).directory
      var isDirectory: ObjCBool = false
      guard FileManager.default.fileExists(atPath: directory, isDirectory: &isDirectory),
        isDirectory.boolValue
      else { throw refusal("there is no directory \(Quoted(directory))") }
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
