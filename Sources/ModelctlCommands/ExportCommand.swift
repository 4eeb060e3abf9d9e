internal import ArgumentParser
internal import Checkpoints
internal import Comparison
internal import Conversion
internal import ModelCore
internal import Zip

/// `modelctl export`: a checkpoint in another format.
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a checkpoint in another format, by the output's extension.",
    discussion: """
      .npz and .safetensors hold arrays: weights are named <layer>/<weight> in Keras's layout, \
      splits splits/<name>/x, /y and /id. Everything keeps its stored type, bit for bit; NumPy has \
      no bfloat16, so that becomes float32.

      .h5, .weights.h5 and .keras are Keras's own flavours. The architecture, the weights, the \
      splits and the provenance come along, an optimizer's state only between .weights.h5 and \
      .keras; a .weights.h5 has no place for an architecture, which .json writes by itself.
      """)

  @Argument(help: "A checkpoint; it is never changed.", completion: .file())
  var input: String

  @Argument(
    help: "The file to write (.npz, .safetensors, .h5, .weights.h5, .keras, .json).",
    completion: .file())
  var output: String

  @Flag(help: "Leave the splits out.")
  var weightsOnly = false

  @Option(help: "Write only this split, as the arrays x, y and id of a .npz or .safetensors.")
  var split: String?

  @Option(
    help: "The network of a file that holds weights alone, as model.to_json() writes it.",
    completion: .file())
  var architecture: String?

  @OptionGroup var distrust: DistrustOptions
  @OptionGroup var result: OutputOptions

  func validate() throws {
    guard split == nil || !weightsOnly else {
      throw ValidationError("--split and --weights-only leave nothing to write")
    }
  }

  func run() throws {
    let target = try ExportTarget(output, isSplit: split != nil)
    let file = try OutputFile(output, inputs: [input] + (architecture.map { [$0] } ?? []))
    let checkpoint = try Checkpoint(
      reading: input, architecture: architecture.map { try ArchitectureFile($0).text })
    if let asset = checkpoint.assets.first, !target.holdsAssets {
      warn(
        "\(asset.quoted) in \(input.quoted), which a layer needs, stays behind: "
          + "only a .keras has a place for it")
    }
    switch target {
    case .arrays(let format):
      let export = try arrays(of: checkpoint)
      try export.write(to: file.path, as: format)
      try report(arrays: export.arrayNames)
    case .keras(let flavour):
      try convert(checkpoint, to: flavour, at: file.path)
      try report(arrays: checkpoint.storedWeights.map(\.parameterName.description))
    case .architecture:
      let text = try checkpoint.standaloneConfig() + "\n"
      try AtomicFile.write(Array(text.utf8), to: file.path)
      try report(arrays: [])
    }
  }

  private func arrays(of checkpoint: Checkpoint) throws -> ArrayExport {
    var export = ArrayExport()
    if let split {
      let stored = try checkpoint.split(named: split, role: .test)
      try export.addSplit(
        checkpoint.samples(of: stored), identifiers: checkpoint.sampleIdentifiers(of: stored),
        in: "")
      return export
    }
    for (weight, name) in Self.names(of: checkpoint.storedWeights) {
      try Interruption.check()
      try export.add(checkpoint.tensor(weight), named: name)
    }
    for split in weightsOnly ? [] : checkpoint.splits {
      try Interruption.check()
      try export.addSplit(
        named: split.name, checkpoint.samples(of: split),
        identifiers: checkpoint.sampleIdentifiers(of: split))
    }
    return export
  }

  /// What weights are called outside of Keras's files: `<layer>/<weight>`; in a layer whose parts
  /// have weights of one name, the parts too.
  private static func names(
    of weights: [StoredWeight]
  ) -> [(weight: StoredWeight, name: String)] {
    let counts = Dictionary(weights.map { ($0.parameterName, 1) }, uniquingKeysWith: +)
    let composite = Set(counts.filter { $0.value > 1 }.map(\.key.layer))
    return weights.map { weight in
      composite.contains(weight.layer)
        ? (weight, NameForms(layer: weight.layer, weight: weight.name).canonical)
        : (weight, weight.parameterName.description)
    }
  }

  private func convert(
    _ checkpoint: Checkpoint, to flavour: CheckpointFlavour, at path: String
  ) throws {
    var changes = CheckpointChanges()
    changes.keepsSplits = !weightsOnly
    changes.provenance = ProvenanceEntry(
      operation: "export",
      details: .object([
        "from": .string(checkpoint.flavour.rawValue), "to": .string(flavour.rawValue),
        "summary": .string("from \(checkpoint.flavour.rawValue) to \(flavour.rawValue)"),
      ]))
    try checkpoint.prepareConversion(
      to: flavour, changes, at: path, options: .interruptible
    ).commit()
  }

  private func report(arrays: [String]) throws {
    try result.print(ExportReport(input: input, output: output, arrays: arrays))
  }
}

/// What an output's extension asks for.
private enum ExportTarget {
  case arrays(ArrayExport.Format)
  case keras(CheckpointFlavour)
  case architecture

  /// Whether what layers keep in files of their own comes along, or is missed before anything is written.
  var holdsAssets: Bool {
    if case .keras(let flavour) = self { flavour != .weights } else { false }
  }

  init(_ path: String, isSplit: Bool) throws {
    let name = path.lowercased()
    if let format = ArrayExport.Format.allCases.first(where: { name.hasSuffix(".\($0.rawValue)") })
    {
      self = .arrays(format)
    } else if let flavour = CheckpointFlavour.expected(of: path), !isSplit {
      self = .keras(flavour)
    } else if CheckpointFlavour.isSharded(path) {
      throw CommandError(
        .usage,
        "cannot export to \(path.quoted): weights are written into one file; give it a name that ends "
          + "in .weights.h5")
    } else if name.hasSuffix(".json"), !isSplit {
      self = .architecture
    } else {
      let names = isSplit ? "" : ", .h5, .weights.h5, .keras or .json"
      throw CommandError(
        .usage,
        "cannot export to \(path.quoted): expected a name that ends in .npz, .safetensors\(names)")
    }
  }
}

/// - SeeAlso: `Schemas/report/export-1.schema.json`.
struct ExportReport: Encodable, CustomStringConvertible {
  let schema = "modelctl/export/1"
  let input: String
  let output: String
  /// The weights and the columns of splits; of a Keras file, its weights.
  let arrays: [String]

  var description: String {
    arrays.isEmpty
      ? "wrote the architecture to \(output.quoted)"
      : "wrote \(arrays.count) arrays to \(output.quoted)"
  }
}
