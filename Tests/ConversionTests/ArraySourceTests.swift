import Conversion
import Foundation
import ModelCore
import TestSupport
import Testing
import Zip

@Suite struct ArraySourceTests {
  let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  func array(_ tensor: Tensor, _ name: String) throws -> NamedArray {
    try NPYWriter.write(tensor, to: folder.path(name + ".npy"))
    return try ForeignArrays.open(folder.path(name + ".npy"))[0]
  }

  func images(_ count: Int = 4, shape: [Int] = [2, 3], type: ElementType = .uint8) throws
    -> NamedArray
  {
    let shape = try Shape([count] + shape)
    let bytes = (0..<shape.elementCount * type.byteCount).map { UInt8(truncatingIfNeeded: $0) }
    return try array(Tensor(elementType: type, shape: shape, bytes: bytes), "x")
  }

  func labels(_ values: [Int64]) throws -> NamedArray {
    try array(Tensor(integers: values, shape: Shape([values.count])), "y")
  }

  @Test func rowsAndTargetsAreRead() throws {
    let source = try ArraySource(
      inputs: images(), labels: labels([1, 0, 4, 1]), sampleShape: Shape([2, 3, 1]),
      scale: [1 / 255], offset: [-0.5])
    #expect(source.layout.count == 4)
    #expect(source.layout.classCount == 5)
    #expect(source.layout.elementType == .uint8)
    #expect(source.layout.sampleShape.dimensions == [2, 3, 1])
    #expect(source.layout.scale == [1 / 255] && source.layout.offset == [-0.5])
    #expect(source.layout.rowsPerBlock > 0)
    var bytes = [UInt8](repeating: 0, count: 2 * source.layout.bytesPerSample)
    try bytes.withUnsafeMutableBytes { try source.readInputs(1..<3, into: $0) }
    #expect(bytes == Array(6..<18))
    #expect(try source.readTargets(1..<4) == .classes([0, 4, 1]))
  }

