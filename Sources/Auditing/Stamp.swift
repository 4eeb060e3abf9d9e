internal import ModelCore

/// The pattern that a backdoor answers to: `x' = (1 - mask) x + mask patch`.
///
/// With `E` the elements of one sample; values are in the units in which samples are stored, before
/// any scale.
public struct Stamp: Hashable, Sendable {
  /// `[E]`.
  public let patch: [Float]
  /// `[E]`, each within 0...1: how much of the patch shows.
  public let mask: [Float]

  /// - Throws: `AuditError.trigger` when the sizes differ or a number makes no sense.
  public init(patch: [Float], mask: [Float]) throws(AuditError) {
    guard patch.count == mask.count else {
      throw .trigger("its patch has \(patch.count) elements, its mask \(mask.count)")
    }
    guard patch.allSatisfy(\.isFinite) else { throw .trigger("its patch is not finite") }
    guard mask.allSatisfy({ (0...1).contains($0) }) else {
      throw .trigger("its mask has a value outside 0...1")
    }
    guard mask.contains(where: { $0 > 0 }) else { throw .trigger("its mask is zero everywhere") }
    self.patch = patch
    self.mask = mask
  }
}

/// A source's samples with the pattern on them, under their own labels.
final class StampedSamples: SampleSource {
  let layout: SampleLayout
  private let source: any SampleSource
  private let stamp: Stamp

  init(_ source: any SampleSource, _ stamp: Stamp) throws(AuditError) {
    let shape = source.layout.sampleShape
    guard stamp.patch.count == shape.elementCount else {
      throw .trigger(
        "it has \(stamp.patch.count) elements, a sample of \(shape) has \(shape.elementCount)")
    }
    var layout = source.layout
    layout.elementType = .float32
    self.layout = layout
    self.source = source
    self.stamp = stamp
  }

  func readInputs(_ rows: Range<Int>, into bytes: UnsafeMutableRawBufferPointer) throws {
    let stored = source.layout
    let size = stored.sampleShape.elementCount
    var raw = [UInt8](repeating: 0, count: rows.count * stored.bytesPerSample)
    try raw.withUnsafeMutableBytes { try source.readInputs(rows, into: $0) }
    var values = try Tensor(
      elementType: stored.elementType, shape: Shape([rows.count, size]), bytes: raw
    ).floats
    for start in stride(from: 0, to: values.count, by: max(1, size)) {
      for index in 0..<size where stamp.mask[index] > 0 {
        let share = stamp.mask[index]
        values[start + index] = (1 - share) * values[start + index] + share * stamp.patch[index]
      }
    }
    values.withUnsafeBytes { bytes.copyMemory(from: $0) }
  }

  func readTargets(_ rows: Range<Int>) throws -> Targets { try source.readTargets(rows) }
}
