import ModelCore
import Testing

@Suite struct PaddingTests {
  /// Counts windows by sliding one over the padded axis.
  static func windows(input: Int, extent: Int, stride: Int, before: Int, after: Int) -> Int {
    var count = 0
    var start = -before
    while start + extent <= input + after {
      count += 1
      start += stride
    }
    return count
  }

  @Test(arguments: 1...13)
  func sizesAreThoseOfASlidWindow(_ input: Int) {
    for extent in 1...9 {
      for stride in 1...6 {
        let valid = Self.windows(input: input, extent: extent, stride: stride, before: 0, after: 0)
        let found = Padding.valid.outputSize(input: input, extent: extent, stride: stride)
        #expect(found ?? 0 == valid)
        #expect((found == nil) == (extent > input))
        #expect(Padding.valid.amounts(input: input, extent: extent, stride: stride) == (0, 0))

        let (before, after) = Padding.same.amounts(input: input, extent: extent, stride: stride)
        let same = Self.windows(
          input: input, extent: extent, stride: stride, before: before, after: after)
        #expect(Padding.same.outputSize(input: input, extent: extent, stride: stride) == same)
        #expect(same == (input + stride - 1) / stride)
        #expect(after - before == 0 || after - before == 1)
        // No window sees padding alone.
        #expect(before < extent && after < extent)
      }
    }
  }

  /// As `tf.nn.conv2d` documents it: the odd zero comes last.
  @Test(arguments: [
    (5, 3, 1, 1, 1), (6, 3, 2, 0, 1), (5, 3, 2, 1, 1), (5, 2, 1, 0, 1), (28, 5, 1, 2, 2),
    (4, 1, 3, 0, 0), (1, 4, 1, 1, 2),
  ])
  func theOddZeroComesLast(
    _ input: Int, _ extent: Int, _ stride: Int, _ before: Int, _ after: Int
  ) {
    #expect(Padding.same.amounts(input: input, extent: extent, stride: stride) == (before, after))
  }

  @Test func anEmptyAxisHasNoWindow() {
    #expect(Padding.same.outputSize(input: 0, extent: 3, stride: 1) == nil)
    #expect(Padding.valid.outputSize(input: 0, extent: 3, stride: 1) == nil)
    #expect(Padding.same.amounts(input: 0, extent: 3, stride: 1) == (0, 0))
  }

  @Test func dilationWidensAWindow() {
    var convolution = Convolution2D(filters: 1, kernelSize: .init(height: 3, width: 1))
    #expect(convolution.extent == Extent2D(height: 3, width: 1))
    convolution.dilation = Extent2D(height: 2, width: 5)
    #expect(convolution.extent == Extent2D(height: 5, width: 1))
  }
}
