internal import HDF5
internal import ModelCore

/// Everything that opening a checkpoint finds out.
struct Contents {
  let flavour: CheckpointFlavour
  let modelConfig: String?
  let configPath: String?
  let architecture: Architecture?
  let configurationProblem: KerasConfigurationError?
  let kerasVersion: String?
  let backend: String?
  let weights: [StoredWeight]
  let modelctl: ModelctlGroup?
  let splits: [StoredSplit]

  init(
    _ file: HDF5File, _ archive: KerasArchive?, architecture given: String?, classCount: Int?
  ) throws {
    let root = try file.root
    let own = try archive?.config ?? root.string(attribute: "model_config")
    guard own == nil || given == nil else {
      throw CheckpointError(file.path, .hasArchitecture)
    }
    modelConfig = own ?? given
    configPath =
      own == nil
      ? nil : (archive == nil ? CheckpointFlavour.wholeModel : CheckpointFlavour.archive).configPath
    // A file of weights alone keeps these beside its list of layers.
    kerasVersion = try archive?.kerasVersion ?? root.string(attribute: "keras_version")
    (architecture, configurationProblem) = Self.parse(modelConfig, kerasVersion)
    let legacy = try KerasWeights(file)
    let objects = legacy == nil ? KerasObjectStore(file) : nil
    modelctl = try ModelctlGroup(file)
    guard own != nil || legacy != nil || objects != nil || modelctl != nil else {
      throw CheckpointError(file.path, .notACheckpoint(hint: nil))
    }
    flavour =
      archive != nil
      ? .archive
      : objects != nil
        ? .weights : own != nil ? .wholeModel : legacy != nil ? .legacyWeights : .data
    backend = try root.string(attribute: "backend")
    weights =
      try legacy?.all() ?? objects?.all(of: modelConfig.flatMap(KerasLayerEntry.init(parsing:)))
      ?? []
    splits = try SplitReader(
      file: file, classNames: modelctl?.classNames, scale: modelctl?.scale ?? [1],
      offset: modelctl?.offset ?? [0],
      networkClassCount: (try? architecture?.classCount()) ?? classCount
    ).all()
  }

  private static func parse(
    _ text: String?, _ kerasVersion: String?
  ) -> (architecture: Architecture?, problem: KerasConfigurationError?) {
    guard let text else { return (nil, nil) }
    do {
      return (try KerasConfiguration(parsing: text, kerasVersion: kerasVersion).architecture, nil)
    } catch { return (nil, error) }
  }
}
