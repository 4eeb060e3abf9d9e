/// The samples of a file by their ids: in which split each is, and what identifies its content.
///
/// A few dozen bytes are kept for each sample, however large the samples are.
public struct SampleInventory<Identifier: Hashable & Sendable>: Sendable {
  /// Where a sample is, and what it is.
  public struct Entry: Hashable, Sendable {
    /// The position of the split's name in `splits`.
    let split: Int
    let row: Int
    let content: ContentKey
  }

  public private(set) var splits: [String] = []
  private(set) var counts: [Int] = []
  /// The identifiers of all splits, one split after another, each in the order of its rows.
  private(set) var order: [[Identifier]] = []
  private(set) var entries: [Identifier: Entry] = [:]

  public init() {}

  /// Begins a split; the samples that follow belong to it.
  public mutating func begin(split name: String) {
    splits.append(name)
    counts.append(0)
    order.append([])
  }

  /// - Returns: false when the identifier is in the file already, which makes it none.
  /// - Precondition: a split has begun.
  public mutating func add(_ identifier: Identifier, content: ContentKey) -> Bool {
    let split = splits.count - 1
    precondition(split >= 0, "a sample belongs to a split")
    let entry = Entry(split: split, row: counts[split], content: content)
    counts[split] += 1
    order[split].append(identifier)
    return entries.updateValue(entry, forKey: identifier) == nil
  }
}

/// What identifies the content of a sample: the first 16 bytes of a cryptographic hash.
public struct ContentKey: Hashable, Sendable {
  private let upper: UInt64
  private let lower: UInt64

  /// - Parameter digest: at least 16 bytes.
  public init(_ digest: some Sequence<UInt8>) {
    var words: (UInt64, UInt64) = (0, 0)
    for (index, byte) in digest.prefix(16).enumerated() {
      if index < 8 {
        words.0 = words.0 << 8 | UInt64(byte)
      } else {
        words.1 = words.1 << 8 | UInt64(byte)
      }
    }
    (upper, lower) = words
  }
}
