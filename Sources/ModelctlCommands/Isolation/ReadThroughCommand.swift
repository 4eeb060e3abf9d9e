internal import ArgumentParser
internal import Checkpoints

/// What a reader does ahead of a command that is given `--untrusted`: opens a file, follows every
/// structure in it and unpacks every chunk.
struct ReadThroughCommand: IsolatedCommand {
  static let name = "read-through"

  static let configuration = CommandConfiguration(
    commandName: name, abstract: "Read all of some files and say nothing.", shouldDisplay: false)

  @Argument var inputs: [String]

  var isolation: Isolation { .command(files: inputs) }

  func run() throws {
    for input in inputs {
      let checkpoint = try Checkpoint(reading: input)
      try ReaderLimits.allowTime(for: checkpoint.declaredByteCount)
      try checkpoint.readThrough()
    }
  }
}
