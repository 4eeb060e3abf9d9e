internal import ArgumentParser

/// A command that may read files in a process of its own, where a hostile one does no harm.
///
/// The HDF5 library crashes on some damaged files, and no check in front of it can prevent that.
protocol IsolatedCommand: ParsableCommand {
  var isolation: Isolation { get }
}

/// How a command keeps away from the files that it reads.
enum Isolation {
  /// Not at all: the user trusts the files.
  case none
  /// The whole command runs in a reader; for commands that write no files.
  case command(files: [String])
  /// A reader goes through the files from end to end first; the command itself runs as usual,
  /// on files that were found sound.
  case rehearsal(files: [String])
  /// A reader runs the command itself up to where it would write, which the command sees to; then
  /// it runs as usual. For files that only the command knows how to read.
  case ownRehearsal(files: [String])
}

extension IsolatedCommand {
  /// Does what `isolation` says, before the command itself runs.
  ///
  /// - Parameter arguments: those that this command was parsed from.
  /// - Throws: `ExitCode` when a reader has done all there was to do; `CommandError` when it
  ///   crashed over a file or exceeded its limits.
  func isolate(from arguments: [String]) throws {
    switch isolation {
    case .none: return
    case .command(let files):
      if !Reader.isThisProcess,
        let status = try ReaderProcess(
          arguments, reading: files, remedy: "--trusted reads it without limits"
        ).run()
      {
        throw ExitCode(status)
      }
      try ReaderLimits(reading: files).apply()
    case .rehearsal(let files):
      let other = [ReadThroughCommand.name] + files
      guard try rehearse(other, reading: files) else { Modelctl.runAndExit(other) }
    case .ownRehearsal(let files):
      guard try Reader.isThisProcess || !rehearse(arguments, reading: files) else { return }
      try ReaderLimits(reading: files).apply()
    }
  }

  /// - Returns: whether that is done: false in the reader itself, which has yet to run the command.
  private func rehearse(_ arguments: [String], reading files: [String]) throws -> Bool {
    let reader = ReaderProcess(
      arguments, reading: files, remedy: "without --untrusted it is read without limits")
    guard let status = try reader.run() else { return false }
    if status != ExitStatus.success.rawValue { throw ExitCode(status) }
    return true
  }
}

/// For commands that only look: they read in a process of their own unless told not to.
struct TrustOptions: ParsableArguments {
  @Flag(
    help: "Read without the limits on time and memory that protect against damaged files.")
  var trusted = false

  func isolation(_ files: [String]) -> Isolation { trusted ? .none : .command(files: files) }
}

/// For commands that work on what they read, and are given their own user's files as a rule.
struct DistrustOptions: ParsableArguments {
  @Flag(
    help: "Go through the input in a process of its own first, and stop unless it is sound.")
  var untrusted = false

  /// - Parameter files: those that the command is given.
  func isolation(_ files: [String?]) -> Isolation {
    untrusted ? .rehearsal(files: files.compactMap { $0 }) : .none
  }
}

extension InspectCommand: IsolatedCommand {
  var isolation: Isolation { trust.isolation([input]) }
}

extension ValidateCommand: IsolatedCommand {
  var isolation: Isolation { trust.isolation([input] + (original.map { [$0] } ?? [])) }
}

extension DiffCommand: IsolatedCommand {
  // It writes nothing, and not all that it compares is HDF5.
  var isolation: Isolation { distrust.untrusted ? .command(files: [first, second]) : .none }
}

extension UnlearnCommand: IsolatedCommand {
  var isolation: Isolation { distrust.isolation([input, model.data, subject.trigger]) }
}

extension TrainCommand: IsolatedCommand {
  var isolation: Isolation { distrust.isolation([input, model.data]) }
}

extension EvaluateCommand: IsolatedCommand {
  var isolation: Isolation { distrust.isolation([input, model.data]) }
}

extension PredictCommand: IsolatedCommand {
  var isolation: Isolation { distrust.isolation([input, model.data, array]) }
}

extension AuditCommand: IsolatedCommand {
  var isolation: Isolation {
    distrust.isolation(
      [original, unlearned, model.data, depth.trigger] + peers.retrained + peers.run)
  }
}

extension TuneCommand: IsolatedCommand {
  var isolation: Isolation { distrust.isolation([input, model.data, subject.trigger]) }
}

extension ExportCommand: IsolatedCommand {
  var isolation: Isolation { distrust.isolation([input]) }
}

extension ImportCommand: IsolatedCommand {
  var isolation: Isolation {
    distrust.untrusted ? .ownRehearsal(files: files.dropLast().map(ImportArrays.path)) : .none
  }
}
