/// The extents of an array, outermost first; an empty shape is a scalar.
public struct Shape: Hashable, Sendable {
  /// The extents, each at least zero.
  public let dimensions: [Int]
  /// The product of the extents; 1 for a scalar.
  public let elementCount: Int

  /// - Throws: `ShapeError` when an extent is negative or the product does not fit an `Int`.
  public init(_ dimensions: [Int]) throws(ShapeError) {
    var product = 1
    for extent in dimensions {
      guard extent >= 0 else { throw .negativeExtent(dimensions) }
      let (partial, overflow) = product.multipliedReportingOverflow(by: extent)
      guard !overflow else { throw .tooManyElements(dimensions) }
      product = partial
    }
    self.dimensions = dimensions
    self.elementCount = product
  }

  /// A vector of the given length.
  public init(vector count: Int) {
    precondition(count >= 0, "a vector cannot have \(count) elements")
    dimensions = [count]
    elementCount = count
  }

  /// The shape of a single number.
  public static let scalar = Shape()

  private init() {
    dimensions = []
    elementCount = 1
  }

  /// The size of an array of this shape in bytes.
  ///
  /// - Throws: `ShapeError.tooManyElements` when the size does not fit an `Int`.
  public func byteCount(of type: ElementType) throws(ShapeError) -> Int {
    let (bytes, overflow) = elementCount.multipliedReportingOverflow(by: type.byteCount)
    guard !overflow else { throw .tooManyElements(dimensions) }
    return bytes
  }
}

extension Shape: CustomStringConvertible {
  public var description: String {
    "[" + dimensions.map(String.init).joined(separator: ", ") + "]"
  }
}

/// A list of extents that no array can have.
public enum ShapeError: Error, Hashable, Sendable, CustomStringConvertible {
  case negativeExtent([Int])
  case tooManyElements([Int])

  public var description: String {
    switch self {
    case .negativeExtent(let dimensions): "the shape \(dimensions) has a negative extent"
    case .tooManyElements(let dimensions): "the shape \(dimensions) is too large for this machine"
    }
  }
}
