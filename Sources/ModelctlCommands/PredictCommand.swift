internal import ArgumentParser
internal import Checkpoints
internal import Conversion
internal import Engine
internal import Foundation
internal import ModelCore

/// `modelctl predict`: a model's probabilities for a split, or for arrays of one's own.
struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Write a model's output for every sample, as a .npy of shape [N, C].")

  @Argument(help: "A checkpoint; it is never changed.", completion: .file())
  var input: String

  @Argument(help: "The .npy file to write; replaced at once when it exists.", completion: .file())
  var output: String

  @Option(help: "The split to answer.")
  var split: String?

  @Option(
    name: .customLong("input"), help: "A .npy with the model's input as it is: no scale is applied."
  )
  var array: String?

  @Flag(help: "Write class scores before the final softmax or sigmoid.")
  var logits = false

  @OptionGroup var model: ModelOptions
  @OptionGroup var engine: EngineOptions
  @OptionGroup var distrust: DistrustOptions
  @OptionGroup var result: OutputOptions

  func validate() throws {
    guard (split == nil) != (array == nil) else {
      throw ValidationError("give either --split or --input")
    }
  }

  func run() throws {
    let file = try OutputFile(output, inputs: [input] + model.inputs + (array.map { [$0] } ?? []))
    let checkpoint = try model.openModel(input)
    let network = try engine.network(of: checkpoint)
    let source = try source(in: checkpoint, for: network)
    let shape = [source.layout.count, network.outputCount]
    let writer = try NPYWriter(path: file.path, elementType: .float32, shape: Shape(shape))
    let line = ProgressLine("predicting", quiet: result.quiet)
    try network.forEachBatch(of: source) { _, scores, rows in
      try Interruption.check()
      try writer.append(network.outputs(of: scores, asScores: logits))
      line.update(Double(rows.upperBound) / Double(source.layout.count))
    }
    try writer.finish()
    try result.print(
      PredictReport(
        input: input, output: output, shape: shape,
        values: logits || network.head == .scores ? "scores" : "probabilities"))
  }

  private func source(
    in checkpoint: Checkpoint, for network: Network
  ) throws -> any SampleSource {
    guard let array else {
      let data = try model.openData(for: checkpoint)
      return try data.samples(of: try data.split(named: split, role: .test))
    }
    return try UnlabelledSource(
      ForeignArrays.open(array, array: nil), sampleShape: network.sampleShape,
      classCount: network.classCount)
  }
}

/// - SeeAlso: `Schemas/report/predict-1.schema.json`.
struct PredictReport: Encodable, CustomStringConvertible {
  let schema = "modelctl/predict/1"
  let input: String
  let output: String
  let shape: [Int]
  let values: String

  var description: String { "wrote \(values) \(shape) to \(output.quoted)" }
}
