internal import ArgumentParser
internal import Checkpoints
internal import Conversion
internal import Foundation
internal import ModelCore

/// `modelctl export`: a checkpoint's weights and splits in another format.
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a checkpoint's weights and splits as a .npz.",
    discussion: """
      Weights are named <layer>/<weight> in Keras's layout, splits splits/<name>/x, /y and /id. \
      Everything keeps its stored type, bit for bit; NumPy has no bfloat16, so that becomes \
      float32.
      """)

  @Argument(help: "A checkpoint; it is never changed.", completion: .file())
  var input: String

  @Argument(help: "The .npz to write; replaced at once when it exists.", completion: .file())
  var output: String

  @Flag(help: "Leave the splits out.")
  var weightsOnly = false

  @OptionGroup var distrust: DistrustOptions
  @OptionGroup var result: OutputOptions

  func run() throws {
    guard output.lowercased().hasSuffix(".npz") else {
      throw CommandError(
        .usage, "cannot export to \(output.quoted): expected a name that ends in .npz")
    }
    let file = try OutputFile(output, inputs: [input])
    let checkpoint = try Checkpoint(reading: input)
    var export = NPZExport()
    for weight in checkpoint.storedWeights {
      try export.add(
        checkpoint.tensor(weight), named: ParameterName(layer: weight.layer, role: weight.role))
    }
    if !weightsOnly {
      for split in checkpoint.splits {
        try Interruption.check()
        try export.addSplit(
          named: split.name, checkpoint.samples(of: split),
          identifiers: checkpoint.sampleIdentifiers(of: split))
      }
    }
    try export.write(to: file.path)
    try result.print(ExportReport(input: input, output: output, arrays: export.arrayNames))
  }
}

/// - SeeAlso: `Schemas/report/export-1.schema.json`.
struct ExportReport: Encodable, CustomStringConvertible {
  let schema = "modelctl/export/1"
  let input: String
  let output: String
  let arrays: [String]

  var description: String { "wrote \(arrays.count) arrays to \(output.quoted)" }
}
