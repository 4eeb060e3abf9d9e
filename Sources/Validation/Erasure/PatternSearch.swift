/// Finds many short patterns in a stream, whatever the blocks are that it comes in.
///
/// Patterns of one length are found together by a rolling hash, so the time does not depend on
/// how many there are.
///
/// - SeeAlso: R. M. Karp, M. O. Rabin, "Efficient randomized pattern-matching algorithms",
///   IBM Journal of Research and Development 31 (1987).
struct PatternSearch {
  /// All patterns of one length.
  private struct Group {
    let length: Int
    /// The multiplier to the power of the length.
    let power: UInt64
    var patterns: [UInt64: [Int]] = [:]
    /// One bit for some hashes of patterns, which spares most look-ups.
    var filter = [UInt64](repeating: 0, count: 1 << 14)

    init(length: Int) {
      self.length = length
      power = (0..<length).reduce(UInt64(1)) { product, _ in product &* PatternSearch.multiplier }
    }

    mutating func insert(_ hash: UInt64, _ index: Int) {
      patterns[hash, default: []].append(index)
      let bit = hash >> 44
      filter[Int(bit >> 6)] |= 1 << (bit & 63)
    }
  }

  private static let multiplier: UInt64 = 0x9E37_79B9_7F4A_7C15

  let patterns: [[UInt8]]
  private var groups: [Group] = []
  /// The longest pattern's length.
  let longest: Int

  init(_ patterns: [[UInt8]]) {
    self.patterns = patterns
    longest = patterns.map(\.count).max() ?? 0
    for length in Set(patterns.map(\.count)).sorted() where length > 0 {
      var group = Group(length: length)
      for (index, pattern) in patterns.enumerated() where pattern.count == length {
        group.insert(Self.mixed(pattern.reduce(UInt64(0)) { Self.step($0, $1) }), index)
      }
      groups.append(group)
    }
  }

  private static func step(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
    hash &* multiplier &+ UInt64(byte) &+ 1
  }

  private static func mixed(_ hash: UInt64) -> UInt64 {
    let value = (hash ^ (hash >> 32)) &* 0xD6E8_FEB8_6659_FD93
    return value ^ (value >> 29)
  }

  /// A stream that is being searched.
  struct Stream {
    /// The end of what came before, for patterns that lie across two blocks.
    fileprivate var carried: [UInt8] = []
    fileprivate var position = 0

    init() {}
  }

  /// Searches the next block of a stream.
  ///
  /// - Parameter hit: gets the pattern's index, and where in the stream it starts.
  func search(
    _ block: some Sequence<UInt8>, of stream: inout Stream, hit: (Int, Int) throws -> Void
  ) throws {
    let old = stream.carried.count
    let bytes = stream.carried + block
    let base = stream.position - old
    for group in groups {
      try find(group, in: bytes, from: old) { pattern, offset in
        try hit(pattern, base + offset)
      }
    }
    stream.position = base + bytes.count
    stream.carried = Array(bytes.suffix(max(0, longest - 1)))
  }

  /// Finds the patterns of one length that do not end before `fresh`.
  private func find(
    _ group: Group, in bytes: [UInt8], from fresh: Int, hit: (Int, Int) throws -> Void
  ) throws {
    let length = group.length
    guard bytes.count >= length else { return }
    let start = max(0, fresh + 1 - length)
    try bytes.withUnsafeBufferPointer { bytes in
      try group.filter.withUnsafeBufferPointer { filter in
        var hash: UInt64 = 0
        for index in start..<bytes.count {
          hash = Self.step(hash, bytes[index])
          if index >= start + length {
            hash = hash &- group.power &* (UInt64(bytes[index - length]) &+ 1)
          }
          guard index + 1 >= start + length, index >= fresh else { continue }
          let key = Self.mixed(hash)
          let bit = key >> 44
          guard filter[Int(bit >> 6)] & (1 << (bit & 63)) != 0, let found = group.patterns[key]
          else { continue }
          let place = index + 1 - length
          for pattern in found where patterns[pattern].elementsEqual(bytes[place...index]) {
            try hit(pattern, place)
          }
        }
      }
    }
  }
}
