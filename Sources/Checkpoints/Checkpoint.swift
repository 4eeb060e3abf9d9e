internal import HDF5
public import ModelCore

/// A Keras `.h5` file, and what the group `/modelctl` adds to it: samples, how the model was
/// trained, digests, and what was done to it.
///
/// Opening looks at everything and reads no weight and no sample. A checkpoint belongs to one
/// owner: it is not thread-safe.
public final class Checkpoint {
  public let path: String
  /// The JSON text that describes the network; nil in a file of weights or samples alone.
  public let modelConfig: String?
  /// The network; nil when there is no description, or none that makes sense.
  public let architecture: Architecture?
  /// Why there is no architecture although there is a description.
  public let configurationProblem: KerasConfigurationError?
  public let kerasVersion: String?
  public let backend: String?
  /// Whether an optimizer's state is stored, which holds traces of the samples it has seen.
  public let hasOptimizerState: Bool
  /// In the file's own order.
  public let storedWeights: [StoredWeight]
  public let splits: [StoredSplit]
  public let classNames: [String]?
  /// Model input = stored value * scale + offset; one value, or one for each channel.
  public let inputScale: [Float]
  public let inputOffset: [Float]
  public let recipe: TrainingRecipe?
  /// The oldest record first.
  public let provenance: [ProvenanceRecord]
  /// What the file says about its own arrays; nothing has been compared with it.
  public let manifest: Manifest?
  public let contentDigest: String?
  /// The version of `/modelctl`; nil in a plain Keras file.
  public let formatVersion: FormatVersion?

  let file: HDF5File

  /// - Throws: `CheckpointError` when the file cannot be trusted, or is no checkpoint.
  public convenience init(reading path: String) throws {
    try self.init(path) { try HDF5File(reading: path) }
  }

  private init(_ path: String, _ open: () throws -> HDF5File) throws {
    self.path = path
    let file = try CheckpointError.naming(path, open)
    self.file = file
    let contents = try CheckpointError.naming(path) { try Contents(file) }
    modelConfig = contents.modelConfig
    architecture = contents.architecture
    configurationProblem = contents.configurationProblem
    kerasVersion = contents.kerasVersion
    backend = contents.backend
    hasOptimizerState = file.node(at: Contents.optimizer) != nil
    storedWeights = contents.weights
    splits = contents.splits
    classNames = contents.modelctl?.classNames
    inputScale = contents.modelctl?.scale ?? [1]
    inputOffset = contents.modelctl?.offset ?? [0]
    recipe = contents.modelctl?.recipe
    provenance = contents.modelctl?.provenance ?? []
    manifest = contents.modelctl?.manifest
    contentDigest = contents.modelctl?.contentDigest
    formatVersion = contents.modelctl?.version
  }
}

/// Everything that opening a checkpoint finds out.
struct Contents {
  static let optimizer = "/optimizer_weights"

  let modelConfig: String?
  let architecture: Architecture?
  let configurationProblem: KerasConfigurationError?
  let kerasVersion: String?
  let backend: String?
  let weights: [StoredWeight]
  let modelctl: ModelctlGroup?
  let splits: [StoredSplit]

  init(_ file: HDF5File) throws {
    let root = try file.root
    modelConfig = try root.string(attribute: "model_config")
    let keras = try KerasWeights(file)
    // A file of weights alone keeps these beside its list of layers.
    kerasVersion = try root.string(attribute: "keras_version")
    (architecture, configurationProblem) = Self.parse(modelConfig, kerasVersion)
    backend = try root.string(attribute: "backend")
    weights = try keras?.all() ?? []
    modelctl = try ModelctlGroup(file)
    guard modelConfig != nil || keras != nil || modelctl != nil else {
      throw CheckpointError(file.path, .notACheckpoint(hint: Self.hint(file)))
    }
    splits = try SplitReader(
      file: file, classNames: modelctl?.classNames, scale: modelctl?.scale ?? [1],
      offset: modelctl?.offset ?? [0], networkClassCount: try? architecture?.classCount()
    ).all()
  }

  private static func parse(
    _ text: String?, _ kerasVersion: String?
  ) -> (architecture: Architecture?, problem: KerasConfigurationError?) {
    guard let text else { return (nil, nil) }
    do {
      return (try KerasConfiguration(parsing: text, kerasVersion: kerasVersion).architecture, nil)
    } catch {
      return (nil, error)
    }
  }

  private static func hint(_ file: HDF5File) -> String? {
    let isWeights = ["/layers", "/_layer_checkpoint_dependencies"].contains { path in
      file.node(at: path) != nil
    }
    guard isWeights else { return nil }
    return "it looks like a Keras 3 .weights.h5 file; import it with its architecture"
  }
}
