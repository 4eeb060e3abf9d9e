/// Takes the fields of a file's own structures one after another; all numbers are little-endian.
struct FieldReader {
  /// How many bytes addresses and lengths take in this file.
  struct Widths {
    let address: Int
    let length: Int
  }

  let bytes: ArraySlice<UInt8>
  let widths: Widths
  private(set) var position: Int

  init(_ bytes: ArraySlice<UInt8>, _ widths: Widths) {
    self.bytes = bytes
    self.widths = widths
    position = bytes.startIndex
  }

  var remaining: Int { bytes.endIndex - position }

  mutating func skip(_ count: Int) throws(StructureError) {
    guard count >= 0, count <= remaining else { throw .cutOff }
    position += count
  }

  /// A number of up to eight bytes.
  mutating func number(_ width: Int) throws(StructureError) -> UInt64 {
    guard (1...8).contains(width) else { throw .unknown("a number of \(width) bytes") }
    let start = position
    try skip(width)
    return bytes[start..<position].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  mutating func count(_ width: Int) throws(StructureError) -> Int {
    guard let value = Int(exactly: try number(width)) else { throw .unknown("a huge number") }
    return value
  }

  mutating func length() throws(StructureError) -> Int { try count(widths.length) }

  /// - Returns: nil for the address that stands for nowhere.
  mutating func address() throws(StructureError) -> UInt64? {
    let value = try number(widths.address)
    let nowhere = widths.address == 8 ? UInt64.max : (UInt64(1) << (8 * UInt64(widths.address))) - 1
    return value == nowhere ? nil : value
  }

  mutating func expect(_ signature: String) throws(StructureError) {
    let start = position
    try skip(signature.utf8.count)
    guard bytes[start..<position].elementsEqual(signature.utf8) else {
      throw .unknown("something that is not '\(signature)'")
    }
  }

  mutating func take(_ count: Int) throws(StructureError) -> ArraySlice<UInt8> {
    let start = position
    try skip(count)
    return bytes[start..<position]
  }
}

/// A structure of the file that cannot be followed.
enum StructureError: Error, CustomStringConvertible {
  case cutOff
  case unknown(String)

  var description: String {
    switch self {
    case .cutOff: "it is cut off"
    case .unknown(let what): "it holds \(what)"
    }
  }
}
