internal import Checkpoints
internal import Comparison
internal import Conversion
internal import Foundation
internal import ModelCore

/// A file of any format that holds a model, or a part of one: named tensors, and perhaps samples,
/// an architecture and settings. Nothing of its arrays has been read.
struct OpenedModel {
  /// What a file may hold; a format that has no place for something cannot be blamed for not
  /// having it.
  enum Part: String, CaseIterable {
    case splits, architecture, compilation, settings, provenance, assets
    case otherArrays = "other arrays"
  }

  let path: String
  /// The format in words.
  let format: String
  /// The parts, beside tensors, that the format has a place for.
  let parts: Set<Part>
  /// The model's weights, in the file's order.
  let tensors: [OpenedTensor]
  var splits: [OpenedSplit] = []
  /// The JSON documents that say what the model is, by name.
  var documents: [(name: String, text: String)] = []
  /// What is known of a checkpoint beyond tensors and samples.
  var checkpoint: Checkpoint?
  /// Whether it is an HDF5 file of which nothing is known but its arrays.
  var isPlainHDF5 = false

  /// Opens a file; what it is follows from its first bytes and its name.
  ///
  /// - Parameter architecture: the JSON text of the network, for a file that has none of its own.
  /// - Throws: `CheckpointError` or `ConversionError`.
  init(reading path: String, architecture: String? = nil) throws {
    switch Self.isArrayFile(path) {
    case true: self = try Self.arrays(path)
    case false:
      do { try self.init(Checkpoint(reading: path, architecture: architecture)) } catch let error
        as CheckpointError
      {
        guard case .notACheckpoint = error.problem, !CheckpointFlavour.isArchive(path) else {
          throw error
        }
        self.init(try ArrayFile(reading: path))
      }
    }
  }

  /// Whether a file is of named arrays alone, or at least not meant to be Keras's.
  static func isArrayFile(_ path: String) -> Bool {
    let name = path.lowercased()
    if [".npz", ".npy", ".gz", ".safetensors", ".safetensors.index.json"].contains(
      where: name.hasSuffix)
    {
      return true
    }
    if [".h5", ".hdf5", ".keras"].contains(where: name.hasSuffix) { return false }
    guard let handle = FileHandle(forReadingAtPath: path) else { return false }
    defer { try? handle.close() }
    let start = (try? handle.read(upToCount: 6)).flatMap { $0 } ?? Data()
    return start.starts(with: Data("\u{93}NUMPY".unicodeScalars.map { UInt8($0.value) }))
      || start.starts(with: Data("PK".utf8))
  }

  /// Whether it holds a network's weights, and not what the network is.
  var lacksArchitecture: Bool {
    guard let checkpoint, checkpoint.modelConfig == nil else { return false }
    return checkpoint.flavour == .weights || checkpoint.flavour == .legacyWeights
  }

  /// The document of that name, or nil.
  func document(_ name: String) -> String? { documents.first { $0.name == name }?.text }

  init(path: String, format: String, parts: Set<Part>, tensors: [OpenedTensor]) {
    self.path = path
    self.format = format
    self.parts = parts
    self.tensors = tensors
  }
}

/// An array of a model file.
struct OpenedTensor {
  let name: String
  /// Nil when the elements are no numbers.
  let elementType: ElementType?
  /// The elements' type in words.
  let typeName: String
  let shape: [Int]
  /// In a reader's memory; nil when the elements have no fixed size.
  let byteCount: Int?
  var storage: StorageDescription?
  /// Where a network that is known has it.
  var place: WeightPlace?
  /// The dataset's path in a Keras file.
  var location: String?
  /// Starts to read the numbers from the first one.
  let stream: () throws -> any ElementStream
  /// The digest of type, shape and elements, whatever the elements are.
  let digest: () throws -> String

  var elementCount: Int { shape.reduce(1, *) }

  /// What tells which array of another file it is.
  var label: NamePairing.Label {
    NamePairing.Label(
      name, place: place.map { $0.layers + [$0.role] },
      otherName: place.flatMap { place in
        place.otherRole.map { (place.layers + [$0]).joined(separator: "/") }
      }, location: location)
  }
}

