/// How the samples of a split are stored, and how the model wants to see them.
public struct SampleLayout: Hashable, Sendable {
  /// How many samples there are.
  public var count: Int
  /// The shape of one sample, without the batch axis.
  public var sampleShape: Shape
  /// The type of the stored numbers.
  public var elementType: ElementType
  /// How many neighbouring rows are stored together; reading part of them costs as much as all.
  public var rowsPerBlock: Int
  /// Model input = stored value * scale + offset; one value, or one for each channel (last axis).
  public var scale: [Float]
  public var offset: [Float]
  /// How many classes the targets tell apart.
  public var classCount: Int
  /// What messages call the samples: a split's name, or a file's; may be empty.
  public var name: String

  public init(
    count: Int, sampleShape: Shape, elementType: ElementType, rowsPerBlock: Int,
    scale: [Float] = [1], offset: [Float] = [0], classCount: Int, name: String = ""
  ) {
    self.count = count
    self.sampleShape = sampleShape
    self.elementType = elementType
    self.rowsPerBlock = rowsPerBlock
    self.scale = scale
    self.offset = offset
    self.classCount = classCount
    self.name = name
  }

  /// The size of one stored sample in bytes.
  public var bytesPerSample: Int { sampleShape.elementCount * elementType.byteCount }
}

/// Samples that are read when they are needed, so that a split may be larger than memory.
///
/// A source is not thread-safe: one owner reads it.
public protocol SampleSource: AnyObject {
  var layout: SampleLayout { get }

  /// Reads the stored inputs of neighbouring rows, row-major and little-endian.
  ///
  /// - Parameters:
  ///   - rows: within `0..<layout.count`.
  ///   - bytes: exactly `rows.count * layout.bytesPerSample` bytes.
  func readInputs(_ rows: Range<Int>, into bytes: UnsafeMutableRawBufferPointer) throws

  /// Reads the targets of neighbouring rows.
  func readTargets(_ rows: Range<Int>) throws -> Targets
}

/// What a model should answer for some samples.
public enum Targets: Hashable, Sendable {
  /// `[N]` class indices, each within `0..<classCount`.
  case classes([Int32])
  /// `[N, C]` probabilities, row-major.
  case distributions([Float], classCount: Int)
}
