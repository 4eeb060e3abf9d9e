internal import CHDF5
internal import Foundation

/// Reads strings of every form that writers use: fixed and variable length, ASCII and UTF-8
/// tags, ended by a zero or padded with zeros or spaces.
struct Strings {
  let type: HDF5Type
  /// The library's type of the stored strings; it does not convert between character sets.
  let stored: Int64
  let count: Int
  /// How many bytes all strings together may have.
  let limit: Int
  let subject: String

  /// What the library converts at a time, in bytes: it clears all of them for every read, and of
  /// its own accord takes a megabyte.
  private static let conversionBuffer = 1 << 14

  /// Fills a buffer of elements; gets the type in memory, the buffer, and a transfer list.
  typealias Read = (Int64, UnsafeMutableRawPointer, Int64) -> Int32

  /// - Throws: `HDF5Error` when the elements are not strings, too long, or not UTF-8.
  func read(_ read: Read) throws -> [String] {
    switch type {
    case .variableString:
      var result: [String] = []
      try withPointers(read) { pointers in
        result.reserveCapacity(count)
        let start = pointers.assumingMemoryBound(to: UnsafeMutableRawPointer?.self)
        for index in 0..<count {
          guard let pointer = start[index]?.assumingMemoryBound(to: CChar.self) else {
            result.append("")
            continue
          }
          guard let text = String(validatingCString: pointer) else { throw notUTF8() }
          result.append(text)
        }
      }
      return result
    case .fixedString(let byteCount): return try fixed(byteCount, read)
    default:
      throw HDF5Error(.badInput, "read", subject, reason: "expected strings, found \(type)")
    }
  }

  private func fixed(_ byteCount: Int, _ read: Read) throws -> [String] {
    guard let total = Extents.product([byteCount, count]), total <= limit else { throw tooLong() }
    let stored = stored
    let memory = try Handle("read", subject) { H5Tcopy(stored) }
    // Padded with zeros in memory, a string that fills its element stays whole.
    try HDF5Library.call("read", subject) { H5Tset_strpad(memory.id, H5T_STR_NULLPAD) }
    var bytes = [UInt8](repeating: 0, count: max(1, total))
    try bytes.withUnsafeMutableBytes { buffer in
      guard let start = buffer.baseAddress else { return }
      _ = try HDF5Library.call("read", subject) { read(memory.id, start, 0) }
    }
    var result: [String] = []
    result.reserveCapacity(count)
    for index in 0..<count {
      var element = bytes[index * byteCount..<(index + 1) * byteCount]
      if let end = element.firstIndex(of: 0) { element = element[..<end] }
      while element.last == 0x20 { element.removeLast() }
      guard let text = String(validating: element, as: UTF8.self) else { throw notUTF8() }
      result.append(text)
    }
    return result
  }

  /// Reads strings of variable length and hands over the library's own pointers to them.
  func withPointers(
    _ read: Read, body: (UnsafeMutableRawPointer) throws -> Void
  ) throws {
    let stored = stored
    let memory = try Handle("read", subject) { H5Tcopy(stored) }
    let transfer = try Handle("read", subject) { H5Pcreate(chdf5_transfer()) }
    let allowance = UnsafeMutablePointer<chdf5_allowance>.allocate(capacity: 1)
    allowance.initialize(to: chdf5_allowance(remaining: limit, is_exhausted: 0))
    let pointers = UnsafeMutablePointer<UnsafeMutableRawPointer?>.allocate(capacity: max(1, count))
    pointers.initialize(repeating: nil, count: max(1, count))
    defer {
      for index in 0..<count { free(pointers[index]) }
      pointers.deallocate()
      allowance.deallocate()
    }
    try HDF5Library.call("read", subject) { () -> Int32 in
      guard chdf5_set_allowance(transfer.id, allowance) >= 0 else { return -1 }
      return H5Pset_buffer(transfer.id, Self.conversionBuffer, nil, nil)
    }
    do {
      try HDF5Library.call("read", subject) {
        read(memory.id, UnsafeMutableRawPointer(pointers), transfer.id)
      }
    } catch {
      throw allowance.pointee.is_exhausted != 0 ? tooLong() : error
    }
    // An attribute is read past the allowance: the library takes no transfer list for it.
    var total = 0
    for index in 0..<count {
      if let text = pointers[index] { total += strlen(text.assumingMemoryBound(to: CChar.self)) }
      guard total <= limit else { throw tooLong() }
    }
    try body(UnsafeMutableRawPointer(pointers))
  }

  /// Walks over strings that the library has read; one that was never written is left out.
  static func forEachRaw(
    _ count: Int, _ pointers: UnsafeRawPointer,
    _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let start = pointers.assumingMemoryBound(to: UnsafeMutableRawPointer?.self)
    for index in 0..<count {
      guard let string = start[index] else { continue }
      let length = strlen(string.assumingMemoryBound(to: CChar.self))
      try body(UnsafeRawBufferPointer(start: string, count: length))
    }
  }

  private func notUTF8() -> HDF5Error {
    HDF5Error(.badInput, "read", subject, reason: "a string in it is not UTF-8")
  }

  private func tooLong() -> HDF5Error {
    HDF5Error(.badInput, "read", subject, reason: "its strings are longer than \(limit) bytes")
  }

  /// Hands over C strings, one after another in an array of pointers.
  static func withPointers(
    to values: [String], _ subject: String,
    body: (UnsafeRawPointer) throws -> Void
  ) throws {
    for value in values where value.utf8.contains(0) {
      throw HDF5Error(.badInput, "write", subject, reason: "a string in it holds a zero byte")
    }
    let pointers = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(
      capacity: max(1, values.count))
    defer { pointers.deallocate() }
    for (index, value) in values.enumerated() { pointers[index] = strdup(value) }
    defer { for index in values.indices { free(pointers[index]) } }
    try body(UnsafeRawPointer(pointers))
  }
}
