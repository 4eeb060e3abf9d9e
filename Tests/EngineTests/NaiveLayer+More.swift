import Foundation
import ModelCore

/// Layers of which only the forward step is written out; `differenceAdjoint` does the rest.
extension NaiveLayer {
  func forward(_ inputs: [NaiveTensor]) -> NaiveTensor {
    let x = inputs[0]
    switch kind {
    case .convolution2D(let convolution):
      return NaiveActivation(convolution.activation).output(mixed(x, convolution))
    case .globalMaxPooling2D: return globalMax(x)
    case .groupNormalization(let normalization): return standardized(x, normalization)
    case .embedding(let embedding): return lookedUp(x, embedding.dimension)
    case .parametricReLU(let axes): return sloped(x, axes)
    case .reshape: return x.reshaped(outputShape)
    case .permute(let axes):
      return gathered(x) { position in
        var source = position
        for (axis, number) in axes.enumerated() { source[number - 1] = position[axis] }
        return source
      }
    case .repeatVector: return gathered(x) { [$0[1]] }
    case .cropping2D(let top, _, let left, _): return cropped(x, top: top, left: left)
    case .upSampling2D(let size, let interpolation): return grown(x, size, interpolation)
    case .add: return joined(inputs) { $0.reduce(0, +) }
    case .merge(let merge): return joined(inputs) { Self.join($0, merge) }
    case .concatenate(let axis): return concatenated(inputs, axis: axis)
    case .affine(let affine): return scaled(x, affine)
    case .activation(.softmaxOver(let axis)): return softmax(x, over: axis)
    default: preconditionFailure("\(kind) has nothing to compute")
    }
  }

  /// The adjoint of `forward` by central differences, of every input and every trained weight.
  ///
  /// No layer here mixes samples, so one element of all samples is moved at a time.
  func differenceAdjoint(_ inputs: [NaiveTensor], _ gradient: NaiveTensor) -> Adjoint {
    var adjoint = Adjoint(inputs: inputs.map { NaiveTensor(zeros: $0.count, shape: $0.shape) })
    let step = 1e-5
    let size = gradient.values.count / max(1, gradient.count)
    func products(_ y: NaiveTensor) -> [Double] {
      (0..<y.count).map { sample in
        (sample * size..<(sample + 1) * size)
          .reduce(0) { $0 + y.values[$1] * gradient.values[$1] }
      }
    }
    if case .embedding = kind {
    } else {
      for (index, x) in inputs.enumerated() {
        let elements = x.values.count / max(1, x.count)
        for element in 0..<elements {
          var (more, less) = (inputs, inputs)
          for sample in 0..<x.count {
            more[index].values[sample * elements + element] += step
            less[index].values[sample * elements + element] -= step
          }
          let slopes = zip(products(forward(more)), products(forward(less)))
          for (sample, pair) in slopes.enumerated() {
            adjoint.inputs[index].values[sample * elements + element] =
              (pair.0 - pair.1) / (2 * step)
          }
        }
      }
    }
    for (role, values) in weights where !["mean", "variance", "count"].contains(role) {
      adjoint.weights[role] = values.indices.map { element in
        let both = [step, -step].map { step in
          var moved = weights
          moved[role]?[element] += step
          let layer = NaiveLayer(
            kind: kind, weights: moved, outputShape: outputShape,
            usesBatchStatistics: usesBatchStatistics, dropoutFactors: nil)
          return products(layer.forward(inputs)).reduce(0, +)
        }
        return (both[0] - both[1]) / (2 * step)
      }
    }
    return adjoint
  }

  // MARK: Positions

  /// Every output element from the input element whose position `source` tells.
  private func gathered(_ x: NaiveTensor, _ source: ([Int]) -> [Int]) -> NaiveTensor {
    var y = NaiveTensor(zeros: x.count, shape: outputShape)
    let (from, to) = (x.values.count / x.count, y.values.count / y.count)
    for element in 0..<to {
      let position = source(Self.position(element, in: outputShape))
      let offset = zip(position, x.shape).reduce(0) { $0 * $1.1 + $1.0 }
      for sample in 0..<x.count {
        y.values[sample * to + element] = x.values[sample * from + offset]
      }
    }
    return y
  }

