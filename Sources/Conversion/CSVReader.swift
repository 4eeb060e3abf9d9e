internal import Zip

/// Splits text into records and fields as RFC 4180 says, one record in memory at a time.
///
/// Lines may end in LF or CRLF, the last one in nothing. A byte-order mark is skipped, and so is a
/// line with nothing in it.
struct CSVReader {
  private let stream: any ByteStream
  private let separator: UInt8
  private var block: [UInt8] = []
  private var position = 0
  private var offset = 0
  /// The line that is read next, from 1.
  private var line = 1

  /// What one record holds: its fields' bytes one after the other, and where each ends.
  private(set) var bytes: [UInt8] = []
  private(set) var ends: [Int] = []
  /// The line in which the record begins.
  private(set) var recordLine = 1

  /// A longer record is no table of numbers, in bytes.
  static let longestRecord = 1 << 24
  static let mostFields = 1 << 20

  init(_ stream: any ByteStream, separator: UInt8) throws {
    self.stream = stream
    self.separator = separator
    try fill()
    if block.starts(with: [0xFF, 0xFE]) || block.starts(with: [0xFE, 0xFF]) {
      throw HeaderError.mismatch(expected: "a table in UTF-8", found: "one in UTF-16")
    }
    if block.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
  }

  /// The bytes of one field of the record.
  func field(_ index: Int) -> ArraySlice<UInt8> {
    bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]]
  }

  /// Reads the next record into `bytes` and `ends`; false after the last.
  ///
  /// - Throws: `HeaderError` for a quote where none may be, or one that is never closed, and for
  ///   bytes that are no text in UTF-8.
  mutating func next() throws -> Bool {
    repeat {
      bytes.removeAll(keepingCapacity: true)
      ends.removeAll(keepingCapacity: true)
      recordLine = line
      guard try peek() != nil else { return false }
      while try readField() {}
    } while ends.count == 1 && bytes.isEmpty
    if bytes.contains(where: { $0 >= 0x80 }), String(validating: bytes, as: UTF8.self) == nil {
      throw HeaderError.mismatch(
        expected: "text in UTF-8 in line \(recordLine)", found: "bytes of another encoding")
    }
    return true
  }

  /// Reads a field and what ends it; whether another follows in the record.
  private mutating func readField() throws -> Bool {
    if try take(UInt8(ascii: "\"")) {
      try readQuoted()
    } else {
      while let byte = try peek(), byte != separator, byte != 0x0A, byte != 0x0D {
        guard byte != UInt8(ascii: "\"") else {
          throw misfit("a field that is quoted as a whole, or not at all")
        }
        try append(byte)
      }
    }
    // Empty fields take room, too.
    guard ends.count < Self.mostFields else {
      throw misfit("a record of at most \(Self.mostFields) fields")
    }
    ends.append(bytes.count)
    guard let byte = try peek() else { return false }
    if byte == separator {
      position += 1
      return true
    }
    _ = try take(0x0D)
    guard try take(0x0A) else { throw misfit("a separator or the end of the line") }
    line += 1
    return false
  }

  private mutating func readQuoted() throws {
    while let byte = try peek() {
      if byte == UInt8(ascii: "\"") {
        position += 1
        guard try peek() == UInt8(ascii: "\"") else { return }
      }
      if byte == 0x0A { line += 1 }
      try append(byte)
    }
    throw misfit("a closing quote")
  }

  private mutating func append(_ byte: UInt8) throws {
    guard bytes.count < Self.longestRecord else {
      throw misfit("a record of at most \(Self.longestRecord) bytes")
    }
    bytes.append(byte)
    position += 1
  }

  private mutating func take(_ byte: UInt8) throws -> Bool {
    guard try peek() == byte else { return false }
    position += 1
    return true
  }

  private mutating func peek() throws -> UInt8? {
    if position == block.count { try fill() }
    return position < block.count ? block[position] : nil
  }

  private mutating func fill() throws {
    offset += block.count
    block = try stream.bytes(at: offset, count: 1 << 16)
    position = 0
  }

  private func misfit(_ expected: String) -> HeaderError {
    .mismatch(
      expected: "\(expected) in line \(recordLine), column \(ends.count + 1)",
      found: "something else")
  }
}
