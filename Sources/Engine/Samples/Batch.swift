/// Samples put together for one step; the buffers are made once and used again.
///
/// With `N` the samples now in the batch, `E` the elements of one sample and `C` the classes.
public final class Batch {
  /// How many samples fit.
  public let capacity: Int
  public let sampleElementCount: Int
  public let classCount: Int
  /// `N`, the samples now in the batch.
  public internal(set) var count = 0
  /// `[capacity, E]`: samples as the network reads them (images are height, width, channels),
  /// already scaled.
  public let inputs: UnsafeMutableBufferPointer<Float>
  /// `[capacity, C]` probabilities.
  public let targets: UnsafeMutableBufferPointer<Float>
  /// `[capacity]`: the weight of each sample in the loss; may be negative.
  public let weights: UnsafeMutableBufferPointer<Float>

  /// - Precondition: no size is negative.
  public init(capacity: Int, sampleElementCount: Int, classCount: Int) {
    precondition(
      capacity >= 0 && sampleElementCount >= 0 && classCount >= 0,
      "a batch cannot hold [\(capacity), \(sampleElementCount)] and [\(capacity), \(classCount)]")
    self.capacity = capacity
    self.sampleElementCount = sampleElementCount
    self.classCount = classCount
    inputs = Self.makeBuffer(capacity * sampleElementCount)
    targets = Self.makeBuffer(capacity * classCount)
    weights = Self.makeBuffer(capacity)
  }

  deinit {
    inputs.deallocate()
    targets.deallocate()
    weights.deallocate()
  }

  /// Leaves the batch without samples; the buffers keep their contents.
  public func removeAll() { count = 0 }

  /// Says how many samples have been written to the front of the buffers.
  ///
  /// - Precondition: `n` is within `0...capacity`.
  public func setCount(_ n: Int) {
    precondition((0...capacity).contains(n), "\(n) samples in a batch for \(capacity)")
    count = n
  }

  private static func makeBuffer(_ count: Int) -> UnsafeMutableBufferPointer<Float> {
    // A cache line's alignment, which is also what the widest vectors like best.
    let raw = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(1, count) * MemoryLayout<Float>.stride, alignment: 64)
    raw.initializeMemory(as: UInt8.self, repeating: 0)
    return UnsafeMutableBufferPointer(
      start: raw.bindMemory(to: Float.self).baseAddress, count: count)
  }
}
