internal import CHDF5
internal import Foundation

/// An HDF5 file, open for reading or being written for the first time.
///
/// There is no opening for change: HDF5 leaves old bytes behind when it edits, and a file that
/// is written anew cannot. A file and what comes from it belong to one owner; several files can
/// be used from several threads.
public final class HDF5File {
  /// What messages call the file: its path, as a rule.
  public let path: String
  public let limits: HDF5Limits
  let scope = FileScope()
  private var handle: Handle?
  /// Every object that may be opened, by its absolute path.
  private var objects: [String: HDF5Node] = [:]

  /// Opens a file and looks at everything in it, without reading any data.
  ///
  /// A file gets through only when it is whole and keeps to itself: hard links only, no data in
  /// other files, no filters but deflate, shuffle and fletcher32, and sizes within the limits.
  ///
  /// - Parameter name: what messages call the file, where its path would tell nobody anything.
  /// - Throws: `HDF5Error`, which names the object at fault.
  public init(
    reading location: String, shownAs name: String? = nil, limits: HDF5Limits = HDF5Limits()
  ) throws {
    let path = name ?? location
    self.path = path
    self.limits = limits
    try Superblock.check(location, shownAs: path)
    let access = try Self.makeAccessList(path)
    let handle = try Handle("open file", path) {
      H5Fopen(location, chdf5_read_only(), access.id)
    }
    Self.closeOnExec(handle.id)
    var gate = Gate(file: handle.id, path: path, limits: limits)
    objects = try gate.look()
    self.handle = consume handle
  }

  /// Makes a new file; equal calls on it give equal bytes.
  ///
  /// - Throws: `HDF5Error`, also when something with that name is there already.
  public init(creating path: String) throws {
    self.path = path
    self.limits = HDF5Limits()
    let access = try Self.makeAccessList(path)
    let creation = try Handle("create file", path) { H5Pcreate(chdf5_file_creation()) }
    try HDF5Library.call("create file", path) { H5Pset_obj_track_times(creation.id, false) }
    let handle = try Handle("create file", path, failing: .cannotCreate) {
      H5Fcreate(path, chdf5_create_exclusively(), creation.id, access.id)
    }
    Self.closeOnExec(handle.id)
    self.handle = consume handle
    objects["/"] = .group([])
  }

  private static func makeAccessList(_ path: String) throws -> Handle {
    let list = try Handle("open file", path) { H5Pcreate(chdf5_file_access()) }
    try HDF5Library.call("open file", path) { () -> Int32 in
      guard H5Pset_fclose_degree(list.id, H5F_CLOSE_STRONG) >= 0 else { return -1 }
      // Pinned, so that a later library writes the same bytes as this one.
      guard H5Pset_libver_bounds(list.id, H5F_LIBVER_V18, H5F_LIBVER_V110) >= 0 else { return -1 }
      // Some network file systems cannot lock; reading from them is still fine.
      return H5Pset_file_locking(list.id, true, true)
    }
    return list
  }

  /// Writes out what is still in memory and closes the file.
  ///
  /// Groups and datasets of the file cannot be used afterwards. Closing twice does nothing.
  public func close() throws {
    guard let handle = handle.take() else { return }
    let path = path
    let id = handle.id
    defer { scope.isOpen = false }
    do {
      try HDF5Library.call("write file", path, failing: .io) {
        H5Fflush(id, H5F_SCOPE_GLOBAL)
      }
    } catch {
      // The handle must go all the same; its own failure would tell nothing new.
      _ = try? handle.close(path)
      throw error
    }
    Self.withDescriptor(of: id) { descriptor in
      // A child process that is just being started shares the lock until it runs its program.
      flock(descriptor, LOCK_UN)
    }
    try handle.close(path)
  }

  /// Keeps child processes from holding the file, and its lock, open.
  private static func closeOnExec(_ id: Int64) {
    withDescriptor(of: id) { descriptor in
      let flags = fcntl(descriptor, F_GETFD)
      if flags >= 0 { _ = fcntl(descriptor, F_SETFD, flags | FD_CLOEXEC) }
    }
  }

  /// Whether this very file, and not another one that took its name, is at a path.
  public func isFile(at path: String) -> Bool {
    guard let id = handle?.id else { return false }
    var (own, other) = (stat(), stat())
    var isKnown = false
    Self.withDescriptor(of: id) { isKnown = fstat($0, &own) == 0 }
    return isKnown && stat(path, &other) == 0 && own.st_dev == other.st_dev
      && own.st_ino == other.st_ino
  }

  static func withDescriptor(of id: Int64, _ body: (Int32) -> Void) {
    HDF5Library.query {
      var pointer: UnsafeMutableRawPointer?
      guard H5Fget_vfd_handle(id, 0, &pointer) >= 0, let pointer else { return }
      body(pointer.load(as: Int32.self))
    }
  }

  deinit {
    // Handles of objects that outlive the file must not touch their identifiers.
    scope.isOpen = false
  }

  func identifier() throws -> Int64 {
    guard let id = handle?.id else {
      throw HDF5Error(.io, "use file", path, reason: "the file is closed")
    }
    return id
  }

  /// A path inside the file, as it is shown in messages.
  func subject(_ object: String) -> String { path + ":" + object }
}

/// What the gate found at a path.
public enum HDF5Node: Hashable, Sendable {
  /// The names of the links in a group, in its own order.
  case group([String])
  case dataset(HDF5DatasetDescription)
}

extension HDF5File {
  /// What is at an absolute path, or nil when nothing is.
  public func node(at path: String) -> HDF5Node? { objects[path] }

  /// The absolute paths of all groups and datasets, in no order.
  public var paths: some Collection<String> { objects.keys }

  /// What all datasets together take in memory, where their elements have a size.
  public var declaredByteCount: Int {
    objects.values.reduce(0) { sum, node in
      guard case .dataset(let dataset) = node else { return sum }
      return sum.addingReportingOverflow(dataset.byteCount ?? 0).partialValue
    }
  }

  /// The names in a group, or nothing when there is no such group.
  public func names(in group: String) -> [String] {
    guard case .group(let names) = objects[group] else { return [] }
    return names
  }

  public var root: HDF5Group {
    get throws { try group(at: "/") }
  }

  /// - Throws: `HDF5Error` when there is no group at the path.
  public func group(at path: String) throws -> HDF5Group {
    guard case .group = objects[path] else {
      throw HDF5Error(.badInput, "open group", subject(path), reason: found(at: path))
    }
    return try HDF5Group(opening: path, in: self)
  }

  /// - Throws: `HDF5Error` when there is no dataset at the path.
  public func dataset(at path: String) throws -> HDF5Dataset {
    guard case .dataset(let description) = objects[path] else {
      throw HDF5Error(.badInput, "open dataset", subject(path), reason: found(at: path))
    }
    return try HDF5Dataset(opening: path, in: self, description)
  }

  private func found(at path: String) -> String {
    switch objects[path] {
    case .group: "it is a group"
    case .dataset: "it is a dataset"
    case nil: "it is not there"
    }
  }

  /// Notes a new object, so that it can be opened by its path.
  func register(_ node: HDF5Node, at path: String) { objects[path] = node }

  /// The path of something in a group.
  public static func path(_ group: String, _ name: String) -> String {
    group == "/" ? "/" + name : group + "/" + name
  }
}
