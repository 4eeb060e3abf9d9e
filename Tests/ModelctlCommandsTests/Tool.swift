import Foundation
import Testing

/// The built `modelctl`, run as a user runs it.
enum Tool {
  struct Result {
    let status: Int32
    let output: String
    let errors: String

    /// The result as JSON, for a run with `--json`.
    func json() throws -> [String: Any] {
      let object = try JSONSerialization.jsonObject(with: Data(output.utf8))
      return try #require(object as? [String: Any])
    }
  }

  /// Beside the test bundle, where SwiftPM puts every product.
  static let executable: URL = {
    // On Linux the bundle is the running program itself.
    let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL
    let program = bundle ?? URL(fileURLWithPath: CommandLine.arguments[0])
    return program.deletingLastPathComponent().appendingPathComponent("modelctl")
  }()

  /// Runs to the end.
  @discardableResult
  static func run(
    _ arguments: String..., input: String? = nil, environment: [String: String] = [:]
  ) throws -> Result {
    try run(arguments, input: input, environment: environment)
  }

  static func run(
    _ arguments: [String], input: String? = nil, environment: [String: String] = [:]
  ) throws -> Result {
    let process = try start(arguments, input: input, environment: environment)
    return try process.finish()
  }

  /// A run under way.
  struct Running {
    let process: Process
    fileprivate let output: URL
    fileprivate let errors: URL

    /// Waits for the end; a run that does not come to one is killed, which no test expects.
    func finish(within seconds: Double = 120) throws -> Result {
      let deadline = Date(timeIntervalSinceNow: seconds)
      while process.isRunning, Date() < deadline { usleep(5000) }
      if process.isRunning { kill(process.processIdentifier, SIGKILL) }
      process.waitUntilExit()
      defer {
        try? FileManager.default.removeItem(at: output)
        try? FileManager.default.removeItem(at: errors)
      }
      let status =
        process.terminationReason == .uncaughtSignal
        ? -process.terminationStatus : process.terminationStatus
      return Result(
        status: status, output: try String(contentsOf: output, encoding: .utf8),
        errors: try String(contentsOf: errors, encoding: .utf8))
    }
  }

  /// - Parameter program: another one, such as a shell that sets a limit first.
  static func start(
    _ arguments: [String], program: URL = executable, input: String? = nil,
    environment: [String: String] = [:]
  ) throws -> Running {
    let process = Process()
    process.executableURL = program
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    // Files, not pipes: a pipe that nobody drains would stop a talkative run.
    let folder = FileManager.default.temporaryDirectory
    let output = folder.appendingPathComponent("modelctl-out-\(UUID().uuidString)")
    let errors = folder.appendingPathComponent("modelctl-err-\(UUID().uuidString)")
    for url in [output, errors] { try Data().write(to: url) }
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: errors)
    let pipe = Pipe()
    process.standardInput = pipe
    try process.run()
    if let input { pipe.fileHandleForWriting.write(Data(input.utf8)) }
    try pipe.fileHandleForWriting.close()
    return Running(process: process, output: output, errors: errors)
  }
}
