/// Which bytes of a file are in use, and by what.
///
/// HDF5 never tells: when something is deleted or rewritten in place, its old bytes stay in the
/// file, and the library forgets about them. The map follows the file's own structures from the
/// superblock on. What no structure leads to is unused; it may still hold what was deleted.
///
/// - SeeAlso: HDF5 File Format Specification 3.0; `h5stat -S`, which counts but does not locate,
///   and takes strings of variable length for unaccounted space.
public struct StorageMap: Sendable {
  /// What some bytes are for.
  public enum Use: UInt8, Sendable {
    case userBlock, superblock, header, index, strings, data
  }

  /// Neighbouring bytes with one use.
  public struct Extent: Sendable {
    public let range: Range<Int>
    public let use: Use
    /// An index into `owners`.
    let owner: Int32
  }

  public let fileByteCount: Int
  /// By rising start.
  public internal(set) var extents: [Extent] = []
  /// The paths of all objects.
  var owners: [String] = []
  /// Bytes that are in use although the map does not know where: parts of newer indexes, and the
  /// file's own list of free space.
  public internal(set) var unlocatedByteCount = 0
  /// Bytes that belong to two things at once, which no writer does.
  public internal(set) var sharedByteCount = 0
  /// What no structure leads to, by rising start.
  public internal(set) var gaps: [Range<Int>] = []
  /// How many bytes in the gaps are not zero.
  public internal(set) var gapByteCountNotZero = 0
  /// The first of the gaps that hold something.
  public internal(set) var remnants: [Range<Int>] = []
  public internal(set) var strings = StringUse()
  /// Structures that could not be followed, as a path and a reason.
  public internal(set) var problems: [(object: String, reason: String)] = []

  /// What became of the strings of variable length, which lie in heaps of their own.
  public struct StringUse: Hashable, Sendable {
    /// The bytes of all heaps.
    public internal(set) var byteCount = 0
    public internal(set) var storedCount = 0
    public internal(set) var liveCount = 0
    public internal(set) var storedByteCount = 0
    public internal(set) var liveByteCount = 0
    /// Bytes that are not zero behind the last string of a heap.
    public internal(set) var remnantByteCount = 0
    /// Whether every stored string is one that some dataset or attribute has; nil when the file
    /// also holds other things of variable length, which are not compared.
    public internal(set) var allAreLive: Bool?
  }

  /// How many bytes nothing uses.
  public var unusedByteCount: Int {
    max(0, gaps.reduce(0) { $0 + $1.count } - unlocatedByteCount)
  }

  /// How many unused bytes can hold something; at most, when not everything was located.
  public var unusedByteCountNotZero: Int { min(unusedByteCount, gapByteCountNotZero) }

  /// The object whose data lie at a place of the file, if any do.
  public func dataOwner(at offset: Int) -> String? {
    var (low, high) = (0, extents.count)
    while low < high {
      let middle = (low + high) / 2
      if extents[middle].range.upperBound <= offset { low = middle + 1 } else { high = middle }
    }
    guard low < extents.count, extents[low].range.contains(offset), extents[low].use == .data
    else { return nil }
    return owners[Int(extents[low].owner)]
  }
}

extension StorageMap {
  /// Sorts what was found, and finds what was not.
  mutating func settle() {
    extents.sort { $0.range.lowerBound < $1.range.lowerBound }
    gaps = []
    sharedByteCount = 0
    var end = 0
    for extent in extents {
      if extent.range.lowerBound > end { gaps.append(end..<extent.range.lowerBound) }
      sharedByteCount += max(0, min(end, extent.range.upperBound) - extent.range.lowerBound)
      end = max(end, extent.range.upperBound)
    }
    if end < fileByteCount { gaps.append(end..<fileByteCount) }
  }

  mutating func countNotZero(in file: RawFile) throws {
    gapByteCountNotZero = 0
    remnants = []
    for gap in gaps {
      let before = gapByteCountNotZero
      try file.forEachBlock(of: gap) { _, bytes in
        gapByteCountNotZero += bytes.count { $0 != 0 }
      }
      if gapByteCountNotZero > before, remnants.count < 10 { remnants.append(gap) }
    }
  }
}
