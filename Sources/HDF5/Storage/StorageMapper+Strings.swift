internal import Foundation

extension StorageMapper {
  /// Finds the heaps of strings and compares what lies in them with what the file's datasets and
  /// attributes have.
  ///
  /// A heap is found by its signature in what is left over: the references to it are themselves
  /// data, packed perhaps. So one that was deleted is found as well; its strings are then more
  /// than anybody has.
  func mapStrings(_ checkInterruption: () throws -> Void) throws {
    var (stored, live) = (StringSum(), StringSum())
    for gap in map.gaps {
      var end = gap.lowerBound
      for start in try signatures(in: gap) where start >= end {
        try checkInterruption()
        do {
          guard let range = try mapStringHeap(at: start, in: gap, &stored) else { continue }
          end = range.upperBound
        } catch is StructureError {
          // What only starts like a heap is none, and stays unused.
          continue
        }
      }
    }
    let isComplete = try sumLiveStrings(&live, checkInterruption)
    map.strings.storedCount = stored.count
    map.strings.storedByteCount = stored.byteCount
    map.strings.liveCount = live.count
    map.strings.liveByteCount = live.byteCount
    map.strings.allAreLive = isComplete ? stored == live : nil
  }

  private static let signature: [UInt8] = Array("GCOL".utf8) + [1, 0, 0, 0]

  private func signatures(in gap: Range<Int>) throws -> [Int] {
    var found: [Int] = []
    var carried: [UInt8] = []
    try raw.forEachBlock(of: gap) { start, bytes in
      let data = Data(carried + bytes)
      let base = start - carried.count
      var from = data.startIndex
      while let hit = data.range(of: Data(Self.signature), in: from..<data.endIndex) {
        found.append(base + hit.lowerBound)
        from = hit.upperBound
      }
      carried = Array(data.suffix(Self.signature.count - 1))
    }
    return found
  }

  /// - Returns: nil when there is no heap after all.
  private func mapStringHeap(
    at start: Int, in gap: Range<Int>, _ sum: inout StringSum
  ) throws -> Range<Int>? {
    let prefix = 8 + widths.length
    guard gap.upperBound - start >= prefix else { return nil }
    var head = FieldReader(try raw.bytes(start..<start + prefix)[...], widths)
    try head.skip(8)
    let count = try head.length()
    guard count >= prefix, count <= gap.upperBound - start,
      count <= file.limits.stringBytes + (1 << 20)
    else { return nil }
    // Heaps are small, but for one that holds a single long string.
    var fields = FieldReader(try raw.bytes(start..<start + count)[...], widths)
    try fields.skip(prefix)
    var found = StringSum()
    var remnants = 0
    while fields.remaining >= prefix {
      let index = try fields.count(2)
      try fields.skip(6)
      let size = try fields.length()
      guard index > 0 else {
        remnants = fields.bytes[fields.position...].count { $0 != 0 }
        break
      }
      guard size <= fields.remaining else { return nil }
      found.add(try fields.take(size))
      // Each string starts at a multiple of eight.
      let padding = (8 - size % 8) % 8
      guard padding <= fields.remaining else { return nil }
      try fields.skip(padding)
    }
    sum.add(found)
    map.strings.byteCount += count
    map.strings.remnantByteCount += remnants
    note(start..<start + count, .strings)
    return start..<start + count
  }

  /// - Returns: whether everything of variable length in the file was a string.
  private func sumLiveStrings(
    _ sum: inout StringSum, _ checkInterruption: () throws -> Void
  ) throws -> Bool {
    var isComplete = true
    var seen: Set<UInt64> = []
    for path in map.owners where seen.insert(try file.address(of: path)).inserted {
      try checkInterruption()
      let object: HDF5Object
      if case .dataset(let description) = file.node(at: path) {
        let dataset = try file.dataset(at: path)
        object = dataset
        if description.type == .variableString {
          try dataset.forEachRawString { sum.add($0) }
        } else if description.type.byteCount == nil {
          isComplete = false
        }
      } else {
        object = try file.group(at: path)
      }
      for name in try object.attributeNames() {
        let type = try object.attributeType(name).type
        if type == .variableString {
          try object.forEachRawString(attribute: name) { sum.add($0) }
        } else if type.byteCount == nil {
          isComplete = false
        }
      }
    }
    return isComplete
  }
}

/// A sum over strings that does not depend on their order and takes no memory for them: equal
/// sums are equal strings, but for an accident of one in 2^64.
struct StringSum: Equatable {
  private(set) var count = 0
  private(set) var byteCount = 0
  private var hash: UInt64 = 0

  /// Some writers store the zero that ends a string in C, and some do not.
  mutating func add(_ bytes: some BidirectionalCollection<UInt8>) {
    var end = bytes.endIndex
    while end > bytes.startIndex, bytes[bytes.index(before: end)] == 0 {
      end = bytes.index(before: end)
    }
    guard end > bytes.startIndex else { return }
    var value: UInt64 = 0xCBF2_9CE4_8422_2325
    var length = 0
    for byte in bytes[..<end] {
      value = (value ^ UInt64(byte)) &* 0x100_0000_01B3
      length += 1
    }
    // Sums of plain hashes of short strings would cancel too easily.
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    count += 1
    byteCount += length
    hash &+= value ^ (value >> 31)
  }

  mutating func add(_ other: StringSum) {
    count += other.count
    byteCount += other.byteCount
    hash &+= other.hash
  }
}
