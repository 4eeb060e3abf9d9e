internal import ArgumentParser
internal import Checkpoints
internal import Conversion
internal import Foundation
internal import ModelCore

/// `modelctl import`: arrays and an architecture become a checkpoint.
struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Make a checkpoint from arrays (.npy, .npz, .safetensors, IDX, CIFAR, CSV).",
    discussion: """
      An array's name says what it is: train/x, train/y and train/id are the inputs, targets and \
      ids of the split 'train'; anything else, such as dense/kernel, is a weight. The names in a \
      .npz are the arrays' own; before another file the name is written with '=', as in \
      train/x=images.npy. The files of the MNIST family and x_train, y_train, x_test, y_test are \
      known by their own names. A table (.csv, .tsv) or a batch of CIFAR (.bin) holds a whole \
      split, as in test=table.csv.

      Without an architecture the file holds samples alone, for --data of the other commands. \
      Without weights the network gets fresh ones. Without ids samples are numbered in the order \
      of the arrays, through all splits.
      """)

  @Argument(
    help: "Array files, and last the checkpoint to write.", completion: .file())
  var files: [String]

  @Option(
    help: "The network, as Keras's model.to_json() writes it.", completion: .file())
  var architecture: String?

  @Option(help: "Cut a validation split from the training data: a number of samples, or N%.")
  var validation: SplitSize?

  @Option(
    help: """
      Cut a split of unseen samples, which unlearning compares with. A model that was trained on \
      all of the training data has seen them: then give samples of their own, as unseen/x.
      """)
  var unseen: SplitSize?

  @Option(help: "Cut a test split.")
  var test: SplitSize?

  @Option(
    help: """
      Model input = stored value * scale + offset. A number, a fraction, or one for each channel \
      with commas. Default: 1/255 for 8-bit data, else 1; and 1 for a network that scales its \
      inputs itself. Without a network, give what the model was trained on.
      """)
  var scale: FactorList?

  @Option(help: "See --scale. Default: 0.")
  var offset: FactorList?

  @Option(help: "Decides the fresh weights and which samples are cut.")
  var seed: UInt64 = 0

  @Flag(help: "Refuse to replace an existing output.")
  var noClobber = false

  @OptionGroup(title: "Tables") var tables: TableOptions
  @OptionGroup var distrust: DistrustOptions
  @OptionGroup var result: OutputOptions

  func validate() throws {
    guard files.count >= 2 else {
      throw ValidationError("give at least one array file, and last the checkpoint to write")
    }
  }

  func run() throws {
    let (inputs, output) = (Array(files.dropLast()), files[files.count - 1])
    guard !Reader.isThisProcess else { return try rehearse(inputs) }
    let file = try OutputFile(
      output, inputs: inputs + (architecture.map { [$0] } ?? []), noClobber: noClobber)
    let model = try architecture.map { try readArchitecture($0) }
    let arrays = try ImportArrays(inputs, tables: tables)
    guard model != nil || !arrays.all.isEmpty else {
      throw CommandError(
        .badInput, "\(inputs.map(\.quoted).joined(separator: ", ")): there are no arrays in it")
    }
    if model == nil, let weight = arrays.weights.first {
      throw CommandError(
        .usage,
        "\(weight.name.quoted) is a weight, and a file of samples alone has none; give the "
          + "network with --architecture")
    }
    let plan = try ImportPlan(
      arrays, network: model?.network,
      cuts: [("validation", validation), ("unseen", unseen), ("test", test)].compactMap {
        name, size in
        size.map { (name, $0) }
      }, scale: scale?.values, offset: offset?.values, seed: seed)
    let weights = try model.map { try parameters(arrays, $0.network) } ?? Parameters()
    var draft = CheckpointDraft(modelConfig: model?.text, parameters: weights)
    draft.splits = plan.splits
    draft.inputScale = plan.scale
    draft.inputOffset = plan.offset
    draft.classNames = try names(
      arrays.classNames, count: model?.network.classCount() ?? plan.classCount)
    draft.provenance = plan.entry(seed: seed)
    try draft.write(to: file.path, options: .interruptible)
    try result.print(
      ImportReport(
        output: output, model: model?.network.name, parameters: draft.parameters.scalarCount,
        weights: model == nil ? "none" : arrays.weights.isEmpty ? "initialized" : "given",
        scale: plan.scale, offset: plan.offset,
        splits: plan.splits.map(ImportReport.SplitRow.init)))
  }

  /// Reads everything and writes nothing, in a process of its own.
  private func rehearse(_ inputs: [String]) throws {
    let paths = inputs.map(ImportArrays.path)
    // Tables, and what is packed as one stream, are read while they are opened.
    try ReaderLimits.allowTime(for: paths.reduce(0) { $0 + ReaderLimits.expectedSize(of: $1) })
    _ = try architecture.map { try readArchitecture($0) }
    try ImportArrays(inputs, tables: tables).all.readThrough()
  }

  private func readArchitecture(
    _ path: String
  ) throws -> (text: String, network: Architecture) {
    let text = try ArchitectureFile(path).text
    do {
      let network = try KerasConfiguration(parsing: text).architecture
      _ = try network.parameterSpecifications()
      return (text, network)
    } catch {
      throw CommandError(.badInput, "\(path.quoted): \("\(error)".unquoted)")
    }
  }

  private func parameters(_ arrays: ImportArrays, _ network: Architecture) throws -> Parameters {
    let specifications = try network.parameterSpecifications()
    guard let first = arrays.weights.first else {
      return Parameters(initializing: specifications, seed: seed)
    }
    let found = try WeightNames.match(arrays.weights, to: specifications, file: first.file)
    return Parameters(
      try specifications.compactMap { specification in
        try found[specification.name].map {
          Parameter(
            name: specification.name, shape: specification.shape, values: try $0.tensor().floats)
        }
      })
  }

  private func names(_ names: [String]?, count: Int) throws -> [String]? {
    guard let names else { return nil }
    guard names.count == count, Set(names).count == count else {
      let source = tables.classNames == nil ? "the labels' names" : "--class-names"
      throw CommandError(
        .usage, "\(source): expected \(count) different names, found \(names.count)")
    }
    return names
  }
}

