internal import Foundation
public import ModelCore
internal import Zip

/// Names of samples, in the order of their rows.
public enum SampleIdentifiers: Hashable, Sendable {
  case integers([Int64])
  case strings([String])

  public var count: Int {
    switch self {
    case .integers(let values): values.count
    case .strings(let values): values.count
    }
  }
}

/// A file of arrays to be written: weights as `<layer>/<role>`, splits as `splits/<name>/x`,
/// `/y`, `/id`.
///
/// Its bytes depend on what was added, and in which order, alone. Splits stream: memory does not
/// grow with them.
public struct ArrayExport {
  private var items: [Item] = []
  private var names: Set<String> = []

  /// One array, whose bytes are made when they are written: row-major and little-endian.
  struct Item {
    let name: String
    let element: StoredElement
    let shape: Shape
    let chunkCount: Int
    let chunk: (Int) throws -> [UInt8]
  }

  /// The kinds of files that hold arrays.
  public enum Format: String, CaseIterable, Sendable {
    /// NumPy's archive. It lacks bfloat16, which becomes float32.
    case npz
    /// It has no text.
    case safetensors
  }

  public init() {}

  /// The names of the arrays so far, in order.
  public var arrayNames: [String] { items.map(\.name) }

  /// Adds an array.
  ///
  /// - Throws: `ConversionError` for a name that is taken, or that no archive should hold.
  public mutating func add(_ tensor: Tensor, named name: String) throws {
    try append(name, .number(tensor.elementType), tensor.shape, chunkCount: 1) { _ in tensor.bytes }
  }

  /// Adds strings as a vector of fixed-length Unicode text.
  ///
  /// - Throws: as `add(_:named:)`; also for a string that ends in a zero, which NumPy cannot tell
  ///   from its filling.
  public mutating func add(_ strings: [String], named name: String) throws {
    var width = 1
    for (row, text) in strings.enumerated() {
      guard text.unicodeScalars.last != "\0" else {
        throw ConversionError(
          file: name,
          .mismatch(expected: "text", found: "a zero at the end of row \(row)"))
      }
      width = max(width, text.unicodeScalars.count)
    }
    let element = StoredElement.unicode(width: width)
    let perChunk = max(1, Self.chunkSize / (4 * width))
    let shape = Shape(vector: strings.count)
    try append(name, element, shape, chunkCount: chunks(strings.count, of: perChunk)) { index in
      let rows = index * perChunk..<min((index + 1) * perChunk, strings.count)
      return Self.encode(strings[rows], width: width)
    }
  }

  /// Adds one weight of a network in its own stored type and Keras's layout.
  public mutating func add(_ weight: Tensor, named name: ParameterName) throws {
    try add(weight, named: name.description)
  }

  /// Adds a split; its rows are read when the file is written.
  ///
  /// `x` keeps its stored type and values: no scale is applied. `y` is int32 `[N]`, or float32
  /// `[N, C]`.
  ///
  /// - Throws: as `add(_:named:)`; also when the identifiers are more or fewer than the samples,
  ///   and what the source throws.
  public mutating func addSplit(
    named name: String, _ source: any SampleSource, identifiers: SampleIdentifiers? = nil
  ) throws {
    try addSplit(source, identifiers: identifiers, in: WeightNames.splitsFolder + name + "/")
  }

  /// Adds a split as the arrays `x`, `y` and `id`.
  ///
  /// - Parameter folder: what stands before their names, with its slash.
  public mutating func addSplit(
    _ source: any SampleSource, identifiers: SampleIdentifiers?, in folder: String
  ) throws {
    let layout = source.layout
    if let identifiers, identifiers.count != layout.count {
      throw ConversionError(
        file: folder,
        .mismatch(expected: "\(layout.count) identifiers", found: "\(identifiers.count)"))
    }
    let inputs = try shape([layout.count] + layout.sampleShape.dimensions, folder)
    let perChunk = max(1, min(layout.rowsPerBlock, (16 << 20) / max(1, layout.bytesPerSample)))
    try append(
      folder + "x", .number(layout.elementType), inputs,
      chunkCount: chunks(layout.count, of: perChunk)
    ) { index in
      let rows = index * perChunk..<min((index + 1) * perChunk, layout.count)
      var bytes = [UInt8](repeating: 0, count: rows.count * layout.bytesPerSample)
      try bytes.withUnsafeMutableBytes { try source.readInputs(rows, into: $0) }
      return bytes
    }
    try addTargets(of: source, named: folder + "y")
    switch identifiers {
    case .integers(let values):
      try add(
        Tensor(integers: values, shape: Shape(vector: values.count)), named: folder + "id")
    case .strings(let values): try add(values, named: folder + "id")
    case nil: break
    }
  }

