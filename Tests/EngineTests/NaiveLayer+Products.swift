import ModelCore

extension NaiveLayer {
  /// `y = x k + b`.
  func affine(_ x: NaiveTensor, _ dense: Dense) -> NaiveTensor {
    let kernel = weights["kernel"] ?? []
    var y = biased(NaiveTensor(zeros: x.count, shape: outputShape))
    for sample in 0..<x.rows {
      multiply(x, sample * x.channels, kernel, 0, into: &y, sample * dense.units)
    }
    return y
  }

  func affineAdjoint(_ x: NaiveTensor, _ gradient: NaiveTensor, _ dense: Dense) -> Adjoint {
    let kernel = weights["kernel"] ?? []
    var input = NaiveTensor(zeros: x.count, shape: x.shape)
    var kernelGradient = [Double](repeating: 0, count: kernel.count)
    for sample in 0..<x.rows {
      accumulate(
        x, sample * x.channels, gradient, sample * dense.units, kernel, 0, into: &input,
        &kernelGradient)
    }
    return withBias(Adjoint(inputs: [input], weights: ["kernel": kernelGradient]), gradient)
  }

  func convolved(_ x: NaiveTensor, _ convolution: Convolution2D) -> NaiveTensor {
    let kernel = weights["kernel"] ?? []
    var y = biased(NaiveTensor(zeros: x.count, shape: outputShape))
    let step = x.channels * y.channels
    forEachTap(x, y, convolution) { source, target, tap in
      multiply(x, source, kernel, tap * step, into: &y, target)
    }
    return y
  }

  func convolvedAdjoint(
    _ x: NaiveTensor, _ gradient: NaiveTensor, _ convolution: Convolution2D
  ) -> Adjoint {
    let kernel = weights["kernel"] ?? []
    var input = NaiveTensor(zeros: x.count, shape: x.shape)
    var kernelGradient = [Double](repeating: 0, count: kernel.count)
    let step = x.channels * gradient.channels
    forEachTap(x, gradient, convolution) { source, target, tap in
      accumulate(x, source, gradient, target, kernel, tap * step, into: &input, &kernelGradient)
    }
    return withBias(Adjoint(inputs: [input], weights: ["kernel": kernelGradient]), gradient)
  }

  /// Every pixel read for every pixel written, as offsets into input and output, and the number
  /// of the window's pixel between them.
  func forEachTap(
    _ x: NaiveTensor, _ y: NaiveTensor, _ convolution: Convolution2D,
    _ body: (_ source: Int, _ target: Int, _ tap: Int) -> Void
  ) {
    let (size, strides) = (convolution.kernelSize, convolution.strides)
    let (extent, dilation) = (convolution.extent, convolution.dilation)
    let top = convolution.padding
      .amounts(input: x.height, extent: extent.height, stride: strides.height).before
    let left = convolution.padding
      .amounts(input: x.width, extent: extent.width, stride: strides.width).before
    for sample in 0..<x.count {
      for row in 0..<y.height {
        for column in 0..<y.width {
          for i in 0..<size.height {
            for j in 0..<size.width {
              let sourceRow = row * strides.height + i * dilation.height - top
              let sourceColumn = column * strides.width + j * dilation.width - left
              guard x.isInside(sourceRow, sourceColumn) else { continue }
              body(
                x.offset(sample, sourceRow, sourceColumn), y.offset(sample, row, column),
                i * size.width + j)
            }
          }
        }
      }
    }
  }

  /// `y += x k` for one vector of each; `k` is `[I, O]`.
  private func multiply(
    _ x: NaiveTensor, _ source: Int, _ kernel: [Double], _ tap: Int, into y: inout NaiveTensor,
    _ target: Int
  ) {
    let (inputs, outputs) = (x.channels, y.channels)
    x.values.withUnsafeBufferPointer { x in
      kernel.withUnsafeBufferPointer { kernel in
        y.values.withUnsafeMutableBufferPointer { y in
          for i in 0..<inputs {
            let value = x[source + i]
            let row = tap + i * outputs
            for o in 0..<outputs { y[target + o] += value * kernel[row + o] }
          }
        }
      }
    }
  }

  /// `dx += dy k^T` and `dk += x^T dy` for one vector of each.
  private func accumulate(
    _ x: NaiveTensor, _ source: Int, _ dy: NaiveTensor, _ target: Int, _ kernel: [Double],
    _ tap: Int, into dx: inout NaiveTensor, _ dk: inout [Double]
  ) {
    let (inputs, outputs) = (x.channels, dy.channels)
    x.values.withUnsafeBufferPointer { x in
      dy.values.withUnsafeBufferPointer { dy in
        kernel.withUnsafeBufferPointer { kernel in
          dk.withUnsafeMutableBufferPointer { dk in
            for i in 0..<inputs {
              let value = x[source + i]
              let row = tap + i * outputs
              var sum = 0.0
              for o in 0..<outputs {
                let slope = dy[target + o]
                sum += slope * kernel[row + o]
                dk[row + o] += value * slope
              }
              dx.values[source + i] += sum
            }
          }
        }
      }
    }
  }

  private func biased(_ y: NaiveTensor) -> NaiveTensor {
    guard let bias = weights["bias"] else { return y }
    var y = y
    for index in y.values.indices { y.values[index] = bias[index % bias.count] }
    return y
  }

  private func withBias(_ adjoint: Adjoint, _ gradient: NaiveTensor) -> Adjoint {
    guard let bias = weights["bias"] else { return adjoint }
    var sums = [Double](repeating: 0, count: bias.count)
    for (index, value) in gradient.values.enumerated() { sums[index % bias.count] += value }
    var adjoint = adjoint
    adjoint.weights["bias"] = sums
    return adjoint
  }
}
