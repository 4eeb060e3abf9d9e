internal import HDF5
internal import ModelCore
internal import Zip

extension Checkpoint {
  /// Writes the same model as another flavour of Keras file.
  ///
  /// The architecture, the weights as they are stored, samples and provenance come along, and so
  /// does what somebody else keeps in the HDF5 file. An optimizer's state does where the weights
  /// keep their places; elsewhere its layout is another one too. The other members of an archive
  /// stay behind.
  ///
  /// - Throws: `CheckpointError` when the file has no architecture that is needed, keeps weights
  ///   in an order that only their layer's class knows, or has assets without which an `.h5` would
  ///   not run; and whatever `options.checkInterruption` throws.
  public func prepareConversion(
    to flavour: CheckpointFlavour, _ changes: CheckpointChanges, at path: String,
    options: WriteOptions = WriteOptions()
  ) throws -> PendingCheckpoint {
    guard flavour != self.flavour else {
      return try prepare(changes, to: path, options: options)
    }
    guard flavour != .legacyWeights, flavour != .data else {
      throw CheckpointError(path, .otherFlavour(flavour))
    }
    if flavour == .wholeModel, let asset = assets.first {
      throw CheckpointError(self.path, .asset(asset))
    }
    let rewrite = try CheckpointError.naming(self.path) {
      try CheckpointRewrite(changes, of: self, options: options, as: flavour)
    }
    var assembly = CheckpointAssembly(path: path, options: options)
    if flavour == .archive {
      let members = try archiveTexts()
      assembly.wrapping = { file in
        try members.map { name, text in
          ZipContent(name: name, byteCount: text.utf8.count, chunkCount: 1) { _ in
            Array(text.utf8)
          }
        } + [KerasArchive.content(KerasArchive.weights, of: file, options.checkInterruption)]
      }
    }
    return try assembly.prepare(rewrite.fill)
  }

  /// What the manifest calls the architecture in a file of some flavour, and its text; nil where
  /// it has no place.
  func config(as flavour: CheckpointFlavour) throws -> (path: String, text: String)? {
    guard let path = flavour.configPath, let modelConfig else { return nil }
    return (path, flavour == .archive ? try archiveConfig() : modelConfig)
  }

  /// The texts of a `.keras` file.
  private func archiveTexts() throws -> [(name: String, text: String)] {
    let config = try archiveConfig()
    let metadata = JSONValue.object([
      "keras_version": .string(kerasVersion ?? "3.0.0"),
      // Keras asks for a date, and equal inputs for equal bytes.
      "date_saved": .string("1980-01-01@00:00:00"),
    ])
    return [(KerasArchive.metadata, metadata.text), (KerasArchive.configuration, config)]
  }

  /// The architecture as Keras 3 reads it outside of an `.h5`, which leaves out where the model's
  /// class is from; the text as it is where nothing is missing.
  ///
  /// - Throws: `CheckpointError` when there is none, or one that Keras 3 reads from no file.
  public func standaloneConfig() throws -> String {
    guard let modelConfig, let model = KerasLayerEntry(parsing: modelConfig) else {
      throw CheckpointError(path, .noArchitecture)
    }
    // A class of somebody's own has an empty module, or one that nobody can guess.
    guard model.layers != nil, try JSONValue(parsing: modelConfig)["module"] == nil,
      let brace = modelConfig.firstIndex(of: "{")
    else { return modelConfig }
    let module = model.className == "Sequential" ? "keras" : "keras.src.models.functional"
    let start = "{\"module\": \"\(module)\", \"registered_name\": null, "
    return start + modelConfig[modelConfig.index(after: brace)...]
  }

  /// - Throws: `CheckpointError` for an architecture that Keras 3 misreads, whatever file it is in.
  func archiveConfig() throws -> String {
    let config = try standaloneConfig()
    guard let model = KerasLayerEntry(parsing: config), isKeras2 else { return config }
    let problem = Self.keras2Problem(model)
    if let problem {
      throw CheckpointError(
        path,
        .malformed(
          object: configPath ?? "the architecture",
          expected: "an architecture that Keras 3 can load, as every .keras needs",
          found: "\(problem), written by Keras \(kerasVersion ?? "2"); convert it to .h5"))
    }
    return config
  }

  /// What Keras 3 does not read of a model of Keras 2.
  private static func keras2Problem(_ model: KerasLayerEntry) -> String? {
    if model.config.array != nil { return "a bare list of layers" }
    if (model.layers ?? []).contains(where: { $0.layers != nil }) {
      return "a model inside the model"
    }
    // A Sequential model of such layers is at least read by Keras 2.
    guard model.className != "Sequential" else { return nil }
    return KerasObject.all(of: model).first { object in
      let isModel = object.entry.layers != nil && !object.label.isEmpty
      let isOlder = ["time_major", "query_shape"].contains { object.entry.config[$0] != nil }
      return isModel || isOlder
    }.map { "the layer '\($0.layer)' with settings of an older form" }
  }

  var isKeras2: Bool {
    kerasVersion.map { $0.hasPrefix("2.") || $0.hasPrefix("1.") } ?? false
  }

  /// The layers that a file of Keras's legacy layout lists.
  func listedLayers() throws -> [String] {
    guard flavour == .legacyWeights else { return [] }
    return try KerasWeights(file)?.layerNames() ?? []
  }
}