  /// Writes the file; it appears whole or not at all.
  ///
  /// - Throws: `ConversionError`, also when nothing was added or the format has no such arrays,
  ///   and what a split's source throws.
  public func write(to path: String, as format: Format = .npz) throws {
    guard !items.isEmpty else {
      throw ConversionError(
        file: path, .mismatch(expected: "at least one array to write", found: "none"))
    }
    switch format {
    case .npz:
      try AtomicFile(for: path).fill {
        try ZipWriter.write(items.map(\.npyContent), to: $0, for: path)
      }
    case .safetensors: try SafetensorsWriter(items, path).write()
    }
  }

  private static let chunkSize = 1 << 20

  private mutating func addTargets(of source: any SampleSource, named name: String) throws {
    let count = source.layout.count
    let perChunk = 1 << 14
    let read = { (index: Int) in
      try source.readTargets(index * perChunk..<min((index + 1) * perChunk, count))
    }
    let total = chunks(count, of: perChunk)
    switch try source.readTargets(0..<min(1, count)) {
    case .classes:
      try append(name, .number(.int32), Shape(vector: count), chunkCount: total) { index in
        guard case .classes(let classes) = try read(index) else { throw Self.changed(name) }
        return classes.map(\.littleEndian).withUnsafeBytes { Array($0) }
      }
    case .distributions(_, let classCount):
      let shape = try shape([count, classCount], name)
      try append(name, .number(.float32), shape, chunkCount: total) { index in
        guard case .distributions(let values, classCount) = try read(index) else {
          throw Self.changed(name)
        }
        return values.map(\.bitPattern.littleEndian).withUnsafeBytes { Array($0) }
      }
    }
  }

  private static func changed(_ name: String) -> ConversionError {
    ConversionError(
      file: name, .mismatch(expected: "targets of one kind", found: "another in a later row"))
  }

  private func shape(_ extents: [Int], _ name: String) throws -> Shape {
    do { return try Shape(extents) } catch {
      throw ConversionError(
        file: name, .mismatch(expected: "an array that fits this machine", found: "\(error)"))
    }
  }

  private func chunks(_ count: Int, of size: Int) -> Int {
    count / size + (count % size == 0 ? 0 : 1)
  }

  private mutating func append(
    _ name: String, _ element: StoredElement, _ shape: Shape, chunkCount: Int,
    chunk: @escaping (Int) throws -> [UInt8]
  ) throws {
    try check(name)
    if case .number(let type) = element {
      _ = try checkedByteCount(type, shape, file: name)
    }
    items.append(
      Item(name: name, element: element, shape: shape, chunkCount: chunkCount, chunk: chunk))
  }

  private mutating func check(_ name: String) throws {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    // Tools that unpack archives follow such names out of their folder.
    guard parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }), !name.contains("\0"),
      name.utf8.count < 60_000
    else {
      throw ConversionError(
        file: name, .mismatch(expected: "a name such as 'layer/kernel'", found: quoted(name)))
    }
    guard names.insert(name).inserted else { throw ConversionError(file: name, .duplicate) }
  }

  private static func encode(_ strings: ArraySlice<String>, width: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(strings.count * width * 4)
    for text in strings {
      for scalar in text.unicodeScalars {
        let value = scalar.value
        bytes += [
          UInt8(value & 0xFF), UInt8(value >> 8 & 0xFF), UInt8(value >> 16 & 0xFF), 0,
        ]
      }
      bytes += [UInt8](repeating: 0, count: (width - text.unicodeScalars.count) * 4)
    }
    return bytes
  }
}

extension ArrayExport.Item {
  /// The array as a member of an `.npz`.
  fileprivate var npyContent: ZipContent {
    let header = NPYHeader(element: element, shape: shape).encoded
    let isWidened = element == .number(.bfloat16)
    let size = shape.elementCount * (isWidened ? 4 : element.byteCount)
    return ZipContent(
      name: name + ".npy", byteCount: header.count + size, chunkCount: chunkCount + 1
    ) { index in
      if index == 0 { return header }
      let bytes = try chunk(index - 1)
      return isWidened ? bytes.withUnsafeBytes(widened) : bytes
    }
  }
}
