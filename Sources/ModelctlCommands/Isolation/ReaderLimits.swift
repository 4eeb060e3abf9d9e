internal import Checkpoints
internal import Foundation

/// How much a reader may use; the rest of its time comes with what it finds to read.
struct ReaderLimits {
  /// For everything but data: a sound file takes a small part of a second.
  static let processorSeconds = 4
  static let seconds = 8
  static let baseMemory = 1 << 30
  private static let largestUnpacked = 16 << 30
  /// Small enough that those of some files can be added.
  private static let largestExpected = 1 << 50
  /// What the slowest disk and processor are expected to do, in bytes a second.
  private static let slowestReading = 20 << 20

  /// How much address space the process may have, in bytes.
  let memory: Int

  /// How large a file it may write, in bytes: none, but what an archive is unpacked into.
  let writing: Int

  /// - Parameter files: a larger file may take more memory, because its own size speaks for it.
  init(reading files: [String]) {
    // What an archive may unpack to has limits of its own, which are in force before.
    let isPacked = files.contains {
      CheckpointFlavour.isArchive($0) || CheckpointFlavour.isSharded($0) || Self.isStream($0)
    }
    writing = isPacked ? Self.largestUnpacked : 0
    memory = files.reduce(Self.baseMemory) { sum, file in
      let (twice, overflow) = Self.size(of: file).multipliedReportingOverflow(by: 2)
      return overflow ? sum : sum.addingReportingOverflow(twice).partialValue
    }
  }

  private static func size(of file: String) -> Int {
    var status = stat()
    let size = stat(file, &status) == 0 ? Int(status.st_size) : 0
    guard CheckpointFlavour.isSharded(file) else { return size }
    // Shards are read into one file; they are beside their index and called after it.
    let folder = URL(fileURLWithPath: file).deletingLastPathComponent()
    let name = URL(fileURLWithPath: file).lastPathComponent
    let stem = name.prefix { $0 != "." } + "_"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.filter { $0.hasPrefix(stem) }.reduce(size) { sum, name in
      guard stat(folder.appendingPathComponent(name).path, &status) == 0 else { return sum }
      let (next, overflow) = sum.addingReportingOverflow(Int(status.st_size))
      return overflow ? largestExpected : next
    }
  }

  /// Whether a file is packed as a whole, so that even its size is known only at its end.
  private static func isStream(_ file: String) -> Bool { file.lowercased().hasSuffix(".gz") }

  /// What a file may be expected to unpack to, in bytes, before anything in it has been read.
  static func expectedSize(of file: String) -> Int {
    let (unpacked, overflow) = size(of: file).multipliedReportingOverflow(
      by: isStream(file) ? 10 : 1)
    return overflow ? largestExpected : min(unpacked, largestExpected)
  }

  /// Puts this process under the limits, for good.
  func apply() throws {
    // A limit tells by a signal, and whoever started us may have handed down a mask that blocks it.
    var none = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, nil)
    for number in [SIGALRM, SIGXCPU] { signal(number, SIG_DFL) }
    try Self.set(RLIMIT_CORE, 0)
    try Self.set(RLIMIT_FSIZE, writing)
    try Self.set(RLIMIT_CPU, Self.processorSeconds)
    // Elsewhere it is only an alias of a limit that nobody enforces.
    #if os(Linux)
      try Self.set(RLIMIT_AS, memory)
    #endif
    alarm(UInt32(Self.seconds))
  }

  /// Gives a reader time for data that it is about to read; does nothing in other processes.
  ///
  /// - Parameter bytes: how much, unpacked; the gate has found it plausible.
  static func allowTime(for bytes: Int) throws {
    guard Reader.isThisProcess else { return }
    let extra = min(bytes / slowestReading, 1 << 20)
    var usage = rusage()
    getrusage(ownUsage, &usage)
    try set(
      RLIMIT_CPU, Int(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + processorSeconds + extra)
    alarm(UInt32(seconds + 2 * extra))
  }

  #if os(Linux)
    private typealias Resource = __rlimit_resource
    private static let ownUsage = __rusage_who_t(RUSAGE_SELF.rawValue)
  #else
    private typealias Resource = Int32
    private static let ownUsage = RUSAGE_SELF
  #endif

  /// Lowers or raises what is enforced; never above what the process was given.
  private static func set(_ resource: Resource, _ value: Int) throws {
    #if os(Linux)
      let number = __rlimit_resource_t(resource.rawValue)
    #else
      let number = resource
    #endif
    var limit = rlimit()
    guard getrlimit(number, &limit) == 0 else { throw failure() }
    limit.rlim_cur = min(rlim_t(max(0, value)), limit.rlim_max)
    guard setrlimit(number, &limit) == 0 else { throw failure() }
  }

  private static func failure() -> CommandError {
    CommandError(
      .internalFailure, "cannot limit what a reader uses: \(String(cString: strerror(errno)))")
  }
}
