import ModelCore

extension NaiveLayer {
  /// Convolutions of every kind, without their activation.
  func mixed(_ x: NaiveTensor, _ convolution: Convolution2D) -> NaiveTensor {
    let (first, second) = stages(x, convolution)
    var y = product(x, first)
    if let second { y = product(y, second) }
    if let bias = weights["bias"] {
      for index in y.values.indices { y.values[index] += bias[index % bias.count] }
    }
    return y
  }

  /// The adjoint of `mixed`, which is linear in the input and in each kernel.
  func mixedAdjoint(
    _ x: NaiveTensor, _ gradient: NaiveTensor, _ convolution: Convolution2D
  ) -> Adjoint {
    let (first, second) = stages(x, convolution)
    var adjoint = Adjoint(inputs: [])
    if let bias = weights["bias"] {
      var sums = bias.map { _ in 0.0 }
      for (index, value) in gradient.values.enumerated() { sums[index % bias.count] += value }
      adjoint.weights["bias"] = sums
    }
    var gradient = gradient
    if let second {
      let middle = productAdjoint(product(x, first), gradient, second)
      (gradient, adjoint.weights[second.role]) = (middle.input, middle.kernel)
    }
    let result = productAdjoint(x, gradient, first)
    adjoint.weights[first.role] = result.kernel
    adjoint.inputs = [result.input]
    return adjoint
  }

  /// One convolution of a layer.
  struct Stage {
    let role: String
    let convolution: Convolution2D
    let groups: Int
    let shape: [Int]
  }

  private func stages(_ x: NaiveTensor, _ convolution: Convolution2D) -> (Stage, Stage?) {
    func stage(_ role: String, _ groups: Int, _ shape: [Int]) -> Stage {
      Stage(role: role, convolution: convolution, groups: groups, shape: shape)
    }
    switch convolution.mixing {
    case .grouped(let groups): return (stage("kernel", groups, outputShape), nil)
    case .depthwise: return (stage("kernel", x.channels, outputShape), nil)
    case .transposed: return (stage("kernel", 1, outputShape), nil)
    case .separable(let multiplier):
      let middle = Array(outputShape.dropLast() + [x.channels * multiplier])
      let pointwise = Convolution2D(
        filters: convolution.filters, kernelSize: Extent2D(height: 1, width: 1))
      return (
        stage("depthwise_kernel", x.channels, middle),
        Stage(
          role: "pointwise_kernel", convolution: pointwise, groups: 1, shape: outputShape)
      )
    }
  }

  private func product(_ x: NaiveTensor, _ stage: Stage) -> NaiveTensor {
    var y = NaiveTensor(zeros: x.count, shape: stage.shape)
    let kernel = weights[stage.role] ?? []
    forEachProduct(x, y, stage) { source, target, tap in
      y.values[target] += x.values[source] * kernel[tap]
    }
    return y
  }

  private func productAdjoint(
    _ x: NaiveTensor, _ gradient: NaiveTensor, _ stage: Stage
  ) -> (input: NaiveTensor, kernel: [Double]) {
    let kernel = weights[stage.role] ?? []
    var input = NaiveTensor(zeros: x.count, shape: x.shape)
    var change = kernel.map { _ in 0.0 }
    forEachProduct(x, gradient, stage) { source, target, tap in
      input.values[source] += gradient.values[target] * kernel[tap]
      change[tap] += gradient.values[target] * x.values[source]
    }
    return (input, change)
  }

  /// Every number read for every number written, and the kernel's number between them.
  ///
  /// Kernels are `[height, width, I / G, O]`, where output `o` sees the inputs of group
  /// `o / (O / G)`; of a transposed convolution, which spreads every input pixel over a window of
  /// the output, `[height, width, O, I]`.
  private func forEachProduct(
    _ x: NaiveTensor, _ y: NaiveTensor, _ stage: Stage,
    _ body: (_ source: Int, _ target: Int, _ tap: Int) -> Void
  ) {
    let (inputs, outputs) = (x.channels / stage.groups, y.channels / stage.groups)
    if stage.convolution.mixing == .transposed {
      // The convolution that would lead back.
      return forEachTap(y, x, stage.convolution) { target, source, tap in
        for output in 0..<y.channels {
          for input in 0..<x.channels {
            body(source + input, target + output, (tap * y.channels + output) * x.channels + input)
          }
        }
      }
    }
    forEachTap(x, y, stage.convolution) { source, target, tap in
      for output in 0..<y.channels {
        for input in 0..<inputs {
          body(
            source + output / outputs * inputs + input, target + output,
            (tap * inputs + input) * y.channels + output)
        }
      }
    }
  }
}
