internal import HDF5
public import ModelCore

extension Checkpoint {
  /// The JSON text that says how Keras compiled the model, as it is stored; nil when it was not.
  public func trainingConfig() throws -> String? {
    try CheckpointError.naming(path) { try file.root.string(attribute: "training_config") }
  }

  /// How a weight lies in the file.
  public func storage(of weight: StoredWeight) -> StorageDescription? {
    guard case .dataset(let description) = file.node(at: weight.path) else { return nil }
    return StorageDescription(description)
  }

  /// A reader of a weight's elements, row by row.
  public func reader(of weight: StoredWeight) throws -> ArrayReader {
    try CheckpointError.naming(path) {
      ArrayReader(
        try file.dataset(at: weight.path), type: weight.elementType, shape: weight.shape,
        file: path)
    }
  }

  /// The arrays that are neither the model's weights nor modelctl's own: an optimizer's state,
  /// and whatever else somebody has put into the file.
  public func otherArrays() throws -> ArrayFile {
    let weights = Set(storedWeights.map(\.path))
    return try CheckpointError.naming(path) {
      ArrayFile(
        file,
        try ArrayFile.list(file) { path in
          !weights.contains(path) && !path.hasPrefix(FormatPaths.root + "/")
        })
    }
  }
}

/// Any HDF5 file as a list of arrays.
///
/// Opening looks at everything and reads no element. It belongs to one owner.
public final class ArrayFile {
  public let path: String
  /// Depth first, each group in its own order.
  public let arrays: [StoredArray]
  private let file: HDF5File

  /// - Throws: `CheckpointError` when the file cannot be trusted.
  public convenience init(reading path: String) throws {
    let file = try CheckpointError.naming(path) { try HDF5File(reading: path) }
    self.init(file, try CheckpointError.naming(path) { try Self.list(file) { _ in true } })
  }

  init(_ file: HDF5File, _ arrays: [StoredArray]) {
    self.file = file
    self.arrays = arrays
    path = file.path
  }

  static func list(
    _ file: HDF5File, including isIncluded: (String) -> Bool
  ) throws -> [StoredArray] {
    var arrays: [StoredArray] = []
    var pending = ["/"]
    while let next = pending.popLast() {
      switch file.node(at: next) {
      case .group(let names): pending += names.reversed().map { HDF5File.path(next, $0) }
      case .dataset(let description) where isIncluded(next):
        arrays.append(try StoredArray(description, at: next, of: file))
      default: break
      }
    }
    return arrays
  }

  /// A reader of an array's numbers, row by row.
  ///
  /// - Throws: `CheckpointError` when the elements are no numbers.
  public func reader(of array: StoredArray) throws -> ArrayReader {
    try CheckpointError.naming(path) {
      guard let type = array.elementType else {
        throw CheckpointError(
          path, .malformed(object: array.path, expected: "numbers", found: array.typeName))
      }
      return ArrayReader(
        try file.dataset(at: array.path), type: type, shape: try Shape(array.shape), file: path)
    }
  }

  /// The digest of an array's content, of whatever type it is.
  ///
  /// - Parameter checkInterruption: called between blocks; what it throws ends the work.
  public func digest(
    of array: StoredArray, checkInterruption: () throws -> Void = {}
  ) throws -> String {
    try CheckpointError.naming(path) {
      try Checkpoint.entry(file.dataset(at: array.path), checkInterruption).sha256
    }
  }
}

/// Reads the numbers of a dataset, so that an array may be larger than memory.
public final class ArrayReader {
  public let elementType: ElementType
  public let shape: Shape
  /// How many neighbouring rows are read together at the least cost.
  public let rowsPerBlock: Int
  private let dataset: HDF5Dataset
  private let file: String

  init(_ dataset: HDF5Dataset, type: ElementType, shape: Shape, file: String) {
    self.dataset = dataset
    self.file = file
    elementType = type
    self.shape = shape
    rowsPerBlock = (try? dataset.blockRows()) ?? 1
  }

  /// The extent of the outermost axis; 1 for a scalar.
  public var rowCount: Int { dataset.rowCount }

  /// Reads neighbouring rows, row-major and little-endian.
  ///
  /// - Parameters:
  ///   - rows: within `0..<rowCount`.
  ///   - bytes: exactly as large as the rows are.
  public func readRows(_ rows: Range<Int>, into bytes: UnsafeMutableRawBufferPointer) throws {
    try CheckpointError.naming(file) { try dataset.read(rows, into: bytes) }
  }
}

extension StoredArray {
  init(_ description: HDF5DatasetDescription, at path: String, of file: HDF5File) throws {
    self.path = path
    var type: ElementType?
    switch description.type {
    // Only an attribute tells what such bytes mean.
    case .opaque(2), .number(.uint16, _): type = try ElementType(of: file.dataset(at: path))
    case .number(let number, _): type = ElementType(rawValue: number.rawValue)
    case .boolean: type = .bool
    default: break
    }
    elementType = type
    typeName = type?.rawValue ?? description.type.description
    shape = description.shape
    byteCount = description.byteCount
    storage = StorageDescription(description)
  }
}

extension StorageDescription {
  init(_ description: HDF5DatasetDescription) {
    storedByteCount = description.storedByteCount
    switch description.storage {
    case .compact: (layout, chunk, filters) = (.compact, nil, [])
    case .contiguous: (layout, chunk, filters) = (.contiguous, nil, [])
    case .chunked(let extents, let steps):
      (layout, chunk) = (.chunked, extents)
      filters = steps.map { filter in
        switch filter {
        case .deflate(let level): "deflate \(level)"
        case .shuffle: "shuffle"
        case .fletcher32: "fletcher32"
        }
      }
    }
  }
}
