/// What a dataset is, told without reading it.
public struct HDF5DatasetDescription: Hashable, Sendable {
  /// How the elements lie in the file.
  public enum Storage: Hashable, Sendable {
    /// In the dataset's own header.
    case compact
    /// One after another.
    case contiguous
    /// In blocks of the given extents, each passed through the filters.
    case chunked(extents: [Int], filters: [Filter])
  }

  /// A step that chunks pass through on their way to the file.
  public enum Filter: Hashable, Sendable {
    case deflate(level: Int)
    case shuffle
    case fletcher32
  }

  public let type: HDF5Type
  /// The extents, outermost first; empty for a scalar.
  public let shape: [Int]
  public let storage: Storage
  /// How many bytes of the file hold the elements.
  public let storedByteCount: Int
  /// How many elements there are.
  public let elementCount: Int

  /// The size of all elements in a reader's buffer, or nil when they have no fixed size.
  public var byteCount: Int? {
    // The gate has found that the product fits.
    type.byteCount.map { $0 * elementCount }
  }

  /// How many rows lie in one chunk; 1 when nothing is chunked.
  public var rowsPerChunk: Int {
    guard case .chunked(let extents, _) = storage else { return 1 }
    return extents.first ?? 1
  }
}
