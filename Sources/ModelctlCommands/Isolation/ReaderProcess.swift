internal import Foundation

/// Has another process run a command as a reader, and tells its end from the outside.
///
/// The reader's messages pass through as they come. Its result is held back until it is complete,
/// so that nobody is given half a table, or one by a reader that was no longer itself.
struct ReaderProcess {
  /// Far more than any report; a list of ids can be long.
  private static let largestResult = 256 << 20

  private let arguments: [String]
  private let files: [String]
  /// What a user can do who trusts the files all the same.
  private let remedy: String
  private var result = Data()
  private var hasSpoken = false

  /// - Parameters:
  ///   - arguments: a command and what goes with it, as a user would write them.
  ///   - files: what messages name, and what the limits depend on.
  ///   - remedy: what a user can do who trusts the files all the same.
  init(_ arguments: [String], reading files: [String], remedy: String) {
    self.arguments = arguments
    self.files = files
    self.remedy = remedy
  }

  /// Runs to the end and prints the result if there is one.
  ///
  /// - Returns: the reader's exit status; nil in the reader itself, where that is a fork of this
  ///   process, which goes on as one.
  /// - Throws: `CommandError` when it crashed or exceeded its limits; `Interruption.Signal`.
  consuming func run() throws -> Int32? {
    var reader = self
    let (output, messages) = (try Pipe(), try Pipe())
    guard
      let process = try Self.start(reader.arguments, output: output, messages: messages)
    else { return nil }
    close(output.writing)
    close(messages.writing)
    let isComplete = reader.collect(output.reading, messages.reading, from: process)
    close(output.reading)
    close(messages.reading)
    if !isComplete { kill(process, SIGKILL) }
    let end = Self.wait(for: process)
    if let signal = Interruption.pending { throw signal }
    guard isComplete else {
      throw reader.refusal("the result is longer than \(Self.largestResult >> 20) MiB")
    }
    return try reader.conclude(end)
  }

  /// What the end of the reader means.
  private func conclude(_ end: End) throws -> Int32 {
    switch end {
    case .exit(let code):
      // Whatever ends without a documented status, or fails without a word, was not our own code.
      guard let status = ExitStatus(rawValue: code), code < 2 || hasSpoken else {
        throw refusal("the reader broke off (status \(code)); the file is damaged or hostile")
      }
      if status == .success || status == .no { try Output.writeResult(result) }
      return code
    case .signal(SIGINT), .signal(SIGTERM): throw Interruption.Signal(number: end.number)
    case .signal(SIGALRM), .signal(SIGXCPU):
      throw refusal("it takes too long; the file is damaged or hostile")
    case .signal(let number):
      throw refusal(
        "the reader crashed (\(Self.name(of: number))); the file is damaged or hostile, or needs "
          + "more than \(ReaderLimits(reading: files).memory >> 20) MiB of memory")
    }
  }

  private func refusal(_ reason: String) -> CommandError {
    let names = files.map(\.quoted).joined(separator: " or ")
    return CommandError(
      .badInput, "cannot read \(names): \(reason) (\(remedy))")
  }

  private static func name(of signal: Int32) -> String {
    switch signal {
    case SIGSEGV: "SIGSEGV"
    case SIGABRT: "SIGABRT"
    case SIGBUS: "SIGBUS"
    case SIGFPE: "SIGFPE"
    case SIGILL: "SIGILL"
    case SIGTRAP: "SIGTRAP"
    case SIGKILL: "SIGKILL"
    case SIGXFSZ: "SIGXFSZ"
    default: "signal \(signal)"
    }
  }
}

// MARK: Listening

extension ReaderProcess {
  /// Two descriptors that no other program is given, above those with a meaning.
  struct Pipe {
    let reading: Int32
    let writing: Int32

    init() throws {
      var ends: [Int32] = [-1, -1]
      guard pipe(&ends) == 0 else { throw ReaderProcess.startFailure(errno) }
      reading = fcntl(ends[0], F_DUPFD_CLOEXEC, 10)
      writing = fcntl(ends[1], F_DUPFD_CLOEXEC, 10)
      for end in ends { close(end) }
      guard reading >= 0, writing >= 0 else { throw ReaderProcess.startFailure(errno) }
    }
  }

  private enum End {
    case exit(Int32)
    case signal(Int32)

    var number: Int32 {
      switch self {
      case .exit(let number), .signal(let number): number
      }
    }
  }

  private static func wait(for process: pid_t) -> End {
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    // The macros of `sys/wait.h`, which Swift does not import.
    let signal = status & 0x7F
    return signal == 0 ? .exit(status >> 8 & 0xFF) : .signal(signal)
  }

  /// Takes what the reader says until it has closed both pipes.
  ///
  /// - Returns: false when the result was too long.
  private mutating func collect(_ output: Int32, _ messages: Int32, from process: pid_t) -> Bool {
    var sources = [output, messages].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    var isInterrupted = false
    while sources.contains(where: { $0.fd >= 0 }) {
      // A signal ends the waiting; one that comes just before it is noticed a moment later.
      let ready = poll(&sources, nfds_t(sources.count), 100)
      if !isInterrupted, let signal = Interruption.pending {
        isInterrupted = true
        kill(process, signal.number)
      }
      guard ready > 0 else { continue }
      for index in sources.indices where sources[index].revents != 0 {
        let bytes = Self.read(sources[index].fd)
        if bytes.isEmpty {
          sources[index].fd = -1
        } else if index == 0 {
          result += bytes
        } else {
          hasSpoken = true
          _ = Output.write(bytes, to: STDERR_FILENO)
        }
      }
      guard result.count <= Self.largestResult else { return false }
    }
    return true
  }

  private static func read(_ descriptor: Int32) -> Data {
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = Foundation.read(descriptor, &bytes, bytes.count)
    return Data(bytes.prefix(max(0, count)))
  }
}
