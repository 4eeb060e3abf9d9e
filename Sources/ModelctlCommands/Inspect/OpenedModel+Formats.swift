internal import Checkpoints
internal import Comparison
internal import Conversion
internal import ModelCore

extension OpenedModel {
  /// A Keras file of any flavour, with or without what modelctl adds.
  init(_ checkpoint: Checkpoint) throws {
    let places = checkpoint.placesOfWeights()
    self.init(
      path: checkpoint.path, format: checkpoint.formatInWords,
      parts: Self.parts(of: checkpoint.flavour),
      tensors: checkpoint.storedWeights.map {
        OpenedTensor($0, of: checkpoint, place: places[$0.path])
      })
    self.checkpoint = checkpoint
    splits = checkpoint.splits.map { OpenedSplit($0, of: checkpoint) }
    if let text = checkpoint.modelConfig { documents.append(("model_config", text)) }
    if let text = try checkpoint.trainingConfig() { documents.append(("training_config", text)) }
  }

  /// What Keras, and modelctl beside it, would put into a file of some flavour.
  private static func parts(of flavour: CheckpointFlavour) -> Set<Part> {
    let all = Set(Part.allCases)
    return switch flavour {
    case .archive: all
    case .weights: all.subtracting([.architecture, .compilation, .assets])
    case .wholeModel, .legacyWeights, .data: all.subtracting([.assets])
    }
  }

  /// An HDF5 file of another kind: every dataset is a tensor.
  init(_ file: ArrayFile) {
    self.init(
      path: file.path, format: "HDF5 file without a model", parts: [],
      tensors: file.arrays.map { OpenedTensor($0, of: file, name: String($0.path.dropFirst())) })
    isPlainHDF5 = true
  }

  /// A `.npy`, `.npz` or IDX file.
  static func arrays(_ path: String) throws -> OpenedModel {
    let arrays = try ForeignArrays.open(path)
    let isSafetensors = path.lowercased().contains(".safetensors")
    let isArchive = isSafetensors || path.lowercased().hasSuffix(".npz") || arrays.count != 1
    let splits = try NamedSplits(arrays)
    var model = OpenedModel(
      path: path,
      format: isSafetensors ? "safetensors" : isArchive ? "NumPy archive" : "array file",
      parts: isArchive ? [.splits] : [],
      tensors: try arrays.filter { !splits.members.contains($0.name) }.map { try OpenedTensor($0) })
    model.splits = splits.all
    return model
  }
}

extension OpenedModel {
  /// Arrays that are neither weights nor samples: an optimizer's state, and whatever else
  /// somebody has put into the file.
  func otherTensors() throws -> [OpenedTensor] {
    try checkpoint.map { checkpoint in
      let file = try checkpoint.otherArrays()
      return file.arrays.map { OpenedTensor($0, of: file, name: String($0.path.dropFirst())) }
    } ?? []
  }
}

extension Checkpoint {
  /// What kind of file it is, in words.
  var formatInWords: String {
    let keras = kerasVersion.map { " (Keras \($0.unquoted))" } ?? ""
    let model =
      switch flavour {
      case .wholeModel: "Keras model\(keras)"
      case .archive: "Keras model, .keras archive\(keras)"
      case .weights: "Keras weights, .weights.h5\(keras)"
      case .legacyWeights: "Keras weights\(keras)"
      case .data: "no model"
      }
    guard let formatVersion else { return model }
    return "modelctl checkpoint \(formatVersion), \(model)"
  }
}

extension NamedArray {
  fileprivate var holdsIntegers: Bool {
    if case .number(let type) = element { !type.isFloatingPoint } else { false }
  }
}

extension OpenedTensor {
  init(_ weight: StoredWeight, of checkpoint: Checkpoint, place: WeightPlace?) {
    let stream: () throws -> any ElementStream = {
      try Self.stream(checkpoint.reader(of: weight))
    }
    self.init(
      name: NameForms(layer: weight.layer, weight: weight.name).canonical,
      type: weight.elementType, shape: weight.shape, byteCount: weight.byteCount,
      storage: checkpoint.storage(of: weight), stream: stream)
    self.place = place
    location = weight.path
  }

