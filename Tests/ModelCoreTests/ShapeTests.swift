import ModelCore
import Testing

@Suite struct ShapeTests {
  @Test(
    arguments: [
      ([], 1), ([0], 0), ([7], 7), ([2, 3, 4], 24), ([5, 0, 9], 0), ([Int.max], Int.max),
      ([Int.max, 1, 1], Int.max), ([Int.max, 0], 0), ([1 << 31, 1 << 31], 1 << 62),
    ] as [([Int], Int)])
  func theElementsAreCounted(_ extents: [Int], _ count: Int) throws {
    let shape = try Shape(extents)
    #expect(shape.elementCount == count)
    #expect(shape.dimensions == extents)
  }

  @Test(arguments: [[1 << 32, 1 << 31], [Int.max, 2], [1 << 40, 1 << 40, 0]])
  func anOverflowIsAnError(_ extents: [Int]) {
    #expect(throws: ShapeError.tooManyElements(extents)) { try Shape(extents) }
  }

  @Test(arguments: [[-1], [3, -2], [0, -1], [Int.min]])
  func aNegativeExtentIsAnError(_ extents: [Int]) {
    #expect(throws: ShapeError.negativeExtent(extents)) { try Shape(extents) }
  }

  @Test func theSizeInBytesMayOverflowToo() throws {
    let shape = try Shape([1 << 60])
    #expect(try shape.byteCount(of: .uint8) == 1 << 60)
    #expect(try shape.byteCount(of: .float32) == 1 << 62)
    #expect(throws: ShapeError.tooManyElements([1 << 60])) { try shape.byteCount(of: .int64) }
  }

  @Test func scalarsAndVectors() throws {
    #expect(Shape.scalar.dimensions.isEmpty && Shape.scalar.elementCount == 1)
    #expect(try Shape(vector: 4) == Shape([4]))
    #expect(try Shape([2, 3]).description == "[2, 3]")
    #expect(Shape.scalar.description == "[]")
  }

  @Test func messagesNameTheShape() {
    #expect(ShapeError.negativeExtent([2, -1]).description.contains("[2, -1]"))
    #expect(ShapeError.tooManyElements([Int.max, 2]).description.contains("\(Int.max), 2"))
  }

  @Test(arguments: zip(ElementType.allCases, [1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8]))
  func everyTypeHasASize(_ type: ElementType, _ size: Int) {
    #expect(type.byteCount == size)
    #expect(type.isFloatingPoint == type.rawValue.contains("float"))
  }
}
