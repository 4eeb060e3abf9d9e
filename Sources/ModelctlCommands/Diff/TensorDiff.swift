internal import Comparison
internal import Foundation
internal import ModelCore

/// Compares the tensors of two files.
struct TensorDiff {
  let tolerance: Tolerance
  let ignored: [NamePattern]
  let map: [(old: String, new: String)]
  /// Types that one of the formats cannot hold and so stores as another one.
  let converted: [ElementType: ElementType]
  let progress: (_ done: Int, _ of: Int, _ name: String) -> Void

  struct Outcome {
    var rows: [DiffReport.Tensor] = []
    var totals = DiffReport.Totals()
    var layers: [DiffReport.LayerChange] = []
  }

  /// - Throws: `CommandError` for a mapping that names nothing, and what reading throws.
  func compare(_ first: [OpenedTensor], _ second: [OpenedTensor]) throws -> Outcome {
    var pairing = NamePairing(first.map(\.label), second.map(\.label), map: map)
    if let unused = pairing.unusedMappings.first {
      throw CommandError(
        .usage, "--map \(unused.unquoted): no tensor of the first file and of the second go by it")
    }
    let (gone, new) = (pairing.removed.map { first[$0] }, pairing.added.map { second[$0] })
    let common = Set(gone.map(\.kind)).intersection(new.map(\.kind))
    try pairing.pairByContent(
      { common.contains(first[$0].kind) ? try first[$0].digest() : nil },
      { common.contains(second[$0].kind) ? try second[$0].digest() : nil })
    var outcome = Outcome()
    var norms: [String: LayerNorms] = [:]
    for (done, pair) in pairing.pairs.enumerated() {
      try Interruption.check()
      progress(done, pairing.pairs.count, first[pair.first].name)
      let (row, difference) = try compare(first[pair.first], second[pair.second], pair.reason)
      outcome.rows.append(row)
      guard let difference, !row.isIgnored else { continue }
      norms[Self.layer(of: row.name), default: LayerNorms()].add(difference)
    }
    outcome.rows += pairing.removed.map { alone(first[$0], .removed) }
    outcome.rows += pairing.added.map { alone(second[$0], .added) }
    outcome.totals = Self.totals(outcome.rows, Array(norms.values))
    outcome.layers = Self.layerChanges(norms)
    return outcome
  }

  private func compare(
    _ first: OpenedTensor, _ second: OpenedTensor, _ reason: NamePairing.Reason
  ) throws -> (DiffReport.Tensor, TensorDifference?) {
    var row = DiffReport.Tensor(
      name: first.name, nameAfter: second.name == first.name ? nil : second.name, status: .same,
      matchedBy: reason.rawValue, dtype: first.typeName,
      dtypeAfter: second.typeName == first.typeName ? nil : second.typeName, shape: first.shape,
      shapeAfter: second.shape == first.shape ? nil : second.shape,
      isIgnored: ignored.match(first.name) || ignored.match(second.name))
    guard !row.isIgnored else { return (row, nil) }
    guard row.shapeAfter == nil else {
      row.status = .shape
      return (row, nil)
    }
    guard first.elementType != nil, second.elementType != nil else {
      let isEqual = try first.digest() == second.digest()
      row.status = isEqual ? (reason == .content ? .renamed : .same) : .changed
      return (row, nil)
    }
    let difference = try TensorDifference(
      from: first.stream(), to: second.stream(), tolerance: tolerance,
      checkInterruption: Interruption.check)
    row.elements = DiffReport.Elements(difference, shape: first.shape)
    if !difference.isEqual || !isSameType(first, second) {
      row.status = .changed
    } else if reason == .content {
      row.status = .renamed
    }
    return (row, difference)
  }

  /// Whether both types are one, or one is what a format stores in place of the other.
  private func isSameType(_ first: OpenedTensor, _ second: OpenedTensor) -> Bool {
    guard let old = first.elementType, let new = second.elementType, old != new else { return true }
    return converted[old] == new || converted[new] == old
  }

