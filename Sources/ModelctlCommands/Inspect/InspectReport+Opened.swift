internal import Checkpoints
internal import Comparison
internal import Foundation
internal import ModelCore

extension InspectReport {
  /// - Parameters:
  ///   - filter: which layers and arrays to show; all when empty.
  ///   - withStatistics: whether to read every array that is shown.
  init(
    _ model: OpenedModel, filter: [NamePattern], withStatistics: Bool,
    progress: (Int, Int, String) -> Void
  ) throws {
    func isShown(_ name: String) -> Bool { filter.isEmpty || filter.match(name) }
    let checkpoint = model.checkpoint
    let (layers, unsupported) = Self.layers(of: model)
    let others = try model.otherTensors()
    let shown = (
      layers: layers.filter { isShown($0.name) },
      weights: model.tensors.filter { isShown($0.name) },
      others: others.filter { isShown($0.name) }
    )
    let count = shown.weights.count + shown.others.count
    var done = 0
    func rows(_ tensors: [OpenedTensor], of all: [OpenedTensor]) throws -> [WeightRow] {
      let bytes = all.reduce(0) { $0 + $1.sizeInMemory }
      return try tensors.map { tensor in
        progress(done, count, tensor.name)
        done += 1
        return try WeightRow(tensor, of: bytes, withStatistics: withStatistics)
      }
    }
    let scan = ScanReport(model)
    let isModel = checkpoint != nil || !model.isPlainHDF5
    self.init(
      file: model.path, bytes: Self.size(of: model.path), format: model.format,
      model: checkpoint?.architecture?.name, layers: shown.layers,
      weights: isModel ? try rows(shown.weights, of: model.tensors) : [],
      arrays: try isModel
        ? rows(shown.others, of: others) : rows(shown.weights, of: model.tensors),
      totals: Totals(model),
      splits: try model.inOrder.map { try SplitRow($0, countsAll: withStatistics) },
      optimizerState: checkpoint?.hasOptimizerState ?? false, training: checkpoint?.recipe,
      provenance: checkpoint?.provenance.map(\.json) ?? [],
      contentDigest: checkpoint?.contentDigest, unsupported: unsupported,
      scan: scan.findings.map {
        Finding(rule: $0.rule.rawValue, path: $0.path, value: $0.value)
      },
      findings: scan.findings,
      hidden: layers.count + model.tensors.count + others.count - shown.layers.count - count)
  }

  private static func size(of path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : 0
  }

  /// The layers, and what keeps the engine from running them.
  private static func layers(of model: OpenedModel) -> (rows: [LayerRow], unsupported: String?) {
    guard let checkpoint = model.checkpoint else { return ([], nil) }
    var counts: [String: Int] = [:]
    let known = Set(checkpoint.architecture?.layers.map(\.name) ?? [])
    let owners = checkpoint.layersOfWeights()
    for weight in checkpoint.storedWeights {
      let owner = owners[weight.path] ?? weight.layer
      // The parts of a layer of layers count for the layer.
      let outer = owner.split(separator: "/").first.map(String.init) ?? owner
      counts[known.contains(owner) ? owner : outer, default: 0] += weight.shape.elementCount
    }
    guard let architecture = checkpoint.architecture else {
      let listing = checkpoint.modelConfig.flatMap { try? KerasLayerListing(parsing: $0) }
      let rows = (listing?.layers ?? []).map { layer in
        LayerRow(
          name: layer.name, type: layer.className, outputShape: nil,
          parameters: counts[layer.name] ?? 0, inputs: layer.inputs)
      }
      return (rows, checkpoint.configurationProblem?.description)
    }
    var shapes: [String: Shape] = [:]
    var unsupported: String?
    do { shapes = try architecture.shapes() } catch {
      unsupported = error.description
      shapes = Self.knownShapes(architecture)
    }
    let rows = architecture.layers.map { layer in
      LayerRow(
        name: layer.name, type: layer.kind.className, outputShape: shapes[layer.name]?.dimensions,
        parameters: counts[layer.name] ?? 0, inputs: layer.inputs)
    }
    return (rows, unsupported)
  }

  /// The output shapes of the layers before any that cannot be run.
  private static func knownShapes(_ architecture: Architecture) -> [String: Shape] {
    var shapes: [String: Shape] = [:]
    for layer in architecture.layers {
      let inputs = layer.inputs.compactMap { shapes[$0] }
      guard inputs.count == layer.inputs.count else { continue }
      shapes[layer.name] = try? layer.outputShape(of: inputs)
    }
    return shapes
  }
}

extension InspectReport.Totals {
  init(_ model: OpenedModel) {
    let isStored = model.tensors.allSatisfy { $0.storage != nil }
    var trainable: Int?
    if let specifications = try? model.checkpoint?.architecture?.parameterSpecifications() {
      trainable = specifications.reduce(0) { $0 + ($1.isTrainable ? $1.shape.elementCount : 0) }
    }
    self.init(
      parameters: model.tensors.reduce(0) { $0 + $1.elementCount },
      bytes: model.tensors.reduce(0) { $0 + $1.sizeInMemory },
      storedBytes: isStored
        ? model.tensors.reduce(0) { $0 + ($1.storage?.storedByteCount ?? 0) } : nil,
      trainable: trainable)
  }
}

extension InspectReport.WeightRow {
  init(_ tensor: OpenedTensor, of total: Int, withStatistics: Bool) throws {
    var stats: InspectReport.Statistics?
    if withStatistics, tensor.elementType != nil {
      stats = InspectReport.Statistics(
        try TensorStatistics(of: tensor.stream(), checkInterruption: Interruption.check))
    }
    self.init(
      name: tensor.name, dtype: tensor.typeName, shape: tensor.shape, bytes: tensor.sizeInMemory,
      parameters: tensor.elementCount,
      share: total > 0 ? Double(tensor.sizeInMemory) / Double(total) : 0,
      storage: tensor.storage.map(InspectReport.Storage.init), stats: stats)
  }
}

extension OpenedTensor {
  /// What its elements take in memory; in the file where they have no fixed size.
  var sizeInMemory: Int { byteCount ?? storage?.storedByteCount ?? 0 }
}

extension OpenedModel {
  /// Training data first, as people think of them.
  fileprivate var inOrder: [OpenedSplit] {
    let roles = SplitRole.allCases.map(\.rawValue)
    let ranked = splits.enumerated().map { index, split in
      (rank: roles.firstIndex(of: split.role ?? split.name) ?? roles.count, index: index, split)
    }
    return ranked.sorted { ($0.rank, $0.index) < ($1.rank, $1.index) }.map(\.2)
  }
}

extension InspectReport.SplitRow {
  /// Beyond this many samples, classes are counted only when everything is read anyway.
  private static let countedAtOnce = 1 << 20

  init(_ split: OpenedSplit, countsAll: Bool) throws {
    let isCounted = countsAll || split.count <= Self.countedAtOnce
    self.init(
      name: split.name, role: split.role ?? split.name, samples: split.count,
      x: .init(dtype: split.inputType.rawValue, shape: [split.count] + split.sampleShape),
      idType: split.idType, classes: isCounted ? try split.classCounts() : nil,
      targets: split.hasClasses ? "classes" : "probabilities")
  }
}
