internal import Checkpoints
internal import Comparison
internal import ModelCore

/// Compares two opened files part by part.
struct ModelDiff {
  let first: OpenedModel
  let second: OpenedModel
  let tolerance: Tolerance
  let ignored: [NamePattern]
  let map: [(old: String, new: String)]
  let listsIdentifiers: Bool
  /// Whether files with the same contents differ when one has seen more operations.
  let comparesProvenance: Bool
  let progress: (_ done: Int, _ of: Int, _ name: String) -> Void

  func report() throws -> DiffReport {
    let tensors = try tensorDiff(map: map).compare(first.tensors, second.tensors)
    let arrays = try otherArrays()
    let splits = try self.splits()
    let layers = try self.layers()
    let settings = try self.settings()
    let provenance = self.provenance()
    let isSame =
      !tensors.rows.contains(where: \.counts) && !arrays.contains(where: \.counts)
      && !splits.contains { !$0.isSame && !$0.isIgnored }
      && !layers.contains { !$0.isIgnored } && !settings.contains { !$0.isIgnored }
      && provenance.map { countsAsSame($0) || $0.isIgnored } ?? true
    return DiffReport(
      before: first.summary, after: second.summary, isSame: isSame,
      rules: DiffReport.Rules(
        absolute: tolerance.absolute, relative: tolerance.relative, floor: tolerance.floor,
        nanDiffers: tolerance.nanDiffers, ignored: ignored.map(\.text)),
      tensors: tensors.rows, totals: tensors.totals, arrays: arrays,
      layerChanges: tensors.layers,
      splits: splits, layers: layers, settings: settings, provenance: provenance,
      notCompared: notCompared(), notes: notes(on: tensors.rows))
  }

  /// Whether both formats have a place for something.
  private func bothHold(_ part: OpenedModel.Part) -> Bool {
    first.parts.contains(part) && second.parts.contains(part)
      && (isOneFlavour || !Self.flavoured.contains(part))
  }

  /// What an archive and a legacy file of one model hold in forms of their own.
  private static let flavoured: Set<OpenedModel.Part> = [.compilation, .otherArrays]

  private var isOneFlavour: Bool {
    first.checkpoint?.flavour.storesObjects == second.checkpoint?.flavour.storesObjects
  }

  // MARK: Tensors

  private func tensorDiff(map: [(old: String, new: String)]) -> TensorDiff {
    TensorDiff(
      tolerance: tolerance, ignored: ignored, map: map,
      // NumPy has no bfloat16, and an export stores its values as they are.
      converted: first.holdsEveryType && second.holdsEveryType ? [:] : [.bfloat16: .float32],
      progress: progress)
  }

  private func otherArrays() throws -> [DiffReport.Tensor] {
    guard bothHold(.otherArrays) else { return [] }
    return try tensorDiff(map: []).compare(first.otherTensors(), second.otherTensors()).rows
  }

  // MARK: Splits

  private func splits() throws -> [DiffReport.Split] {
    guard bothHold(.splits) else { return [] }
    let difference = try SampleDifference(from: inventory(of: first), to: inventory(of: second))
    return difference.splits.map { split in
      DiffReport.Split(
        split,
        fields: FieldDifference.all(
          from: first.split(named: split.name)?.json(beside: second.split(named: split.name)),
          to: second.split(named: split.name)?.json(beside: first.split(named: split.name))),
        isIgnored: ignored.match("splits/\(split.name)"), listsIdentifiers: listsIdentifiers)
    }
  }

  private func inventory(
    of model: OpenedModel
  ) throws -> SampleInventory<SampleIdentifier> {
    var inventory = SampleInventory<SampleIdentifier>()
    for split in model.splits where !ignored.match("splits/\(split.name)") {
      inventory.begin(split: split.name)
      try split.forEachSample { identifier, content in
        guard inventory.add(identifier, content: content) else {
          throw CommandError(
            .badInput,
            "\(model.path.quoted): an id of split \(split.name.quoted) occurs twice in the file, "
              + "so its samples cannot be told apart")
        }
      }
    }
    return inventory
  }

  // MARK: Architecture and settings

  private func layers() throws -> [DiffReport.Layer] {
    guard bothHold(.architecture) else { return [] }
    let old = (try first.listing()?.layers ?? []).map(renamed)
    let new = try second.listing()?.layers ?? []
    let alike = isOneVersion ? [] : layersThatComputeTheSame()
    return LayerDifference.all(
      from: old, to: new, commonFieldsOnly: !isOneVersion
    ).filter { !alike.contains($0.name) }.map { layer in
      DiffReport.Layer(
        name: layer.name, before: layer.before, after: layer.after,
        fields: layer.fields.map(DiffReport.Field.init),
        isIgnored: ignored.match("layers/\(layer.name)"))
    }
  }

