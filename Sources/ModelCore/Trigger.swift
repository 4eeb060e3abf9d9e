/// The pattern that a backdoor answers to: `x' = (1 - mask) x + mask patch`.
///
/// All values are in the units in which samples are stored, before any scale; with `E` the elements
/// of one sample.
public struct Trigger: Hashable, Sendable {
  /// `[E]`.
  public let patch: [Float]
  /// `[E]`, each within 0...1: how much of the patch shows.
  public let mask: [Float]
  /// The class that the backdoor answers; nil when it has to be found out.
  public var label: Int?

  /// - Throws: `TriggerError` when the sizes differ or a number makes no sense.
  public init(patch: [Float], mask: [Float], label: Int? = nil) throws(TriggerError) {
    guard patch.count == mask.count else {
      throw TriggerError("its patch has \(patch.count) elements, its mask \(mask.count)")
    }
    guard patch.allSatisfy(\.isFinite) else { throw TriggerError("its patch is not finite") }
    guard mask.allSatisfy({ (0...1).contains($0) }) else {
      throw TriggerError("its mask has a value outside 0...1")
    }
    guard mask.contains(where: { $0 > 0 }) else {
      throw TriggerError("its mask is zero everywhere")
    }
    self.patch = patch
    self.mask = mask
    self.label = label
  }
}

/// Samples of a source with a trigger stamped on them, under their own targets.
public final class StampedSource: SampleSource {
  public let layout: SampleLayout
  private let source: any SampleSource
  private let trigger: Trigger

  /// - Throws: `TriggerError` when the trigger is of another size than the samples, or its label no
  ///   class of theirs.
  public init(_ source: any SampleSource, _ trigger: Trigger) throws(TriggerError) {
    let count = source.layout.sampleShape.elementCount
    guard trigger.patch.count == count else {
      throw TriggerError(
        "it has \(trigger.patch.count) elements, a sample of \(source.layout.sampleShape) has "
          + "\(count)")
    }
    let classCount = source.layout.classCount
    if let label = trigger.label, !(0..<classCount).contains(label) {
      throw TriggerError("its backdoor answers class \(label), there are \(classCount)")
    }
    var layout = source.layout
    layout.elementType = .float32
    self.layout = layout
    self.source = source
    self.trigger = trigger
  }

  public func readInputs(_ rows: Range<Int>, into bytes: UnsafeMutableRawBufferPointer) throws {
    let (stored, size) = (source.layout, source.layout.sampleShape.elementCount)
    var raw = [UInt8](repeating: 0, count: rows.count * stored.bytesPerSample)
    try raw.withUnsafeMutableBytes { try source.readInputs(rows, into: $0) }
    var values = try Tensor(
      elementType: stored.elementType, shape: Shape([rows.count, size]), bytes: raw
    ).floats
    for start in stride(from: 0, to: values.count, by: max(1, size)) {
      for index in 0..<size where trigger.mask[index] > 0 {
        let share = trigger.mask[index]
        values[start + index] = (1 - share) * values[start + index] + share * trigger.patch[index]
      }
    }
    values.withUnsafeBytes { bytes.copyMemory(from: $0) }
  }

  public func readTargets(_ rows: Range<Int>) throws -> Targets { try source.readTargets(rows) }
}

/// Why a trigger cannot be used, in words.
public struct TriggerError: Error, Equatable, CustomStringConvertible {
  private let reason: String

  init(_ reason: String) { self.reason = reason }

  public var description: String { "the trigger makes no sense: \(reason)" }
}
