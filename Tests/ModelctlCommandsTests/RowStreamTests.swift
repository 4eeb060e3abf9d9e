import Comparison
import ModelCore
import Testing

@testable import ModelctlCommands

@Suite struct RowStreamTests {
  /// Rows of bytes that count up, however they are asked for.
  @Test(arguments: [1, 3, 7, 64, 1000], [1, 2, 5])
  func elementsComeInOrder(_ request: Int, rowsPerBlock: Int) throws {
    let shape = try Shape([13, 5])
    var reads: [Range<Int>] = []
    let stream = try RowStream(elementType: .uint8, shape: shape, rowsPerBlock: rowsPerBlock) {
      rows, bytes in
      #expect(bytes.count == rows.count * 5)
      reads.append(rows)
      for index in bytes.indices { bytes[index] = UInt8(rows.lowerBound * 5 + index) }
    }
    var found: [UInt8] = []
    while found.count < shape.elementCount {
      var part = [UInt8](repeating: 0xFF, count: min(request, shape.elementCount - found.count))
      try part.withUnsafeMutableBytes { try stream.read(into: $0) }
      found += part
    }
    #expect(found == (0..<65).map { UInt8($0) })
    #expect(reads.flatMap { Array($0) } == Array(0..<13), "each row is read once")
    var more: [UInt8] = [0]
    #expect(throws: StreamError.self) {
      try more.withUnsafeMutableBytes { try stream.read(into: $0) }
    }
  }

  @Test func aScalarIsOneRowAndNothingIsNone() throws {
    let scalar = try RowStream(elementType: .int16, shape: .scalar, rowsPerBlock: 1) {
      rows, bytes in
      #expect(rows == 0..<1 && bytes.count == 2)
      bytes[0] = 7
    }
    var bytes: [UInt8] = [0, 0]
    try bytes.withUnsafeMutableBytes { try scalar.read(into: $0) }
    #expect(bytes == [7, 0])
    let none = try RowStream(elementType: .int16, shape: Shape([0, 3]), rowsPerBlock: 1) { _, _ in
      Issue.record("nothing is to be read")
    }
    #expect(none.elementCount == 0)
  }
}