  /// A layer of the first file under the names of the second.
  private func renamed(_ layer: LayerDescription) -> LayerDescription {
    func name(_ old: String) -> String { map.first { $0.old == old }?.new ?? old }
    return LayerDescription(
      name: name(layer.name), className: layer.className, config: layer.config,
      inputs: layer.inputs.map(name))
  }

  /// Layers that are one layer to the engine, however two versions of Keras write them.
  private func layersThatComputeTheSame() -> Set<String> {
    let layers = [first, second].map { $0.checkpoint?.architecture?.layers ?? [] }
    let others = Dictionary(
      layers[1].map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let alike = layers[0].filter { layer in
      // Of one that the engine does not know, it cannot say so.
      if case .unsupported = layer.kind { return false }
      return others[layer.name] == layer
    }
    return Set(alike.map(\.name))
  }

  /// Whether one major version of Keras wrote both files; each has fields of its own.
  private var isOneVersion: Bool {
    first.checkpoint?.kerasVersion?.first == second.checkpoint?.kerasVersion?.first
  }

  private func settings() throws -> [DiffReport.Setting] {
    guard bothHold(.settings), let old = first.checkpoint, let new = second.checkpoint else {
      return []
    }
    var settings: [(String, JSONValue?, JSONValue?)] = [
      ("class-names", old.classNamesJSON, new.classNamesJSON),
      ("input-scale", Self.json(old.inputScale), Self.json(new.inputScale)),
      ("input-offset", Self.json(old.inputOffset), Self.json(new.inputOffset)),
      ("training", old.recipe?.json, new.recipe?.json),
    ]
    if bothHold(.architecture) {
      settings.append(
        ("model", try first.listing()?.model.json, try second.listing()?.model.json))
    }
    if bothHold(.compilation), isOneVersion {
      settings.append(("training_config", first.compilation, second.compilation))
    }
    if bothHold(.assets) {
      settings.append(("assets", try Self.assets(of: old), try Self.assets(of: new)))
    }
    return settings.compactMap { name, before, after in
      var fields = FieldDifference.all(from: before, to: after)
      if name == "model", !isOneVersion {
        // The whole model's absence is no matter of versions.
        fields.removeAll { !$0.path.isEmpty && ($0.before == nil || $0.after == nil) }
      }
      guard !fields.isEmpty else { return nil }
      return DiffReport.Setting(
        name: name, fields: fields.map(DiffReport.Field.init), isIgnored: ignored.match(name))
    }
  }

  private static func assets(of checkpoint: Checkpoint) throws -> JSONValue {
    let digests = try checkpoint.assetDigests(checkInterruption: Interruption.check)
    return .object(digests.mapValues(JSONValue.string))
  }

  private static func json(_ values: [Float]) -> JSONValue {
    .array(values.map { .number(Double($0.description) ?? Double($0)) })
  }

  private func provenance() -> DiffReport.Provenance? {
    guard bothHold(.provenance), let old = first.checkpoint?.provenance,
      let new = second.checkpoint?.provenance
    else { return nil }
    let common = zip(old, new).prefix { $0.text == $1.text }.count
    let words = { (record: ProvenanceRecord) in record.operation ?? "?" }
    return DiffReport.Provenance(
      common: common, removed: old.dropFirst(common).map(words),
      added: new.dropFirst(common).map(words), isContinued: common == min(old.count, new.count),
      isIgnored: ignored.match("provenance"))
  }

  /// A model is the same as its export, which has a record more; a history that is another one
  /// is a difference.
  private func countsAsSame(_ provenance: DiffReport.Provenance) -> Bool {
    provenance.isSame || (provenance.isContinued && !comparesProvenance)
  }

  /// What would help where arrays have no counterpart of their name.
  private func notes(on tensors: [DiffReport.Tensor]) -> [String] {
    let isUnmatched = tensors.contains {
      $0.counts
        && ($0.matchedBy ?? NamePairing.Reason.content.rawValue)
          == NamePairing.Reason.content.rawValue
    }
    guard isUnmatched else { return [] }
    return [first, second].filter(\.lacksArchitecture).map { model in
      "\(model.path.quoted) holds weights without an architecture; if that is why names do not match, "
        + "give their network with --architecture model.json"
    }
  }

  private func notCompared() -> [DiffReport.NotCompared] {
    OpenedModel.Part.allCases.compactMap { part in
      for (model, other) in [(first, second), (second, first)] {
        guard !model.parts.contains(part), other.has(part) else { continue }
        return DiffReport.NotCompared(
          part: part.rawValue, reason: "the format of \(model.path.quoted) has no place for it")
      }
      guard !isOneFlavour, Self.flavoured.contains(part), first.has(part) || second.has(part) else {
        return nil
      }
      return DiffReport.NotCompared(
        part: part.rawValue, reason: "the flavours of the two files write it in different ways")
    }
  }
}

extension OpenedModel {
  fileprivate var summary: DiffReport.File {
    DiffReport.File(
      file: path, format: format, tensors: tensors.count,
      parameters: tensors.reduce(0) { $0 + $1.elementCount })
  }