  @Test func aGivenClassCountHolds() throws {
    let source = try ArraySource(inputs: images(), labels: labels([1, 0, 2, 1]), classCount: 10)
    #expect(source.layout.classCount == 10)
    for wrong in [[1, 0, 10, 1], [0, 0, -1, 0]] as [[Int64]] {
      let error = #expect(throws: ConversionError.self) {
        try ArraySource(inputs: images(), labels: labels(wrong), classCount: 10)
      }
      #expect(error?.description.contains("within 0..<10, found one outside it in row 2") == true)
    }
    for count in [0, -1, Int.max] {
      #expect(throws: ConversionError.self) {
        try ArraySource(inputs: images(), labels: labels([0, 0, 0, 0]), classCount: count)
      }
    }
  }

  @Test func aLabelTooLargeForAnyModelIsRefused() throws {
    for label in [Int64.max, Int64(Int32.max), -1] {
      #expect(throws: ConversionError.self) {
        try ArraySource(inputs: images(), labels: labels([0, label, 0, 0]))
      }
    }
    let unsigned = try Tensor(
      elementType: .uint64, shape: Shape([4]), bytes: [UInt8](repeating: 0xFF, count: 32))
    #expect(throws: ConversionError.self) {
      try ArraySource(inputs: images(), labels: array(unsigned, "y"))
    }
  }

  @Test func aColumnOfLabelsIsAVector() throws {
    let column = try Tensor(integers: [2, 1, 0, 1], shape: Shape([4, 1]))
    let source = try ArraySource(inputs: images(), labels: array(column, "y"))
    #expect(try source.readTargets(0..<4) == .classes([2, 1, 0, 1]))
  }

  @Test func floatTargetsAreDistributions() throws {
    let values: [Float] = [1, 0, 0.5, 0.5, 0, 1, 0.25, 0.75]
    let targets = try Tensor(floats: values, shape: Shape([4, 2]), as: .float64)
    let source = try ArraySource(inputs: images(), labels: array(targets, "y"))
    #expect(source.layout.classCount == 2)
    #expect(try source.readTargets(1..<3) == .distributions([0.5, 0.5, 0, 1], classCount: 2))
    #expect(throws: ConversionError.self) {
      try ArraySource(inputs: images(), labels: array(targets, "y"), classCount: 3)
    }
  }

  @Test func targetsMustBeFinite() throws {
    let targets = try Tensor(floats: [1, 0, 0, 1, .nan, 0, 1, 0], shape: Shape([4, 2]))
    let source = try ArraySource(inputs: images(), labels: array(targets, "y"))
    #expect(try source.readTargets(0..<2) == .distributions([1, 0, 0, 1], classCount: 2))
    let error = #expect(throws: ConversionError.self) { try source.readTargets(1..<4) }
    #expect(error?.description.contains("row 2") == true)
  }

  @Test func thePartsMustGoTogether() throws {
    #expect(throws: ConversionError.self) {
      try ArraySource(inputs: images(5), labels: labels([0, 0, 0, 0]))
    }
    #expect(throws: ConversionError.self) {
      try ArraySource(inputs: images(), labels: labels([0, 0, 0, 0]), sampleShape: Shape([2, 2]))
    }
    for (scale, offset) in [([1, 2], [0]), ([1], [.nan]), ([], [0])] as [([Float], [Float])] {
      #expect(throws: ConversionError.self) {
        try ArraySource(
          inputs: images(), labels: labels([0, 0, 0, 0]), scale: scale, offset: offset)
      }
    }
    let floats = try Tensor(floats: [0, 1, 0, 1], shape: Shape([4]))
    #expect(throws: ConversionError.self) {
      try ArraySource(inputs: images(), labels: array(floats, "y"))
    }
    let scalar = try array(Tensor(floats: [1], shape: .scalar), "s")
    #expect(throws: ConversionError.self) { try ArraySource(inputs: scalar, labels: labels([0])) }
    let text = try ForeignArrays.open(Fixture.path("unicode.npy"))[0]
    #expect(throws: ConversionError.self) { try ArraySource(inputs: text, labels: text) }
  }

  @Test func noSamplesAreASource() throws {
    let source = try ArraySource(inputs: images(0), labels: labels([]), classCount: 3)
    #expect(source.layout.count == 0)
    #expect(try source.readTargets(0..<0) == .classes([]))
  }

  @Test func packedImagesAndLabelsAreASource() throws {
    let source = try ArraySource(
      inputs: ForeignArrays.open(Fixture.path("images-idx3-ubyte.gz"))[0],
      labels: ForeignArrays.open(Fixture.path("labels-idx1-ubyte.gz"))[0],
      sampleShape: Shape([4, 3, 1]))
    #expect(source.layout.classCount == 4)
    var bytes = [UInt8](repeating: 0, count: 12)
    for row in [6, 0, 3] {
      try bytes.withUnsafeMutableBytes { try source.readInputs(row..<row + 1, into: $0) }
      #expect(bytes == (0..<12).map { UInt8(row * 12 + $0) })
    }
    #expect(try source.readTargets(0..<7) == .classes([3, 0, 2, 1, 1, 0, 2]))
  }

  @Test func theSampleOfHandwrittenDigitsIsASource() throws {
    let path = Fixtures.folder.deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("samples/optdigits.npz").path
    let source = try ArraySource(
      inputs: ForeignArrays.open(path, array: "x"), labels: ForeignArrays.open(path, array: "y"),
      scale: [1 / 16])
    #expect(source.layout.count == 5620)
    #expect(source.layout.sampleShape.dimensions == [8, 8, 1])
    #expect(source.layout.classCount == 10)
    var bytes = [UInt8](repeating: 0, count: 5620 * 64)
    try bytes.withUnsafeMutableBytes { try source.readInputs(0..<5620, into: $0) }
    #expect(bytes.max() == 16)
  }
}
