internal import ArgumentParser
internal import Checkpoints
internal import Conversion

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
      guard !OpenedModel.isArrayFile(input) else {
        try ForeignArrays.open(input).readThrough()
        continue
      }
      let checkpoint = try Checkpoint(reading: input)
      try ReaderLimits.allowTime(for: checkpoint.declaredByteCount)
      try checkpoint.readThrough()
    }
  }
}

extension [NamedArray] {
  /// Unpacks and reads all elements of all arrays, and keeps nothing of them.
  func readThrough() throws {
    let tensors = try map { try OpenedTensor($0) }
    try ReaderLimits.allowTime(
      for: tensors.reduce(0) { sum, tensor in
        let (next, overflow) = sum.addingReportingOverflow(tensor.byteCount ?? 0)
        return overflow ? .max : next
      })
    for tensor in tensors { _ = try tensor.digest() }
  }
}