extension OpenedModel {
  /// The bytes that there are to read, unpacked, as far as is known beforehand.
  var declaredByteCount: Int {
    checkpoint?.declaredByteCount
      ?? tensors.reduce(0) { sum, tensor in
        let (next, overflow) = sum.addingReportingOverflow(tensor.byteCount ?? 0)
        return overflow ? .max : next
      }
  }
}

extension OpenedTensor {
  /// An array of numbers.
  init(
    name: String, type: ElementType, shape: Shape, byteCount: Int,
    storage: StorageDescription? = nil, stream: @escaping () throws -> any ElementStream
  ) {
    self.init(
      name: name, elementType: type, typeName: type.rawValue, shape: shape.dimensions,
      byteCount: byteCount, storage: storage, stream: stream
    ) {
      var digest = ArrayDigest(type: type.rawValue, shape: shape.dimensions)
      let stream = try stream()
      var left = byteCount
      let buffer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: min(max(1, left), 1 << 20), alignment: 64)
      defer { buffer.deallocate() }
      while left > 0 {
        try Interruption.check()
        let part = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(left))
        try stream.read(into: part)
        digest.update(UnsafeRawBufferPointer(part))
        left -= part.count
      }
      return digest.hexadecimal
    }
  }
}

/// The samples of a model file.
struct OpenedSplit {
  let name: String
  /// Nil where the format has no place for it.
  let role: String?
  let count: Int
  let inputType: ElementType
  let sampleShape: [Int]
  /// `integers` or `strings`.
  let idType: String
  /// Whether targets are class indices; they are probabilities of all classes otherwise.
  let hasClasses: Bool
  let classNames: [String]?
  let source: () throws -> any SampleSource
  let identifiers: (Range<Int>) throws -> [SampleIdentifier]

  /// Reads all samples, and hands over what identifies each and its content.
  ///
  /// Class indices are compared as numbers, whatever integer type holds them.
  func forEachSample(_ body: (SampleIdentifier, ContentKey) throws -> Void) throws {
    let source = try source()
    let size = source.layout.bytesPerSample
    let rowsPerBlock = max(1, min(source.layout.rowsPerBlock, (8 << 20) / max(1, size)))
    var inputs = [UInt8](repeating: 0, count: rowsPerBlock * size)
    for start in stride(from: 0, to: count, by: rowsPerBlock) {
      try Interruption.check()
      let rows = start..<min(start + rowsPerBlock, count)
      try inputs.withUnsafeMutableBytes { buffer in
        let part = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(rows.count * size))
        try source.readInputs(rows, into: part)
      }
      let targets = try source.readTargets(rows)
      for (row, identifier) in zip(0..<rows.count, try identifiers(rows)) {
        var digest = ArrayDigest(type: inputType.rawValue, shape: sampleShape)
        inputs.withUnsafeBytes { bytes in
          digest.update(UnsafeRawBufferPointer(rebasing: bytes[row * size..<(row + 1) * size]))
        }
        targets.withBytes(ofRow: row) { digest.update($0) }
        try body(identifier, ContentKey(digest.sha256))
      }
    }
  }
}

extension OpenedSplit {
  /// How many samples each class has, by its name or index; nil where targets are
  /// probabilities.
  func classCounts() throws -> [String: Int]? {
    guard hasClasses else { return nil }
    let source = try source()
    var counts = [Int](repeating: 0, count: source.layout.classCount)
    for start in stride(from: 0, to: count, by: 65_536) {
      try Interruption.check()
      let targets = try source.readTargets(start..<min(start + 65_536, count))
      if case .classes(let classes) = targets { for index in classes { counts[Int(index)] += 1 } }
    }
    let names = counts.indices.map { index in
      classNames.flatMap { $0.indices.contains(index) ? $0[index] : nil } ?? "\(index)"
    }
    return Dictionary(zip(names, counts), uniquingKeysWith: +)
  }
}

extension Targets {
  /// The target of one row as bytes that equal targets share.
  fileprivate func withBytes(ofRow row: Int, _ body: (UnsafeRawBufferPointer) -> Void) {
    switch self {
    case .classes(let classes): withUnsafeBytes(of: Int64(classes[row]), body)
    case .distributions(let values, let width):
      values[row * width..<(row + 1) * width].withUnsafeBytes(body)
    }
  }
}
