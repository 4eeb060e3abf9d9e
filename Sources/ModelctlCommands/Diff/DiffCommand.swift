internal import ArgumentParser
internal import Comparison
internal import Foundation

/// `modelctl diff`: what differs between two model files.
struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Show what differs between two model files, tensor by tensor, sample by sample.",
    discussion: """
      The files may be of different formats (.h5, .weights.h5, .keras, .npz, .npy); weights are \
      paired by name in any of the forms that Keras and exports use, and what is left by content. What a format has no \
      place for is not compared, and said so. The exit status is 0 when nothing differs, 1 when \
      something does, 65 when a file cannot be read.

      A file that holds weights alone may number its layers instead of naming them, as every \
      .weights.h5 of tf-keras does. --architecture tells what they are: it goes for the first file, \
      the second or both, whichever has no architecture of its own.

      Every finding has a name that --ignore matches: a tensor's own, splits/NAME, layers/NAME, \
      model, class-names, input-scale, input-offset, training, training_config, assets, provenance.

      A provenance that goes on where the other file's ends, as that of an export does, is told \
      and counts as no difference unless --provenance asks for it; one that is another history does.
      """)

  @Argument(help: "The first file; neither is ever changed.", completion: .file())
  var first: String

  @Argument(help: "The second file.", completion: .file())
  var second: String

  @Option(
    help: "The network of files that hold weights alone, as model.to_json() writes it.",
    completion: .file())
  var architecture: String?

  @OptionGroup(title: "What counts") var rules: DiffRules

  @Flag(help: "List the ids of samples that were removed, added, changed or moved.")
  var ids = false

  @Flag(help: "Records that only one file's provenance goes on with are a difference too.")
  var provenance = false

  @Flag(help: "List what is the same too.")
  var all = false

  @Option(help: "The order of tensors: worst (first) or file.")
  var sort: Order = .worst

  enum Order: String, ExpressibleByArgument, CaseIterable { case worst, file }

  @OptionGroup var distrust: DistrustOptions
  @OptionGroup var result: OutputOptions

  func run() throws {
    let models = try openModels()
    let (bytes, overflow) = models.0.declaredByteCount.addingReportingOverflow(
      models.1.declaredByteCount)
    try ReaderLimits.allowTime(for: overflow ? .max : bytes)
    let line = ProgressLine("comparing", quiet: result.quiet)
    let diff = ModelDiff(
      first: models.0, second: models.1,
      tolerance: rules.value, ignored: rules.ignore, map: rules.mappings,
      listsIdentifiers: ids, comparesProvenance: provenance
    ) { done, count, name in
      line.update(Double(done) / Double(max(1, count)), name.unquoted)
    }
    var report = try diff.report()
    line.clear()
    if sort == .worst { report = report.worstFirst() }
    report.showsAll = all
    try result.print(report)
    if !report.isSame { throw ExitCode(ExitStatus.no.rawValue) }
  }

  private func openModels() throws -> (OpenedModel, OpenedModel) {
    let models = (try OpenedModel(reading: first), try OpenedModel(reading: second))
    guard let architecture else { return models }
    let network = try ArchitectureFile(architecture).text
    guard models.0.lacksArchitecture || models.1.lacksArchitecture else {
      throw CommandError(
        .usage,
        "neither \(first.quoted) nor \(second.quoted) is a Keras file of weights alone, which is what "
          + "--architecture is for; leave it out")
    }
    func completed(_ model: OpenedModel) throws -> OpenedModel {
      guard model.lacksArchitecture else { return model }
      return try OpenedModel(reading: model.path, architecture: network)
    }
    return (try completed(models.0), try completed(models.1))
  }
}

/// When two numbers count as equal, and what is left out.
struct DiffRules: ParsableArguments {
  @Option(help: "Numbers are equal within this, absolute and relative: --atol and --rtol in one.")
  var tolerance: Double?

  @Option(
    help: "Numbers are equal within this relative difference: |a-b| <= atol + rtol*max(|a|,|b|).")
  var rtol: Double?

  @Option(help: "Numbers are equal within this absolute difference.")
  var atol: Double?

  @Option(help: "The least magnitude that relative differences are taken against.")
  var floor = Tolerance.defaultFloor

  @Flag(help: "A NaN differs from a NaN.")
  var nanDiffers = false

  @Option(help: "Leave out what this shell pattern matches; may be given several times.")
  var ignore: [NamePattern] = []

  @Option(
    help: "OLD=NEW: a tensor, or a layer, goes by another name in the second file; repeatable.")
  var map: [String] = []

  func validate() throws {
    for (name, value) in [("--tolerance", tolerance), ("--rtol", rtol), ("--atol", atol)] {
      if let value, !(value >= 0 && value.isFinite) {
        throw ValidationError("\(name) must be a number from 0 up, not \(value)")
      }
    }
    guard floor > 0, floor.isFinite else {
      throw ValidationError("--floor must be a number above 0, not \(floor)")
    }
    for entry in map where Self.parse(entry) == nil {
      throw ValidationError("--map \(entry.quoted): expected OLD=NEW")
    }
  }

  var value: Tolerance {
    Tolerance(
      absolute: atol ?? tolerance ?? 0, relative: rtol ?? tolerance ?? 0, floor: floor,
      nanDiffers: nanDiffers)
  }

  var mappings: [(old: String, new: String)] { map.compactMap(Self.parse) }

  private static func parse(_ entry: String) -> (old: String, new: String)? {
    let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
    return (String(parts[0]), String(parts[1]))
  }
}
