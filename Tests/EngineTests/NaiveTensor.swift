/// Row-major numbers for `N` samples of one shape.
struct NaiveTensor {
  /// `N`.
  let count: Int
  /// The shape of one sample.
  let shape: [Int]
  var values: [Double]

  init(count: Int, shape: [Int], values: [Double]) {
    precondition(values.count == count * shape.reduce(1, *), "\(values.count) values, \(shape)")
    self.count = count
    self.shape = shape
    self.values = values
  }

  init(zeros count: Int, shape: [Int]) {
    self.init(
      count: count, shape: shape,
      values: .init(repeating: 0, count: count * shape.reduce(1, *)))
  }

  /// The last axis: features of a vector, channels of an image.
  var channels: Int { shape[shape.count - 1] }
  /// How many vectors along the last axis there are.
  var rows: Int { channels == 0 ? 0 : values.count / channels }
  /// A sequence is an image of one row.
  var height: Int { shape.count == 2 ? 1 : shape[0] }
  var width: Int { shape.count == 2 ? shape[0] : shape[1] }

  /// Where the channels of a pixel start.
  func offset(_ sample: Int, _ y: Int, _ x: Int) -> Int {
    ((sample * height + y) * width + x) * channels
  }

  func isInside(_ y: Int, _ x: Int) -> Bool { y >= 0 && y < height && x >= 0 && x < width }

  func mapping(_ body: (Double) -> Double) -> NaiveTensor {
    NaiveTensor(count: count, shape: shape, values: values.map(body))
  }

  /// The same numbers under another shape.
  func reshaped(_ shape: [Int]) -> NaiveTensor {
    NaiveTensor(count: count, shape: shape, values: values)
  }

  static func + (left: NaiveTensor, right: NaiveTensor) -> NaiveTensor {
    NaiveTensor(
      count: left.count, shape: left.shape, values: zip(left.values, right.values).map { $0 + $1 })
  }
}
