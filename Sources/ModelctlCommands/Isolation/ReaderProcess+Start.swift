internal import Foundation

extension ReaderProcess {
  static func startFailure(_ code: Int32) -> CommandError {
    CommandError(
      .temporary, "cannot start a process to read in: \(String(cString: strerror(code)))")
  }
}

#if os(Linux)

  /// A reader is a fork of this process, which has done nothing yet but parse its arguments: no
  /// other thread is there, no library in use, and nothing has to be loaded or parsed again.
  extension ReaderProcess {
    /// - Returns: nil in the reader.
    static func start(_ arguments: [String], output: Pipe, messages: Pipe) throws -> pid_t? {
      let isWatched = Messages.isTerminal
      let process = fork()
      guard process >= 0 else { throw startFailure(errno) }
      guard process == 0 else { return process }
      forgetSignals()
      dup2(output.writing, STDOUT_FILENO)
      dup2(messages.writing, Reader.messages)
      for pipe in [output, messages] {
        close(pipe.reading)
        close(pipe.writing)
      }
      let nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC)
      dup2(nowhere, STDERR_FILENO)
      // It may have got that number itself, where stderr was closed.
      if nowhere != STDERR_FILENO { close(nowhere) }
      Reader.begin(isWatched: isWatched)
      return nil
    }

    /// A reader ends at once when it is told to, for it writes nothing; and it may crash, which
    /// nobody has to examine.
    private static func forgetSignals() {
      for number in [
        SIGINT, SIGTERM, SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGQUIT,
      ] {
        signal(number, SIG_DFL)
      }
    }

    /// - Returns: the arguments, which say nothing about a fork.
    static func role(takenFrom arguments: ArraySlice<String>) -> [String] { Array(arguments) }
  }

#else

  /// A reader is this program started anew, because Apple's libraries may not be used in a fork;
  /// its first argument says what it is.
  extension ReaderProcess {
    /// The second form means that somebody watches.
    private static let marks = ["@reader", "@watched-reader"]

    static func start(_ arguments: [String], output: Pipe, messages: Pipe) throws -> pid_t? {
      var actions: posix_spawn_file_actions_t?
      posix_spawn_file_actions_init(&actions)
      defer { posix_spawn_file_actions_destroy(&actions) }
      posix_spawn_file_actions_adddup2(&actions, output.writing, STDOUT_FILENO)
      posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
      posix_spawn_file_actions_adddup2(&actions, messages.writing, Reader.messages)
      var environment = ProcessInfo.processInfo.environment
      // A crash is expected here, and its examination would only cost time.
      environment["SWIFT_BACKTRACE"] = "enable=no"
      let words =
        [CommandLine.arguments[0], marks[Messages.isTerminal ? 1 : 0]] + arguments
      var process: pid_t = 0
      let program = Bundle.main.executablePath ?? CommandLine.arguments[0]
      let code = withStrings(words) { words in
        withStrings(environment.map { "\($0.key)=\($0.value)" }) { environment in
          posix_spawn(&process, program, &actions, nil, words, environment)
        }
      }
      guard code == 0 else { throw startFailure(code) }
      return process
    }

    private static func withStrings<Result>(
      _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
      let pointers = strings.map { strdup($0) } + [nil]
      defer { for pointer in pointers { free(pointer) } }
      return body(pointers)
    }

    /// Makes this process the reader that its arguments may say it is.
    ///
    /// - Returns: the other arguments.
    static func role(takenFrom arguments: ArraySlice<String>) -> [String] {
      guard let first = arguments.first, let mark = marks.firstIndex(of: first) else {
        return Array(arguments)
      }
      for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
      Reader.begin(isWatched: mark == 1)
      return Array(arguments.dropFirst())
    }
  }

#endif
