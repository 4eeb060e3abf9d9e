internal import Foundation

/// How much a file may ask of its reader.
///
/// A file of a kilobyte can declare petabytes, so what it declares is weighed against what it
/// stores before anything is allocated.
public struct HDF5Limits: Hashable, Sendable {
  /// Groups and datasets together.
  public var objects = 1_000_000
  public var linksPerGroup = 100_000
  /// How many groups may lie inside one another.
  public var depth = 32
  public var rank = 32
  /// Below this size, a dataset need not be backed by stored bytes.
  public var unbackedBytes = 1 << 20
  /// Above this size, a dataset may be at most `expansion` times as large as what is stored.
  public var expandedBytes = 64 << 20
  /// Deflate cannot do better than 1032 to 1.
  public var expansion = 1000
  public var chunkBytes = 1 << 30
  public var attributesPerObject = 10_000
  public var attributeBytes = 16 << 20
  /// All attributes of a file together.
  public var allAttributeBytes = 64 << 20
  /// What is read in one go: half of what the machine has.
  public var bufferBytes = Int(clamping: ProcessInfo.processInfo.physicalMemory / 2)
  /// A dataset of strings, when it is read whole.
  public var stringBytes = 64 << 20

  public init() {}
}
