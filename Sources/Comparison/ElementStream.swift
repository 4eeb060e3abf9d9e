public import ModelCore

/// An array whose elements arrive in order, some at a time, so that it may be larger than memory.
///
/// A stream is read once, by one owner.
public protocol ElementStream: AnyObject {
  var elementType: ElementType { get }
  /// How many elements there are in all.
  var elementCount: Int { get }

  /// Reads the elements that come next, row-major and little-endian.
  ///
  /// - Parameter bytes: filled completely; room for a whole number of elements, and for no more
  ///   than are left.
  func read(into bytes: UnsafeMutableRawBufferPointer) throws
}

/// The elements of a tensor in memory.
public final class TensorStream: ElementStream {
  private let tensor: Tensor
  private var position = 0

  public init(_ tensor: Tensor) { self.tensor = tensor }

  public var elementType: ElementType { tensor.elementType }
  public var elementCount: Int { tensor.shape.elementCount }

  public func read(into bytes: UnsafeMutableRawBufferPointer) throws {
    guard bytes.count <= tensor.bytes.count - position else {
      throw StreamError(requested: bytes.count, left: tensor.bytes.count - position)
    }
    tensor.bytes.withUnsafeBytes { raw in
      bytes.copyMemory(
        from: UnsafeRawBufferPointer(rebasing: raw[position..<position + bytes.count]))
    }
    position += bytes.count
  }
}

/// A stream that was asked for more than it has.
public struct StreamError: Error, Hashable, Sendable, CustomStringConvertible {
  /// In bytes.
  public let requested: Int
  public let left: Int

  public init(requested: Int, left: Int) {
    self.requested = requested
    self.left = left
  }

  public var description: String { "\(requested) bytes were asked for, and \(left) are left" }
}
