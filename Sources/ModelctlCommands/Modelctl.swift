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
      UnlearnCommand.self, InspectCommand.self, TrainCommand.self, EvaluateCommand.self,
      PredictCommand.self, ImportCommand.self, ExportCommand.self, ValidateCommand.self,
    ])

  public init() {}

  /// Parses the arguments, runs, and ends the process with the documented status.
  public static func runAndExit() -> Never {
    Interruption.install()
    do {
      var command = try parseAsRoot()
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
      // Help, the version, or a misuse that ArgumentParser words best itself.
      exit(withError: error)
    }
  }
}