  static func position(_ element: Int, in shape: [Int]) -> [Int] {
    var (rest, position) = (element, shape)
    for axis in shape.indices.reversed() {
      position[axis] = rest % shape[axis]
      rest /= shape[axis]
    }
    return position
  }

  /// NumPy's broadcasting.
  private func joined(_ inputs: [NaiveTensor], _ join: ([Double]) -> Double) -> NaiveTensor {
    let all = inputs.map { x in
      gathered(x) { position in
        zip(position.suffix(x.shape.count), x.shape).map { $1 == 1 ? 0 : $0 }
      }
    }
    var y = all[0]
    for index in y.values.indices { y.values[index] = join(all.map { $0.values[index] }) }
    return y
  }

  private static func join(_ values: [Double], _ merge: Merge) -> Double {
    switch merge {
    case .subtract: values[0] - values[1]
    case .multiply: values.reduce(1, *)
    case .average: values.reduce(0, +) / Double(values.count)
    case .maximum: values.max() ?? 0
    case .minimum: values.min() ?? 0
    }
  }

  private func concatenated(_ inputs: [NaiveTensor], axis: Int) -> NaiveTensor {
    let axis = Layer.sampleAxis(axis, rank: outputShape.count) ?? 0
    var y = NaiveTensor(zeros: inputs[0].count, shape: outputShape)
    let size = y.values.count / y.count
    for element in 0..<size {
      var position = Self.position(element, in: outputShape)
      var source = 0
      while position[axis] >= inputs[source].shape[axis] {
        position[axis] -= inputs[source].shape[axis]
        source += 1
      }
      let x = inputs[source]
      let offset = zip(position, x.shape).reduce(0) { $0 * $1.1 + $1.0 }
      for sample in 0..<x.count {
        y.values[sample * size + element] = x.values[sample * x.values.count / x.count + offset]
      }
    }
    return y
  }

  // MARK: Images

  private func cropped(_ x: NaiveTensor, top: Int, left: Int) -> NaiveTensor {
    pixelwise(x) { sample, row, column, channel in
      x.values[x.offset(sample, row + top, column + left) + channel]
    }
  }

  private func pixelwise(
    _ x: NaiveTensor, _ value: (Int, Int, Int, Int) -> Double
  ) -> NaiveTensor {
    var y = NaiveTensor(zeros: x.count, shape: outputShape)
    for sample in 0..<y.count {
      for row in 0..<y.height {
        for column in 0..<y.width {
          for channel in 0..<y.channels {
            y.values[y.offset(sample, row, column) + channel] = value(
              sample, row, column, channel)
          }
        }
      }
    }
    return y
  }

  /// Bilinear: straight lines between the centres of pixels, flat beyond the outer ones.
  private func grown(
    _ x: NaiveTensor, _ size: Extent2D, _ interpolation: Interpolation
  ) -> NaiveTensor {
    func place(_ output: Int, _ factor: Int, _ count: Int) -> (Int, Int, Double) {
      let position = (Double(output) + 0.5) / Double(factor) - 0.5
      let clamped = min(max(position, 0), Double(count - 1))
      return (Int(clamped), min(Int(clamped) + 1, count - 1), clamped - clamped.rounded(.down))
    }
    return pixelwise(x) { sample, row, column, channel in
      func pixel(_ row: Int, _ column: Int) -> Double {
        x.values[x.offset(sample, row, column) + channel]
      }
      if interpolation == .nearest { return pixel(row / size.height, column / size.width) }
      let (top, bottom, down) = place(row, size.height, x.height)
      let (left, right, across) = place(column, size.width, x.width)
      return (1 - down) * ((1 - across) * pixel(top, left) + across * pixel(top, right))
        + down * ((1 - across) * pixel(bottom, left) + across * pixel(bottom, right))
    }
  }

