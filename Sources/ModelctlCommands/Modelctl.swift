public import ArgumentParser
internal import Foundation

/// The program: a subcommand a job, and one place where errors become exit codes.
public struct Modelctl: ParsableCommand {
  static let version = "0.1.0"

  public static let configuration = CommandConfiguration(
    commandName: "modelctl",
    abstract: "Keras checkpoints that can forget: inspect, train, and unlearn records on request.",
    version: version,
    subcommands: [
      UnlearnCommand.self, InspectCommand.self, ValidateCommand.self, DiffCommand.self,
      TrainCommand.self, EvaluateCommand.self, PredictCommand.self, AuditCommand.self,
      TuneCommand.self, ImportCommand.self, ExportCommand.self, ReadThroughCommand.self,
    ])

  public init() {}

  /// Parses the arguments, runs, and ends the process with the documented status.
  public static func runAndExit() -> Never {
    Interruption.install()
    // A limit on the size of files is an error like any other, and not the end of the process.
    signal(SIGXFSZ, SIG_IGN)
    runAndExit(ReaderProcess.role(takenFrom: CommandLine.arguments.dropFirst()))
  }

  /// - Parameter arguments: without the name of the program.
  static func runAndExit(_ arguments: [String]) -> Never {
    do {
      var command = try parseAsRoot(arguments)
      try (command as? any IsolatedCommand)?.isolate(from: arguments)
      try command.run()
      Foundation.exit(ExitStatus.success.rawValue)
    } catch let code as ExitCode {
      Foundation.exit(code.rawValue)
    } catch {
      let isOurs = exitCode(for: error) == .failure
      if isOurs {
        warn("\(error)")
        Foundation.exit(ExitStatus(for: error).rawValue)
      }
      if Reader.isThisProcess { Messages.write(fullMessage(for: error) + "\n") }
      // Help, the version, or a misuse that ArgumentParser words best itself.
      exit(withError: error)
    }
  }
}