  init(_ array: StoredArray, of file: ArrayFile, name: String) {
    self.init(
      name: name, elementType: array.elementType, typeName: array.typeName, shape: array.shape,
      byteCount: array.byteCount, storage: array.storage,
      stream: { try Self.stream(file.reader(of: array)) },
      digest: { try file.digest(of: array, checkInterruption: Interruption.check) })
  }

  private static func stream(_ reader: ArrayReader) throws -> RowStream {
    try RowStream(
      elementType: reader.elementType, shape: reader.shape, rowsPerBlock: reader.rowsPerBlock,
      readRows: reader.readRows)
  }

  init(_ array: NamedArray) throws {
    guard case .number(let type) = array.element else {
      self.init(
        name: array.name, elementType: nil, typeName: "text", shape: array.shape.dimensions,
        byteCount: nil, stream: { throw CommandError(.badInput, "\(array.name.quoted) is text") }
      ) {
        var digest = ArrayDigest(type: "string", shape: array.shape.dimensions)
        digest.update(try array.strings())
        return digest.hexadecimal
      }
      return
    }
    self.init(
      name: array.name, type: type, shape: array.shape,
      byteCount: array.rowCount * array.bytesPerRow
    ) {
      try RowStream(
        elementType: type, shape: array.shape,
        rowsPerBlock: (1 << 20) / max(1, array.bytesPerRow), readRows: array.readRows)
    }
  }
}

extension OpenedSplit {
  init(_ split: StoredSplit, of checkpoint: Checkpoint) {
    self.init(
      name: split.name, role: split.role.rawValue, count: split.layout.count,
      inputType: split.layout.elementType, sampleShape: split.layout.sampleShape.dimensions,
      idType: split.idKind.rawValue, hasClasses: split.hasClassIndices,
      classNames: checkpoint.classNames,
      source: { try checkpoint.samples(of: split) },
      identifiers: { try checkpoint.identifiers(of: split, rows: $0) })
  }
}

/// The splits among the arrays of an archive: `splits/<name>/x`, `/y` and `/id`, as an export
/// names them.
private struct NamedSplits {
  private(set) var all: [OpenedSplit] = []
  /// The names of the arrays that belong to a split.
  private(set) var members: Set<String> = []

  init(_ arrays: [NamedArray]) throws {
    let byName = Dictionary(arrays.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    for array in arrays where array.name.hasPrefix("splits/") && array.name.hasSuffix("/x") {
      let name = String(array.name.dropFirst("splits/".count).dropLast("/x".count))
      guard case .number(let type) = array.element, let y = byName["splits/\(name)/y"],
        let id = byName["splits/\(name)/id"], !array.shape.dimensions.isEmpty,
        id.rowCount == array.rowCount
      else { continue }
      all.append(
        OpenedSplit(
          name: name, role: nil, count: array.rowCount, inputType: type,
          sampleShape: array.rowShape.dimensions,
          idType: id.element == .text ? "strings" : "integers", hasClasses: y.holdsIntegers,
          classNames: nil,
          source: { try ArraySource(inputs: array, labels: y) },
          identifiers: try Self.identifiers(id)))
      members.formUnion(["x", "y", "id"].map { "splits/\(name)/\($0)" })
    }
  }

  /// All ids are read at once: those of a stream cannot be read again without starting anew.
  private static func identifiers(
    _ array: NamedArray
  ) throws -> (Range<Int>) throws -> [SampleIdentifier] {
    var loaded: [SampleIdentifier]?
    return { rows in
      let all = try loaded ?? Self.load(array)
      loaded = all
      return Array(all[rows])
    }
  }

  private static func load(_ array: NamedArray) throws -> [SampleIdentifier] {
    guard case .number = array.element else { return try array.strings().map { .string($0) } }
    guard let integers = try array.tensor().integers else {
      throw CommandError(
        .badInput,
        "array \(array.name.quoted) of \(array.file.quoted): expected ids that are "
          + "whole numbers of 64 bits or text")
    }
    return integers.map { .integer($0) }
  }
}
