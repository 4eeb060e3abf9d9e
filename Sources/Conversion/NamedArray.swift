public import ModelCore
internal import Zip

/// An array of a foreign file, read when its elements are needed.
///
/// However the file stores them, rows come out row-major and little-endian, so an array larger
/// than memory can be walked through. Reading forwards is cheap everywhere; `isRandomAccess` says
/// whether reading backwards is. An array is not thread-safe: one owner reads it.
public final class NamedArray {
  /// What the elements are.
  public enum Element: Hashable, Sendable {
    case number(ElementType)
    /// Fixed-length strings; see `strings()`.
    case text
  }

  /// The path of the file, as it was given.
  public let file: String
  /// The key in an archive, or the file's own name without extensions.
  public let name: String
  public let element: Element
  public let shape: Shape

  private let layout: ArrayLayout
  private var stream: any ByteStream

  /// - Throws: `ConversionError.length` when the stream does not hold exactly what is laid out.
  init(
    file: String, name: String, layout: ArrayLayout, stream: any ByteStream
  ) throws {
    self.file = file
    self.name = name
    self.layout = layout
    self.stream = stream
    shape = layout.shape
    if case .number(let type) = layout.element { element = .number(type) } else { element = .text }
    let (count, overflow) = layout.byteCount.addingReportingOverflow(layout.dataOffset)
    let expected = overflow ? Int.max - 1 : count
    let found = try stream.length(upTo: expected)
    guard found == expected else {
      let isUnknown = found == expected + 1 && !stream.isRandomAccess
      throw failure(
        .length(expected: expected, found: isUnknown ? .moreThan(expected) : .exactly(found)))
    }
  }

  /// An array that is in memory already.
  convenience init(_ tensor: Tensor, file: String, name: String) throws {
    let layout = try ArrayLayout(
      element: .number(tensor.elementType), shape: tensor.shape, isBigEndian: false, dataOffset: 0)
    try self.init(
      file: file, name: name, layout: layout, stream: MemoryByteStream(tensor.bytes))
  }

  /// Names of samples that are in memory already.
  convenience init(_ identifiers: SampleIdentifiers, file: String, name: String) throws {
    switch identifiers {
    case .integers(let values):
      try self.init(
        try Tensor(integers: values, shape: Shape([values.count])), file: file, name: name)
    case .strings(let texts):
      let width = texts.reduce(0) { max($0, $1.utf8.count) }
      var bytes: [UInt8] = []
      bytes.reserveCapacity(texts.count * width)
      for text in texts {
        bytes.append(contentsOf: text.utf8)
        bytes.append(contentsOf: repeatElement(0, count: width - text.utf8.count))
      }
      let layout = try ArrayLayout(
        element: .bytes(width: width), shape: Shape([texts.count]), isBigEndian: false,
        dataOffset: 0)
      try self.init(file: file, name: name, layout: layout, stream: MemoryByteStream(bytes))
    }
  }

  /// The extent of the first axis; 1 for a scalar.
  public var rowCount: Int { shape.dimensions.first ?? 1 }

  /// The shape of one row: all axes but the first.
  public var rowShape: Shape { layout.rowShape }

  /// The size of one row of numbers in bytes.
  public var bytesPerRow: Int { rowShape.elementCount * layout.element.byteCount }

  /// Whether any rows cost the same, in whatever order they are read.
  public var isRandomAccess: Bool { stream.isRandomAccess }

  /// Reads neighbouring rows of numbers, row-major and little-endian.
  ///
  /// - Parameters:
  ///   - rows: within `0..<rowCount`.
  ///   - bytes: exactly `rows.count * bytesPerRow` bytes.
  /// - Throws: `ConversionError` when the elements are no numbers, when the rows or the buffer do
  ///   not fit, or when the file cannot be read.
  public func readRows(_ rows: Range<Int>, into bytes: UnsafeMutableRawBufferPointer) throws {
    guard case .number(let type) = element else {
      throw failure(.mismatch(expected: "numbers", found: "text"))
    }
    try readStored(rows, into: bytes)
    if type == .bool {
      // NumPy takes any byte but zero for true.
      for index in bytes.indices where bytes[index] > 1 { bytes[index] = 1 }
    }
  }

  /// The whole array of numbers, in memory.
  ///
  /// - Throws: as `readRows(_:into:)`.
  public func tensor() throws -> Tensor {
    guard case .number(let type) = element else {
      throw failure(.mismatch(expected: "numbers", found: "text"))
    }
    let bytes = try [UInt8](unsafeUninitializedCapacity: layout.byteCount) { buffer, count in
      try readRows(0..<rowCount, into: UnsafeMutableRawBufferPointer(buffer))
      count = layout.byteCount
    }
    return try Tensor(elementType: type, shape: shape, bytes: bytes)
  }

  /// All strings of a one-dimensional array of text, without the zeros that fill them up.
  ///
  /// - Throws: `ConversionError` for an array of numbers or of more axes, and for text that is not
  ///   Unicode.
  public func strings() throws -> [String] {
    guard case .text = element, shape.dimensions.count == 1 else {
      let found = element == .text ? "text of shape \(shape)" : "numbers"
      throw failure(.mismatch(expected: "a vector of text", found: found))
    }
    let width = layout.element.byteCount
    var bytes = [UInt8](repeating: 0, count: layout.byteCount)
    try bytes.withUnsafeMutableBytes { try readStored(0..<rowCount, into: $0) }
    return try (0..<rowCount).map { row in
      let item = bytes[row * width..<(row + 1) * width]
      guard let text = layout.element.text(item) else {
        throw failure(.mismatch(expected: "Unicode text", found: "other bytes in row \(row)"))
      }
      return text
    }
  }

  private func readStored(_ rows: Range<Int>, into bytes: UnsafeMutableRawBufferPointer) throws {
    guard rows.lowerBound >= 0, rows.upperBound <= rowCount else {
      throw failure(.mismatch(expected: "rows within 0..<\(rowCount)", found: "\(rows)"))
    }
    guard bytes.count == rows.count * bytesPerRow else {
      throw failure(
        .mismatch(
          expected: "a buffer of \(rows.count * bytesPerRow) bytes", found: "\(bytes.count)"))
    }
    guard !bytes.isEmpty else { return }
    if layout.isFortranOrder {
      if !stream.isRandomAccess {
        stream = try FileByteStream.spooling(
          stream, length: layout.dataOffset + layout.byteCount, file: file)
      }
      try layout.readTransposed(rows, into: bytes, from: exactly)
    } else {
      try exactly(layout.dataOffset + rows.lowerBound * bytesPerRow, bytes)
    }
    if layout.isBigEndian { swapBytes(bytes, size: layout.element.swapSize) }
  }

  /// The file may have shrunk since it was opened.
  private func exactly(_ offset: Int, _ buffer: UnsafeMutableRawBufferPointer) throws {
    let count = try stream.read(at: offset, into: buffer)
    guard count == buffer.count else {
      throw failure(
        .length(
          expected: layout.dataOffset + layout.byteCount, found: .exactly(offset + count)))
    }
  }

  func failure(_ problem: ConversionError.Problem) -> ConversionError {
    ConversionError(file: file, part: name, problem)
  }
}
