internal import ArgumentParser
internal import Foundation

/// How a command tells its result: stdout is the result, stderr everything else.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Print the result as one JSON object.")
  var json = false

  @Flag(name: [.customShort("q"), .long], help: "Show no progress, and print nothing but JSON.")
  var quiet = false

  /// Prints a result for people, or for programs.
  func print(_ result: some Encodable & CustomStringConvertible) throws {
    if json {
      try Output.writeResult(try Self.encode(result) + Data("\n".utf8))
    } else if !quiet {
      // Names in it come from files that anybody may have made.
      try Output.writeResult(Data((result.description.safeForTerminals + "\n").utf8))
    }
  }

  /// One line of JSON with sorted keys, so that equal results are equal bytes.
  static func encode(_ result: some Encodable) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .throw
    return try encoder.encode(result)
  }
}

/// Says something on stderr, as every message but a result is said.
func warn(_ message: String) {
  Messages.write("modelctl: \(message.safeForTerminals)\n")
}
