internal import CHDF5
internal import Foundation

/// The one door into the library.
///
/// HDF5 keeps state for the whole process, so calls go one at a time. Releasing a handle is a
/// call too and may happen inside another one, on the same thread: the lock has to be
/// recursive, which `Mutex` is not.
enum HDF5Library {
  private static let lock = NSRecursiveLock()

  /// Set up once: without it a file can make the library load code or follow other files.
  private static let isReady: Bool = {
    // After a write has failed, say for want of space, the library cannot let go of the file and
    // crashes over it when it cleans up at exit. Files are closed here, not there.
    H5dont_atexit()
    guard H5open() >= 0 else { return false }
    H5Eset_auto2(hid_t(H5E_DEFAULT), nil, nil)
    guard H5PLset_loading_state(0) >= 0 else { return false }
    return H5Lunregister(H5L_TYPE_EXTERNAL) >= 0
  }()

  /// Makes a call that reports failure by a negative number.
  ///
  /// - Parameter kind: what a failure means unless the library says something more special.
  @discardableResult
  static func call<Status: SignedInteger>(
    _ operation: String, _ subject: String, failing kind: HDF5Error.Kind = .badInput,
    _ body: () -> Status
  ) throws -> Status {
    lock.lock()
    defer { lock.unlock() }
    guard isReady else {
      throw HDF5Error(.io, operation, subject, reason: "the HDF5 library does not start")
    }
    // Automatic printing is set per thread, and callers change threads.
    H5Eset_auto2(hid_t(H5E_DEFAULT), nil, nil)
    let status = body()
    guard status >= 0 else {
      throw HDF5Error(kind, operation, subject, frames: currentFrames())
    }
    return status
  }

  /// Makes a call that cannot fail, or whose failure shows in its result.
  static func query<Result>(_ body: () -> Result) -> Result {
    lock.lock()
    defer { lock.unlock() }
    guard isReady else { return body() }
    H5Eset_auto2(hid_t(H5E_DEFAULT), nil, nil)
    return body()
  }

  private static func currentFrames() -> [HDF5Error.Frame] {
    var frames: [HDF5Error.Frame] = []
    withUnsafeMutablePointer(to: &frames) { pointer in
      chdf5_each_frame(
        { function, message, context in
          guard let function, let message else { return }
          context?.assumingMemoryBound(to: [HDF5Error.Frame].self).pointee.append(
            HDF5Error.Frame(
              function: String(cString: function), message: String(cString: message)))
        }, pointer)
    }
    return frames
  }
}

/// Whether a file is still open, told to all handles on things inside it.
///
/// Closing a file closes what is in it; a handle that outlives its file must not release an
/// identifier that may by then belong to somebody else.
final class FileScope {
  var isOpen = true
}

/// Owns one HDF5 identifier and releases it exactly once.
///
/// Files, groups, datasets, types, spaces and lists all close the same way, by dropping a
/// reference, so one handle serves them all.
struct Handle: ~Copyable {
  let id: hid_t
  // Only what needs no clean-up of its own may stay behind when `close` discards the rest, so
  // the reference is counted by hand: once up in `init`, once down in `release`.
  private let scope: Unmanaged<FileScope>?

  init(
    _ operation: String, _ subject: String, in scope: FileScope? = nil,
    failing kind: HDF5Error.Kind = .badInput, _ open: () -> hid_t
  ) throws {
    if let scope, !scope.isOpen {
      throw HDF5Error(.io, operation, subject, reason: "the file is closed")
    }
    id = try HDF5Library.call(operation, subject, failing: kind, open)
    self.scope = scope.map(Unmanaged.passRetained)
  }

  /// Closes now and reports a failure that `deinit` could only swallow.
  consuming func close(_ subject: String) throws {
    let (id, scope) = (id, scope)
    discard self
    guard Self.release(scope) else { return }
    try HDF5Library.call("close", subject, failing: .io) { H5Idec_ref(id) }
  }

  deinit {
    let id = id
    guard Self.release(scope) else { return }
    _ = HDF5Library.query { H5Idec_ref(id) }
  }

  /// Lets go of the scope and tells whether the identifier still stands for something.
  private static func release(_ scope: Unmanaged<FileScope>?) -> Bool {
    guard let scope else { return true }
    defer { scope.release() }
    return scope.takeUnretainedValue().isOpen
  }
}