  private func globalMax(_ x: NaiveTensor) -> NaiveTensor {
    var y = NaiveTensor(zeros: x.count, shape: outputShape)
    for sample in 0..<x.count {
      for channel in 0..<x.channels {
        var best = -Double.infinity
        for row in 0..<x.height {
          for column in 0..<x.width {
            best = max(best, x.values[x.offset(sample, row, column) + channel])
          }
        }
        y.values[sample * x.channels + channel] = best
      }
    }
    return y
  }

  // MARK: Values

  private func standardized(_ x: NaiveTensor, _ normalization: GroupNormalization) -> NaiveTensor {
    var y = x
    let size = x.values.count / x.count
    let last = x.shape.suffix(normalization.parameterAxes).reduce(1, *)
    for sample in 0..<x.count {
      // Which elements are normalized together.
      let families = Dictionary(grouping: 0..<size) { element -> Int in
        guard case .groups(let groups) = normalization.scope else { return element / last }
        return element % x.channels / (x.channels / (groups == -1 ? x.channels : groups))
      }
      for family in families.values {
        let values = family.map { x.values[sample * size + $0] }
        let mean = values.reduce(0, +) / Double(values.count)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
        for element in family {
          let normal =
            (x.values[sample * size + element] - mean)
            / (variance + Double(normalization.epsilon)).squareRoot()
          let (gamma, beta) = (weights["gamma"], weights["beta"])
          y.values[sample * size + element] =
            normal * (gamma.map { $0[element % $0.count] } ?? 1)
            + (beta.map { $0[element % $0.count] } ?? 0)
        }
      }
    }
    return y
  }

  private func lookedUp(_ x: NaiveTensor, _ width: Int) -> NaiveTensor {
    let table = weights["embeddings"] ?? []
    return NaiveTensor(
      count: x.count, shape: outputShape,
      values: x.values.flatMap { table[Int($0) * width..<(Int($0) + 1) * width] })
  }

  private func sloped(_ x: NaiveTensor, _ sharedAxes: Set<Int>) -> NaiveTensor {
    let alpha = weights["alpha"] ?? []
    var y = x
    for index in y.values.indices where x.values[index] <= 0 {
      let position = Self.position(index % (x.values.count / x.count), in: x.shape)
      var slope = 0
      for (axis, value) in position.enumerated() where !sharedAxes.contains(axis + 1) {
        slope = slope * x.shape[axis] + value
      }
      y.values[index] *= alpha[slope]
    }
    return y
  }

  private func scaled(_ x: NaiveTensor, _ affine: Affine) -> NaiveTensor {
    var y = x
    func value(_ list: [Float], _ index: Int) -> Double {
      Double(list.count == 1 ? list[0] : list[index % list.count])
    }
    for index in y.values.indices {
      switch affine {
      case .rescaling(let scale, let offset):
        y.values[index] = x.values[index] * value(scale, index) + value(offset, index)
      case .normalizationBy(let mean, let variance):
        y.values[index] =
          (x.values[index] - value(mean, index)) / max(value(variance, index).squareRoot(), 1e-7)
      case .normalization:
        let (mean, variance) = (weights["mean"] ?? [], weights["variance"] ?? [])
        let channel = index % x.channels
        y.values[index] =
          (x.values[index] - mean[channel]) / max(variance[channel].squareRoot(), 1e-7)
      }
    }
    return y
  }

  private func softmax(_ x: NaiveTensor, over axis: Int) -> NaiveTensor {
    var y = x
    let size = x.values.count / x.count
    let families = Dictionary(grouping: x.values.indices) { index -> [Int] in
      var position = Self.position(index % size, in: x.shape)
      position[axis - 1] = 0
      return [index / size] + position
    }
    for family in families.values {
      let sum = family.reduce(0) { $0 + exp(x.values[$1]) }
      for index in family { y.values[index] = exp(x.values[index]) / sum }
    }
    return y
  }
}
