import ModelCore

extension NaiveLayer {
  // MARK: Pooling

  func pooled(_ x: NaiveTensor, _ pooling: Pooling2D) -> NaiveTensor {
    var y = NaiveTensor(zeros: x.count, shape: outputShape)
    forEachWindow(x, y, pooling) { sources, target in
      switch pooling.statistic {
      case .max: y.values[target] = x.values[winner(x, sources)]
      case .average:
        y.values[target] = sources.reduce(0) { $0 + x.values[$1] } / Double(sources.count)
      }
    }
    return y
  }

  func pooledAdjoint(
    _ x: NaiveTensor, _ gradient: NaiveTensor, _ pooling: Pooling2D
  ) -> NaiveTensor {
    var result = NaiveTensor(zeros: x.count, shape: x.shape)
    forEachWindow(x, gradient, pooling) { sources, target in
      switch pooling.statistic {
      case .max: result.values[winner(x, sources)] += gradient.values[target]
      case .average:
        for source in sources {
          result.values[source] += gradient.values[target] / Double(sources.count)
        }
      }
    }
    return result
  }

  /// The first of the largest.
  private func winner(_ x: NaiveTensor, _ sources: [Int]) -> Int {
    sources.dropFirst().reduce(sources[0]) { x.values[$1] > x.values[$0] ? $1 : $0 }
  }

  /// Every output number, with the input numbers under its window that exist.
  private func forEachWindow(
    _ x: NaiveTensor, _ y: NaiveTensor, _ pooling: Pooling2D,
    _ body: (_ sources: [Int], _ target: Int) -> Void
  ) {
    let (size, strides) = (pooling.size, pooling.strides)
    let top = pooling.padding
      .amounts(input: x.height, extent: size.height, stride: strides.height).before
    let left = pooling.padding
      .amounts(input: x.width, extent: size.width, stride: strides.width).before
    for sample in 0..<x.count {
      for row in 0..<y.height {
        for column in 0..<y.width {
          var pixels: [Int] = []
          for i in 0..<size.height {
            for j in 0..<size.width {
              let (sourceRow, sourceColumn) = (
                row * strides.height + i - top, column * strides.width + j - left
              )
              guard x.isInside(sourceRow, sourceColumn) else { continue }
              pixels.append(x.offset(sample, sourceRow, sourceColumn))
            }
          }
          let target = y.offset(sample, row, column)
          for channel in 0..<x.channels { body(pixels.map { $0 + channel }, target + channel) }
        }
      }
    }
  }

  func globalMean(_ x: NaiveTensor) -> NaiveTensor {
    var y = NaiveTensor(zeros: x.count, shape: outputShape)
    let pixels = x.height * x.width
    for index in x.values.indices {
      let sample = index / (pixels * x.channels)
      y.values[sample * x.channels + index % x.channels] += x.values[index] / Double(pixels)
    }
    return y
  }

  func globalMeanAdjoint(_ x: NaiveTensor, _ gradient: NaiveTensor) -> NaiveTensor {
    var result = x
    let pixels = x.height * x.width
    for index in x.values.indices {
      let sample = index / (pixels * x.channels)
      result.values[index] =
        gradient.values[sample * x.channels + index % x.channels] / Double(pixels)
    }
    return result
  }

  // MARK: Padding and joining

  func padded(_ x: NaiveTensor, top: Int, left: Int) -> NaiveTensor {
    var y = NaiveTensor(zeros: x.count, shape: outputShape)
    forEachPixel(x) { sample, row, column in
      let (from, to) = (x.offset(sample, row, column), y.offset(sample, row + top, column + left))
      for c in 0..<x.channels { y.values[to + c] = x.values[from + c] }
    }
    return y
  }

  func paddedAdjoint(
    _ x: NaiveTensor, _ gradient: NaiveTensor, top: Int, left: Int
  ) -> NaiveTensor {
    var result = x
    forEachPixel(x) { sample, row, column in
      let to = x.offset(sample, row, column)
      let from = gradient.offset(sample, row + top, column + left)
      for c in 0..<x.channels { result.values[to + c] = gradient.values[from + c] }
    }
    return result
  }

  private func forEachPixel(_ x: NaiveTensor, _ body: (Int, Int, Int) -> Void) {
    for sample in 0..<x.count {
      for row in 0..<x.height { for column in 0..<x.width { body(sample, row, column) } }
    }
  }

  /// Along the last axis.
  func concatenated(_ inputs: [NaiveTensor]) -> NaiveTensor {
    var values: [Double] = []
    for row in 0..<inputs[0].rows {
      for x in inputs { values += x.values[row * x.channels..<(row + 1) * x.channels] }
    }
    return NaiveTensor(count: inputs[0].count, shape: outputShape, values: values)
  }

  func concatenatedAdjoint(_ inputs: [NaiveTensor], _ gradient: NaiveTensor) -> [NaiveTensor] {
    var first = 0
    return inputs.map { x in
      defer { first += x.channels }
      var values: [Double] = []
      for row in 0..<x.rows {
        let start = row * gradient.channels + first
        values += gradient.values[start..<start + x.channels]
      }
      return NaiveTensor(count: x.count, shape: x.shape, values: values)
    }
  }
}
