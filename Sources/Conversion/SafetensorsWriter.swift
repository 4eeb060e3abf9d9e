internal import Foundation
internal import ModelCore
internal import Zip

/// Writes arrays as one safetensors file: wide types first, then by name, as its own library does.
struct SafetensorsWriter {
  private let items: [ArrayExport.Item]
  private let path: String

  /// - Throws: `ConversionError` for text, of which the format has none.
  init(_ items: [ArrayExport.Item], _ path: String) throws {
    for item in items {
      guard case .number = item.element else {
        throw ConversionError(
          file: path, part: item.name,
          .unsupported(
            what: "a safetensors file holds numbers, and these are text",
            advice: "export to a .npz, or leave the splits out with --weights-only"))
      }
    }
    self.path = path
    self.items = items.sorted {
      ($1.element.byteCount, $0.name) < ($0.element.byteCount, $1.name)
    }
  }

  func write() throws {
    let header = try header()
    try AtomicFile(for: path).fill { temporary in
      let descriptor = open(temporary, O_WRONLY | O_CLOEXEC)
      guard descriptor >= 0 else {
        throw ConversionError(file: path, .system(operation: .create, code: errno))
      }
      defer { close(descriptor) }
      try header.withUnsafeBytes { try writeAll($0, to: descriptor, file: path) }
      for item in items { try write(item, to: descriptor) }
    }
  }

  private func write(_ item: ArrayExport.Item, to descriptor: Int32) throws {
    let expected = item.shape.elementCount * item.element.byteCount
    var written = 0
    for index in 0..<item.chunkCount {
      let bytes = try item.chunk(index)
      written += bytes.count
      try bytes.withUnsafeBytes { try writeAll($0, to: descriptor, file: path) }
    }
    guard written == expected else {
      throw ConversionError(
        file: path, part: item.name, .length(expected: expected, found: .exactly(written)))
    }
  }

  /// The length, and JSON filled up with spaces so that the data start at a multiple of eight.
  private func header() throws -> [UInt8] {
    var members: [String: JSONValue] = [
      // Other frameworks have other axes.
      "__metadata__": .object(["layout": .string("keras")])
    ]
    var offset = 0
    for item in items {
      guard case .number(let type) = item.element,
        let label = SafetensorsHeader.types.first(where: { $0.type == type })?.label
      else { continue }
      let size = try checkedByteCount(type, item.shape, file: path, part: item.name)
      members[item.name] = .object([
        "dtype": .string(label),
        "shape": .array(item.shape.dimensions.map { .integer(Int64($0)) }),
        "data_offsets": .array([.integer(Int64(offset)), .integer(Int64(offset + size))]),
      ])
      offset += size
    }
    var json = Array(JSONValue.object(members).text.utf8)
    while json.count % 8 != 0 { json.append(0x20) }
    guard json.count <= SafetensorsHeader.longestHeader else {
      throw ConversionError(
        file: path,
        .mismatch(
          expected: "a header of at most \(SafetensorsHeader.longestHeader) bytes",
          found: "\(json.count)"))
    }
    return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
  }
}
