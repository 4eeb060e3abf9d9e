internal import HDF5
public import ModelCore

/// A Keras model or its weights, and what the group `/modelctl` adds to it: samples, how the model was
/// trained, digests, and what was done to it.
///
/// Opening looks at everything and reads no weight and no sample. A checkpoint belongs to one
/// owner: it is not thread-safe.
public final class Checkpoint {
  public let path: String
  /// What kind of file it is, which is also what it is written as.
  public let flavour: CheckpointFlavour
  /// The JSON text that describes the network; nil in a file of weights or samples alone.
  public let modelConfig: String?
  /// The network; nil when there is no description, or none that makes sense.
  public let architecture: Architecture?
  /// Why there is no architecture although there is a description.
  public let configurationProblem: KerasConfigurationError?
  public let kerasVersion: String?
  public let backend: String?
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
  /// What the weights are in, of a `.keras` file.
  let archive: KerasArchive?
  /// What the manifest calls the architecture; nil when it did not come from the file.
  let configPath: String?

  /// - Parameters:
  ///   - architecture: the JSON text of the network, for a file that has none of its own.
  ///   - classCount: how many classes there are, for samples whose file has no network.
  /// - Throws: `CheckpointError` when the file cannot be trusted, is no checkpoint, or does not
  ///   go with the architecture.
  public init(
    reading path: String, architecture: String? = nil, classCount: Int? = nil
  ) throws {
    self.path = path
    (archive, file) = try CheckpointError.naming(path) { try Self.open(path) }
    let (file, archive) = (file, archive)
    let contents = try CheckpointError.naming(path) {
      try Contents(file, archive, architecture: architecture, classCount: classCount)
    }
    flavour = contents.flavour
    configPath = contents.configPath
    modelConfig = contents.modelConfig
    self.architecture = contents.architecture
    configurationProblem = contents.configurationProblem
    kerasVersion = contents.kerasVersion
    backend = contents.backend
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