/// Numbers with commas, each a decimal or a fraction such as `1/255`.
struct FactorList: ExpressibleByArgument, Hashable {
  let values: [Float]

  init?(argument: String) {
    var values: [Float] = []
    for word in argument.split(separator: ",", omittingEmptySubsequences: false) {
      let parts = word.split(separator: "/", omittingEmptySubsequences: false).map {
        Double($0.trimmingCharacters(in: .whitespaces))
      }
      guard let top = parts.first ?? nil, parts.count <= 2 else { return nil }
      let bottom = parts.count == 2 ? parts[1] : 1
      guard let bottom, bottom != 0, (top / bottom).isFinite else { return nil }
      values.append(Float(top / bottom))
    }
    guard !values.isEmpty else { return nil }
    self.values = values
  }
}

/// - SeeAlso: `Schemas/report/import-1.schema.json`.
struct ImportReport: Encodable, CustomStringConvertible {
  struct SplitRow: Encodable {
    let name: String
    let role: String
    let samples: Int
    let shape: [Int]
    let dtype: String
  }

  let schema = "modelctl/import/1"
  let output: String
  /// Absent in a file of samples alone.
  let model: String?
  let parameters: Int
  let weights: String
  let scale: [Float]
  let offset: [Float]
  let splits: [SplitRow]

  var description: String {
    var table = TextTable([("split", .left), ("role", .left), ("samples", .right), ("x", .left)])
    for split in splits {
      table.rows.append([
        split.name.unquoted, split.role, split.samples.grouped, "\(split.dtype) \(split.shape)",
      ])
    }
    let factors = "model input = stored value * \(Self.text(scale)) + \(Self.text(offset))"
    return """
      \(heading); \(factors)

      \(table)

      wrote \(output.quoted)
      """
  }

  private var heading: String {
    model.map { "\($0.quoted): \(parameters.grouped) parameters, \(weights)" }
      ?? "samples alone, for --data"
  }

  private static func text(_ values: [Float]) -> String {
    values.count == 1 ? "\(values[0])" : "\(values)"
  }
}
