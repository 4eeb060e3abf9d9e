internal import ModelCore
internal import Zip

/// What the head of a safetensors file says: the length of some JSON, then the JSON, then the
/// elements of all tensors, without a gap between them.
///
/// - SeeAlso: the README of `huggingface/safetensors`, "Format".
struct SafetensorsHeader {
  struct Entry: Hashable {
    let name: String
    let type: ElementType
    let shape: Shape
    /// Where the elements begin, in bytes from the start of the file.
    let offset: Int
    let byteCount: Int
  }

  /// In the order of their data.
  let entries: [Entry]

  /// The format's own limit for the JSON, in bytes; JSON of our own limit is shorter.
  static let longestHeader = min(100_000_000, JSONValue.maximumByteCount)

  /// Whether a file starts like one: a length, then an object.
  static func isMagic(_ start: [UInt8]) -> Bool {
    guard start.count >= 9, start[8] == UInt8(ascii: "{") else { return false }
    return length(start) <= UInt64(100_000_000)
  }

  /// - Throws: `HeaderError` with what was expected and found.
  init(reading stream: any ByteStream) throws {
    let size = try stream.length(upTo: .max - 1)
    let start = try stream.bytes(at: 0, count: 9)
    guard Self.isMagic(start) else {
      throw HeaderError.mismatch(
        expected: "a length and a JSON object", found: describe(start.prefix(9)))
    }
    let length = Int(Self.length(start))
    guard length <= Self.longestHeader, length <= size - 8 else {
      throw HeaderError.mismatch(
        expected: "a header of at most \(min(Self.longestHeader, size - 8)) bytes",
        found: "\(length)")
    }
    let root: JSONValue
    do { root = try JSONValue(parsing: stream.bytes(at: 8, count: length)) } catch let error
      as JSONError
    { throw HeaderError.mismatch(expected: "a header of JSON", found: "\(error)") }
    guard let members = root.object else {
      throw HeaderError.mismatch(expected: "a JSON object", found: "other JSON")
    }
    if let metadata = members["__metadata__"] {
      guard metadata.object?.values.allSatisfy({ $0.string != nil }) ?? false else {
        throw HeaderError.mismatch(expected: "strings in __metadata__", found: "something else")
      }
    }
    let entries = try members.filter { $0.key != "__metadata__" }
      .map { try Self.entry($0.key, $0.value, dataStart: 8 + length) }
      .sorted { ($0.offset, $0.byteCount, $0.name) < ($1.offset, $1.byteCount, $1.name) }
    try Self.checkGaps(entries, from: 8 + length, to: size)
    self.entries = entries
  }

  /// Every byte belongs to exactly one tensor, or two readers could see two files in one.
  private static func checkGaps(_ entries: [Entry], from start: Int, to size: Int) throws {
    var end = start
    for entry in entries {
      guard entry.offset == end else {
        throw HeaderError.mismatch(
          expected: "the data of \(quoted(entry.name)) at byte \(end - start), where the ones "
            + "before it end", found: "byte \(entry.offset - start)")
      }
      end += entry.byteCount
    }
    guard end == size else {
      throw HeaderError.mismatch(
        expected: "\(end) bytes, as the header says", found: "\(size)")
    }
  }

  private static func entry(
    _ name: String, _ json: JSONValue, dataStart: Int
  ) throws -> Entry {
    func misfit(_ expected: String, _ found: String) -> HeaderError {
      .mismatch(expected: "\(expected) for \(quoted(name))", found: found)
    }
    guard let label = json["dtype"]?.string, let extents = json["shape"]?.array,
      let offsets = json["data_offsets"]?.array, json.object?.count == 3
    else { throw misfit("dtype, shape and data_offsets", "others") }
    guard let type = types.first(where: { $0.label == label })?.type else {
      throw HeaderError.unsupported(
        what: "the type \(quoted(label)) of \(quoted(name)) is not supported",
        advice: "convert it to one of " + types.map(\.label).joined(separator: ", "))
    }
    let dimensions = extents.compactMap { $0.integer.flatMap { Int(exactly: $0) } }
    let bounds = offsets.compactMap { $0.integer.flatMap { Int(exactly: $0) } }
    guard dimensions.count == extents.count, bounds.count == 2, offsets.count == 2,
      bounds[0] >= 0, bounds[0] <= bounds[1], bounds[1] <= Int.max - dataStart
    else { throw misfit("whole numbers in shape and data_offsets", "others") }
    let shape = try Shape(dimensions)
    let size = try shape.byteCount(of: type)
    guard size == bounds[1] - bounds[0] else {
      throw misfit("\(size) bytes, as \(label) \(shape) takes,", "\(bounds[1] - bounds[0])")
    }
    return Entry(
      name: name, type: type, shape: shape, offset: dataStart + bounds[0], byteCount: size)
  }

  private static func length(_ start: [UInt8]) -> UInt64 {
    start.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// The format's names of the types that tensors here can have.
  static let types: [(label: String, type: ElementType)] = [
    ("F64", .float64), ("I64", .int64), ("U64", .uint64), ("F32", .float32), ("I32", .int32),
    ("U32", .uint32), ("F16", .float16), ("BF16", .bfloat16), ("I16", .int16), ("U16", .uint16),
    ("I8", .int8), ("U8", .uint8), ("BOOL", .bool),
  ]
}
