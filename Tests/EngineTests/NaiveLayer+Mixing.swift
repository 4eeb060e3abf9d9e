import ModelCore

extension NaiveLayer {
  /// Convolutions of every kind, without their activation.
  func mixed(_ x: NaiveTensor, _ convolution: Convolution2D) -> NaiveTensor {
    var y: NaiveTensor
    switch convolution.mixing {
    case .grouped(let groups):
      y = slid(x, convolution, weights["kernel"] ?? [], groups: groups, outputShape)
    case .depthwise:
      y = slid(x, convolution, weights["kernel"] ?? [], groups: x.channels, outputShape)
    case .separable(let multiplier):
      let shape = outputShape.dropLast() + [x.channels * multiplier]
      let middle = slid(
        x, convolution, weights["depthwise_kernel"] ?? [], groups: x.channels, Array(shape))
      let pointwise = Convolution2D(
        filters: convolution.filters, kernelSize: Extent2D(height: 1, width: 1))
      y = slid(middle, pointwise, weights["pointwise_kernel"] ?? [], groups: 1, outputShape)
    case .transposed: y = spread(x, convolution)
    }
    if let bias = weights["bias"] {
      for index in y.values.indices { y.values[index] += bias[index % bias.count] }
    }
    return y
  }

  /// `kernel [height, width, I / G, O]`; output `o` sees the inputs of group `o / (O / G)`.
  private func slid(
    _ x: NaiveTensor, _ convolution: Convolution2D, _ kernel: [Double], groups: Int, _ shape: [Int]
  ) -> NaiveTensor {
    var y = NaiveTensor(zeros: x.count, shape: shape)
    let (inputs, outputs) = (x.channels / groups, y.channels / groups)
    forEachPair(x, y, convolution) { source, target, tap in
      for output in 0..<y.channels {
        for input in 0..<inputs {
          y.values[target + output] +=
            x.values[source + output / outputs * inputs + input]
            * kernel[(tap * inputs + input) * y.channels + output]
        }
      }
    }
    return y
  }

  /// `kernel [height, width, O, I]`: every input pixel is spread over a window of the output.
  private func spread(_ x: NaiveTensor, _ convolution: Convolution2D) -> NaiveTensor {
    var y = NaiveTensor(zeros: x.count, shape: outputShape)
    let kernel = weights["kernel"] ?? []
    // The convolution that would lead back.
    forEachPair(y, x, convolution) { target, source, tap in
      for output in 0..<y.channels {
        for input in 0..<x.channels {
          y.values[target + output] +=
            x.values[source + input] * kernel[(tap * y.channels + output) * x.channels + input]
        }
      }
    }
    return y
  }

  private func forEachPair(
    _ x: NaiveTensor, _ y: NaiveTensor, _ convolution: Convolution2D,
    _ body: (_ source: Int, _ target: Int, _ tap: Int) -> Void
  ) {
    forEachTap(x, y, convolution) { source, target, tap in body(source, target, tap) }
  }
}
