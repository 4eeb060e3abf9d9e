public import ModelCore

/// Samples in an endless, seeded random order that costs bounded memory.
///
/// What fits the window is shuffled as a whole at every epoch. A larger split is read window by
/// window: its blocks in a random order, and the samples of a window in a random order. So each
/// sample comes exactly once an epoch, and memory does not grow with the number of samples
/// (beyond 4 bytes of row number each).
public final class SampleStream {
  /// How many samples make an epoch.
  public var count: Int { blocks.rows.count }
  /// How many samples of this epoch are still to come; never zero.
  public var remainingInEpoch: Int { count - taken }

  private let blocks: SampleBlocks
  private let stager: SampleStager
  private var random: SeededGenerator
  private let window: Window
  private var upcoming: ArraySlice<Range<Int>> = []
  private var taken = 0

  /// - Parameters:
  ///   - rows: ascending row numbers, or nil for all.
  ///   - stream: what the samples are for; two streams of one seed are independent.
  ///   - windowBytes: how many stored bytes are kept and shuffled together.
  public init(
    _ source: any SampleSource, rows: [Int]? = nil, seed: UInt64, stream: String,
    windowBytes: Int = 32 << 20
  ) throws {
    blocks = try SampleBlocks(source, rows: rows)
    stager = SampleStager(source.layout)
    random = SeededGenerator(seed: seed, stream: stream)
    window = Window(for: blocks, byteLimit: windowBytes)
  }

  /// Appends the next samples, reshuffling where an epoch ends.
  ///
  /// - Parameters:
  ///   - count: how many; the batch has room for them.
  ///   - weight: each sample's weight in the loss.
  /// - Returns: which samples they are, as positions among the rows this stream was given.
  /// - Throws: what the source throws, or `SampleError` for a label the network does not have.
  @discardableResult
  public func append(_ count: Int, to batch: Batch, weight: Float) throws -> [Int] {
    var positions: [Int] = []
    positions.reserveCapacity(count)
    for _ in 0..<count {
      if window.isExhausted { try refill() }
      let sample = window.next()
      try stager.append(
        sample.bytes, target: sample.target, of: sample.targets,
        row: Int(blocks.rows[sample.position]), to: batch, weight: weight)
      positions.append(sample.position)
      taken += 1
      if taken == self.count { taken = 0 }
    }
    return positions
  }

  private func refill() throws {
    if window.holdsEverything, window.isLoaded {
      window.shuffle(using: &random)
      return
    }
    if upcoming.isEmpty {
      var order = blocks.blocks
      // A split that fits is shuffled as a whole below: the order of its blocks does not matter.
      if !window.holdsEverything { random.shuffle(&order) }
      upcoming = order[...]
    }
    window.removeAll()
    while let block = upcoming.first, window.hasRoom(for: block.count) {
      try window.load(block)
      upcoming.removeFirst()
    }
    window.shuffle(using: &random)
  }
}

/// The samples in memory, as they are stored.
private final class Window {
  private let blocks: SampleBlocks
  private let capacity: Int
  private let storage: UnsafeMutableRawBufferPointer
  private let scratch: UnsafeMutableRawBufferPointer
  /// Where each slot's sample comes from: its position among the chosen rows, and its target.
  private var slots: [(position: Int32, group: Int32, target: Int32)] = []
  private var groups: [Targets] = []
  private var order: [Int32] = []
  private var cursor = 0

  init(for blocks: SampleBlocks, byteLimit: Int) {
    self.blocks = blocks
    let sample = max(1, blocks.layout.bytesPerSample)
    let largestBlock = blocks.blocks.map(\.count).max() ?? 0
    capacity = min(blocks.rows.count, max(byteLimit / sample, largestBlock))
    storage = .allocate(byteCount: capacity * sample, alignment: 64)
    scratch = .allocate(byteCount: blocks.longestSpan * sample, alignment: 64)
  }

  deinit {
    storage.deallocate()
    scratch.deallocate()
  }

  var holdsEverything: Bool { capacity == blocks.rows.count }
  var isLoaded: Bool { !slots.isEmpty }
  var isExhausted: Bool { cursor == order.count }

  func hasRoom(for count: Int) -> Bool { slots.count + count <= capacity }

  func removeAll() {
    slots.removeAll(keepingCapacity: true)
    groups.removeAll(keepingCapacity: true)
  }

  func load(_ block: Range<Int>) throws {
    let size = blocks.layout.bytesPerSample
    let first = Int(blocks.rows[block.lowerBound])
    groups.append(try blocks.read(block, into: scratch))
    for position in block {
      let offset = Int(blocks.rows[position]) - first
      let destination = UnsafeMutableRawBufferPointer(
        rebasing: storage[slots.count * size..<(slots.count + 1) * size])
      destination.copyMemory(
        from: UnsafeRawBufferPointer(rebasing: scratch[offset * size..<(offset + 1) * size]))
      slots.append((Int32(position), Int32(groups.count - 1), Int32(offset)))
    }
  }

  func shuffle(using random: inout SeededGenerator) {
    order = (0..<Int32(slots.count)).map { $0 }
    random.shuffle(&order)
    cursor = 0
  }

  func next() -> (bytes: UnsafeRawBufferPointer, target: Int, targets: Targets, position: Int) {
    let index = Int(order[cursor])
    cursor += 1
    let slot = slots[index]
    let size = blocks.layout.bytesPerSample
    return (
      UnsafeRawBufferPointer(rebasing: storage[index * size..<(index + 1) * size]),
      Int(slot.target), groups[Int(slot.group)], Int(slot.position)
    )
  }
}
