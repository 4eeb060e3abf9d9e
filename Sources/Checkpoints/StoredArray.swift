public import ModelCore

/// A dataset of an HDF5 file, of whatever kind, not read yet.
public struct StoredArray: Hashable, Sendable {
  /// The absolute path inside the file.
  public let path: String
  /// The elements' type, or nil when they are no numbers.
  public let elementType: ElementType?
  /// The elements' type in words, whatever it is.
  public let typeName: String
  /// The extents, outermost first; empty for a scalar.
  public let shape: [Int]
  /// The size of all elements, or nil when they have no fixed size.
  public let byteCount: Int?
  public let storage: StorageDescription
}

/// How the elements of a dataset lie in its file.
public struct StorageDescription: Hashable, Sendable {
  public enum Layout: String, Sendable {
    /// In the dataset's own header.
    case compact
    /// One after another.
    case contiguous
    /// In blocks, each passed through the filters.
    case chunked
  }

  public let layout: Layout
  /// The extents of a chunk; nil where there are none.
  public let chunk: [Int]?
  /// What chunks pass through on their way to the file, such as `shuffle` and `deflate 4`.
  public let filters: [String]
  /// How many bytes of the file hold the elements.
  public let storedByteCount: Int
}
