internal import CKernels
internal import ModelCore

/// Every output of a sample as a weighted sum of some of its inputs: what moves, repeats, cuts
/// and interpolates numbers is all of this kind, and its gradient is the transposed map.
///
/// Numbers are in Keras's order; `inner` neighbours move together.
final class LinearMap {
  /// Rows of `inner` numbers that one sample has before and after.
  let inputRows: Int
  let outputRows: Int
  let inner: Int
  /// Where the terms of each output row start, and after the last one their number.
  let starts: [Int32]
  let sources: [Int32]
  let weights: [Float]

  typealias Term = (source: Int, weight: Float)

  init(inputRows: Int, inner: Int, rows: [[Term]]) {
    self.inputRows = inputRows
    self.inner = inner
    outputRows = rows.count
    var starts: [Int32] = [0]
    var (sources, weights): ([Int32], [Float]) = ([], [])
    for row in rows {
      for term in row {
        sources.append(Int32(truncatingIfNeeded: term.source))
        weights.append(term.weight)
      }
      starts.append(Int32(truncatingIfNeeded: sources.count))
    }
    (self.starts, self.sources, self.weights) = (starts, sources, weights)
  }

  /// One source for each output row; nil for zeros.
  convenience init(inputRows: Int, inner: Int, sources: [Int?]) {
    self.init(
      inputRows: inputRows, inner: inner,
      rows: sources.map { source -> [Term] in source.map { [Term($0, 1)] } ?? [] })
  }

  lazy var transposed: LinearMap = {
    var rows = [[Term]](repeating: [], count: inputRows)
    for row in 0..<outputRows {
      for index in Int(starts[row])..<Int(starts[row + 1]) {
        rows[Int(sources[index])].append((row, weights[index]))
      }
    }
    return LinearMap(inputRows: outputRows, inner: inner, rows: rows)
  }()

  /// Computes `y [N, outputRows, inner]` from `x [N, inputRows, inner]`.
  func apply(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, samples: Int) {
    starts.withUnsafeBufferPointer { starts in
      sources.withUnsafeBufferPointer { sources in
        weights.withUnsafeBufferPointer { weights in
          var map = ck_linear(
            in_rows: inputRows, out_rows: outputRows, inner: inner, starts: starts.baseAddress,
            sources: sources.baseAddress, weights: weights.baseAddress)
          ck_linear_apply(y, x, &map, samples)
        }
      }
    }
  }
}

extension LinearMap {
  /// A score of zero before the only one there is.
  static var pair: LinearMap { LinearMap(inputRows: 1, inner: 1, sources: [nil, 0]) }

  static func repetition(of elements: Int, _ count: Int) -> LinearMap {
    LinearMap(inputRows: 1, inner: elements, sources: .init(repeating: 0, count: count))
  }

  /// - Parameter order: for each axis of the output, which axis of the input it is.
  static func permutation(of extents: [Int], _ order: [Int]) -> LinearMap {
    // What stays last moves in one piece.
    let kept = order.indices.reversed().prefix { order[$0] == $0 }.count
    let inner = extents.suffix(kept).reduce(1, *)
    let (extents, order) = (Array(extents.dropLast(kept)), Array(order.dropLast(kept)))
    let steps = strides(of: extents)
    return LinearMap(
      inputRows: extents.reduce(1, *), inner: inner,
      sources: positions(of: order.map { extents[$0] }) { position in
        zip(position, order).reduce(0) { $0 + $1.0 * steps[$1.1] }
      })
  }

  static func broadcast(from own: [Int], to extents: [Int]) -> LinearMap {
    let aligned = [Int](repeating: 1, count: extents.count - own.count) + own
    let steps = strides(of: aligned)
    return LinearMap(
      inputRows: own.reduce(1, *), inner: 1,
      sources: positions(of: extents) { position in
        position.indices.reduce(0) {
          $0 + (aligned[$1] == 1 ? 0 : position[$1] * steps[$1])
        }
      })
  }

  static func cropping(of image: Form, by border: Border) -> LinearMap {
    let (rows, columns) = (
      image.height - border.top - border.bottom, image.width - border.left - border.right
    )
    return LinearMap(
      inputRows: image.pixels, inner: image.channels,
      sources: positions(of: [rows, columns]) { position in
        (position[0] + border.top) * image.width + position[1] + border.left
      })
  }

  /// Every pixel becomes `size` pixels.
  static func growth(
    of image: Form, by size: Extent2D, _ interpolation: Interpolation
  ) -> LinearMap {
    let rows = terms(image.height, size.height, interpolation)
    let columns = terms(image.width, size.width, interpolation)
    return LinearMap(
      inputRows: image.pixels, inner: image.channels,
      rows: rows.flatMap { row in
        columns.map { column in
          row.flatMap { r in
            column.map { c in (r.source * image.width + c.source, r.weight * c.weight) }
          }
        }
      })
  }

  /// Along one axis, with the centres of pixels where TensorFlow's `resize` has them.
  private static func terms(
    _ count: Int, _ factor: Int, _ interpolation: Interpolation
  ) -> [[Term]] {
    (0..<count * factor).map { output in
      guard interpolation == .bilinear else { return [(output / factor, 1)] }
      let position = (Float(output) + 0.5) / Float(factor) - 0.5
      let (lower, share) = (position.rounded(.down), position - position.rounded(.down))
      let (first, second) = (max(0, Int(lower)), min(count - 1, Int(lower) + 1))
      if first == second || share == 0 { return [(first, 1)] }
      return [(first, 1 - share), (second, share)]
    }
  }

  private static func strides(of extents: [Int]) -> [Int] {
    var steps = extents
    var step = 1
    for axis in extents.indices.reversed() {
      steps[axis] = step
      step *= extents[axis]
    }
    return steps
  }

  /// Calls `body` with every position of an array, in order.
  private static func positions(of extents: [Int], _ body: ([Int]) -> Int) -> [Int?] {
    let count = extents.reduce(1, *)
    var position = extents.map { _ in 0 }
    return (0..<count).map { _ in
      defer {
        for axis in extents.indices.reversed() {
          position[axis] += 1
          if position[axis] < extents[axis] { break }
          position[axis] = 0
        }
      }
      return body(position)
    }
  }
}
