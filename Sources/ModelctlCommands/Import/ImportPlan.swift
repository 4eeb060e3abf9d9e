internal import Checkpoints
internal import Conversion
internal import ModelCore

/// What an import will write: splits, some of them cut from the training data.
struct ImportPlan {
  private(set) var splits: [DraftSplit] = []
  let scale: [Float]
  let offset: [Float]
  /// How many classes all targets together tell apart.
  private(set) var classCount = 0
  private let cuts: [(name: String, size: SplitSize)]

  /// - Parameter cuts: splits to cut from `train`, by name, in this order.
  /// - Throws: `CommandError`, `ConversionError` for arrays that do not go together or do not fit
  ///   the network.
  init(
    _ arrays: ImportArrays, network: Architecture?, cuts: [(name: String, size: SplitSize)],
    scale: [Float]?, offset: [Float]?, seed: UInt64
  ) throws {
    self.cuts = cuts
    // A network that scales its inputs itself wants them as they are.
    let wantsFractions = arrays.holdBytes && network?.inputScaling == nil
    self.scale = scale ?? [wantsFractions ? 1 / 255 : 1]
    self.offset = offset ?? [0]
    let shape = try network?.inputShape()
    let classCount = try network?.classCount() ?? arrays.classNames?.count
    var number: Int64 = 0
    // The training data come first, so that their numbers are their rows.
    let others = arrays.splits.keys.filter { $0 != "train" }.sorted()
    for name in ["train"] + others {
      guard let split = arrays.splits[name] else { continue }
      guard let x = split.x, let y = split.y else {
        let missing = split.x == nil ? "\(name)/x" : "\(name)/y"
        throw CommandError(.usage, "split \(name.quoted): the array \(missing.quoted) is missing")
      }
      let samples = try ArraySource(
        inputs: x, labels: y, sampleShape: shape, scale: self.scale, offset: self.offset,
        classCount: classCount)
      self.classCount = max(self.classCount, samples.layout.classCount)
      let ids = try Self.identifiers(split.id, count: samples.layout.count, from: &number)
      let whole = DraftSplit(
        name: name, role: SplitRole(rawValue: name) ?? .test, samples: samples, identifiers: ids)
      splits += name == "train" ? try cut(whole, seed: seed) : [whole]
    }
    if let cut = cuts.first, arrays.splits["train"] == nil {
      throw CommandError(
        .usage, "cannot cut \(cut.name.quoted): there is no training data (train/x, train/y)")
    }
    let names = splits.map(\.name)
    if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
      throw CommandError(.usage, "the split \(twice.quoted) is both given and cut")
    }
  }

  private func cut(_ train: DraftSplit, seed: UInt64) throws -> [DraftSplit] {
    guard !cuts.isEmpty else { return [train] }
    let sizes = cuts.map { $0.size.count(of: train.count) }
    let labels = try Self.labels(of: train.samples)
    let (parts, rest) = try SplitCut(labels: labels, seed: seed).rows(sizes: sizes)
    func part(_ name: String, _ rows: [Int]) -> DraftSplit {
      DraftSplit(
        name: name, role: SplitRole(rawValue: name) ?? .test, samples: train.samples, rows: rows,
        identifiers: rows.map { train.identifiers[$0] })
    }
    return [part("train", rest)] + zip(cuts, parts).map { part($0.name, $1) }
  }

  /// The class of each sample; of a soft target, its likeliest.
  private static func labels(of source: any SampleSource) throws -> [Int32] {
    switch try source.readTargets(0..<source.layout.count) {
    case .classes(let labels): return labels
    case .distributions(let values, let width):
      return stride(from: 0, to: values.count, by: width).map { start in
        let row = values[start..<start + width]
        return Int32((row.indices.max { row[$0] < row[$1] } ?? start) - start)
      }
    }
  }

  /// The ids of an array, or numbers that no other split has.
  private static func identifiers(
    _ array: NamedArray?, count: Int, from number: inout Int64
  ) throws -> [SampleIdentifier] {
    guard let array else {
      defer { number += Int64(count) }
      return (number..<number + Int64(count)).map(SampleIdentifier.integer)
    }
    let ids: [SampleIdentifier]
    if case .number = array.element {
      guard let integers = try array.tensor().integers else {
        throw CommandError(
          .badInput, "\(array.file.quoted), \(array.name.quoted): ids are text or whole numbers")
      }
      ids = integers.map(SampleIdentifier.integer)
    } else {
      ids = try array.strings().map(SampleIdentifier.string)
    }
    guard ids.count == count else {
      throw CommandError(
        .badInput,
        "\(array.file.quoted), \(array.name.quoted): expected \(count) ids, found \(ids.count)")
    }
    return ids
  }

  /// What the file will remember of the import.
  func entry(seed: UInt64) -> ProvenanceEntry {
    var counts: [String: JSONValue] = [:]
    for split in splits { counts[split.name] = .integer(Int64(split.count)) }
    let text = splits.map { "\($0.count.grouped) \($0.name)" }.joined(separator: ", ")
    return ProvenanceEntry(
      operation: "import",
      details: .object([
        "seed": .integer(Int64(bitPattern: seed)), "samples": .object(counts),
        "cut": .array(cuts.map { .string($0.name) }), "summary": .string("\(text) samples"),
      ]))
  }
}

extension ImportArrays {
  /// Whether the inputs are 8-bit images, which networks want between 0 and 1.
  var holdBytes: Bool {
    let inputs = splits.values.compactMap(\.x)
    return !inputs.isEmpty && inputs.allSatisfy { $0.element == .number(.uint8) }
  }
}

extension ImportReport.SplitRow {
  init(_ split: DraftSplit) {
    let layout = split.samples.layout
    self.init(
      name: split.name, role: split.role.rawValue, samples: split.count,
      shape: [split.count] + layout.sampleShape.dimensions, dtype: layout.elementType.rawValue)
  }
}