  private func alone(_ tensor: OpenedTensor, _ status: DiffReport.Status) -> DiffReport.Tensor {
    DiffReport.Tensor(
      name: tensor.name, status: status, dtype: tensor.typeName, shape: tensor.shape,
      isIgnored: ignored.match(tensor.name))
  }

  private static func layer(of name: String) -> String {
    name.lastIndex(of: "/").map { String(name[..<$0]) } ?? name
  }

  private static func totals(
    _ rows: [DiffReport.Tensor], _ norms: [LayerNorms]
  ) -> DiffReport.Totals {
    var totals = DiffReport.Totals()
    for row in rows {
      guard !row.isIgnored else {
        totals.ignored += 1
        continue
      }
      switch row.status {
      case .same: totals.same += 1
      case .changed, .shape: totals.changed += 1
      case .renamed: totals.renamed += 1
      case .removed: totals.removed += 1
      case .added: totals.added += 1
      }
      totals.elements += row.elements?.count ?? 0
      totals.differing += row.elements?.differing ?? 0
    }
    var all = LayerNorms()
    for norm in norms { all.add(norm) }
    totals.relativeChange = all.relativeChange.map(ReportNumber.init)
    return totals
  }

  /// The layers with weights that differ, those that moved most first.
  private static func layerChanges(_ norms: [String: LayerNorms]) -> [DiffReport.LayerChange] {
    norms.filter { $1.differing > 0 }
      .sorted { left, right in
        let (a, b) = (
          left.value.relativeChange ?? .infinity, right.value.relativeChange ?? .infinity
        )
        return a == b ? left.key < right.key : a > b
      }
      .map { layer, norms in
        DiffReport.LayerChange(
          layer: layer, tensors: norms.tensors, elements: norms.elements,
          differing: norms.differing, relativeChange: norms.relativeChange.map(ReportNumber.init))
      }
  }
}

extension OpenedTensor {
  /// What two arrays must share to be worth comparing by content.
  fileprivate struct Kind: Hashable {
    let typeName: String
    let shape: [Int]
  }

  fileprivate var kind: Kind { Kind(typeName: typeName, shape: shape) }
}

/// Norms of several tensors taken together.
private struct LayerNorms {
  private(set) var tensors = 0
  private(set) var elements = 0
  private(set) var differing = 0
  private var distance = 0.0
  private var norm = 0.0

  mutating func add(_ difference: TensorDifference) {
    tensors += 1
    elements += difference.count
    differing += difference.differing
    distance = hypot(distance, difference.distance)
    norm = hypot(norm, difference.norm)
  }

  mutating func add(_ other: LayerNorms) {
    tensors += other.tensors
    elements += other.elements
    differing += other.differing
    distance = hypot(distance, other.distance)
    norm = hypot(norm, other.norm)
  }

  var relativeChange: Double? { norm > 0 ? distance / norm : nil }
}

extension DiffReport.Elements {
  init(_ difference: TensorDifference, shape: [Int]) {
    self.init(
      count: difference.count, differing: difference.differing,
      maximumAbsolute: ReportNumber(difference.maximumAbsolute),
      maximumRelative: ReportNumber(difference.maximumRelative),
      rootMeanSquare: ReportNumber(difference.rootMeanSquare),
      relativeChange: difference.relativeChange.map(ReportNumber.init),
      cosine: difference.cosine, unmatchedNaNs: difference.unmatchedNaNs,
      unmatchedInfinities: difference.unmatchedInfinities,
      worst: difference.worstIndex.map { Self.position($0, in: shape) })
  }

  /// The index along each axis of an element, counted row-major.
  private static func position(_ index: Int, in shape: [Int]) -> [Int] {
    var rest = index
    var position = [Int](repeating: 0, count: shape.count)
    for axis in shape.indices.reversed() where shape[axis] > 0 {
      position[axis] = rest % shape[axis]
      rest /= shape[axis]
    }
    return position
  }
}