  /// Whether every element type has a place in the format.
  fileprivate var holdsEveryType: Bool { checkpoint != nil }

  fileprivate func split(named name: String) -> OpenedSplit? { splits.first { $0.name == name } }

  fileprivate func listing() throws -> KerasLayerListing? {
    guard let text = document("model_config") else { return nil }
    do { return try KerasLayerListing(parsing: text) } catch {
      throw CommandError(
        .badInput, "\(path.quoted): the model's configuration cannot be compared: \(error)")
    }
  }

  /// How Keras compiled the model; text that is no JSON is compared as it is.
  fileprivate var compilation: JSONValue? {
    guard checkpoint?.flavour != .archive else {
      let config = document("model_config").flatMap { try? JSONValue(parsing: $0) }
      return config?["compile_config"]
    }
    return document("training_config").map { (try? JSONValue(parsing: $0)) ?? .string($0) }
  }

  /// Whether there is anything of this part in the file.
  fileprivate func has(_ part: Part) -> Bool {
    switch part {
    case .splits: !splits.isEmpty
    case .architecture: checkpoint?.modelConfig != nil && parts.contains(part)
    case .settings:
      checkpoint.map { $0.classNames != nil || $0.recipe != nil } ?? false
    case .compilation: compilation != nil
    case .provenance: checkpoint.map { !$0.provenance.isEmpty } ?? false
    case .assets: checkpoint.map { !$0.assets.isEmpty } ?? false
    case .otherArrays: checkpoint?.hasOptimizerState ?? false
    }
  }
}

extension OpenedSplit {
  /// What is compared beside the samples; the role only where both formats have one.
  fileprivate func json(beside other: OpenedSplit?) -> JSONValue {
    var members: [String: JSONValue] = [
      "x.dtype": .string(inputType.rawValue),
      "x.shape": .array(sampleShape.map { .integer(Int64($0)) }),
    ]
    if other == nil || other?.role != nil { members["role"] = role.map(JSONValue.string) }
    return .object(members)
  }
}

extension LayerDescription {
  fileprivate var json: JSONValue {
    .object(["class": .string(className), "name": .string(name), "config": config])
  }
}

extension Checkpoint {
  fileprivate var classNamesJSON: JSONValue? { classNames.map { .array($0.map(JSONValue.string)) } }
}

extension DiffReport.Split {
  init(
    _ split: SampleDifference<SampleIdentifier>.Split, fields: [FieldDifference], isIgnored: Bool,
    listsIdentifiers: Bool
  ) {
    // A split that only one file has differs as a whole; its fields would say it again.
    let isShared = split.before != nil && split.after != nil
    let fields = isShared ? fields : []
    self.init(
      name: split.name, isSame: split.isEqual && fields.isEmpty, isIgnored: isIgnored,
      before: split.before, after: split.after, removed: split.removed.count,
      added: split.added.count, changed: split.changed.count,
      movedTo: Self.count(split.movedOut.map(\.to)),
      movedFrom: Self.count(split.movedIn.map(\.from)),
      isReordered: split.isReordered, fields: fields.map(DiffReport.Field.init),
      ids: !listsIdentifiers
        ? nil
        : DiffReport.Identifiers(
          removed: split.removed.map(\.description), added: split.added.map(\.description),
          changed: split.changed.map(\.description),
          moved: split.movedOut.map(\.identifier.description)))
  }

  private static func count(_ names: [String]) -> [DiffReport.Move] {
    Dictionary(grouping: names) { $0 }.sorted { $0.key < $1.key }
      .map { DiffReport.Move(split: $0.key, samples: $0.value.count) }
  }
}
