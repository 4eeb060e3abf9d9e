import Conversion
import Foundation
import ModelCore
import TestSupport
import Testing
import Zip

@Suite struct NPYWriterTests {
  static let rowMajor = Fixture.arrays.filter { entry in
    entry.type != nil
      && (entry.file.hasPrefix("little-")
        || ["nan.npy", "scalar.npy", "empty.npy", "empty-inside.npy", "long.npy", "many-axes.npy"]
          .contains(entry.file))
  }

  @Test(arguments: rowMajor)
  func theFileIsNumPysByteForByte(_ entry: Fixture.Array) throws {
    let folder = try TemporaryDirectory()
    let tensor = try ForeignArrays.open(Fixture.path(entry.file))[0].tensor()
    try NPYWriter.write(tensor, to: folder.path("a.npy"))
    #expect(try folder.bytes("a.npy") == Fixture.bytes(entry.file))
    #expect(try folder.contents == ["a.npy"])
  }

  @Test func rowsMayComeInAnyPieces() throws {
    let folder = try TemporaryDirectory()
    let writer = try NPYWriter(
      path: folder.path("a.npy"), elementType: .float32, shape: Shape([3, 2]))
    try writer.append([1])
    #expect(try folder.contents.count == 1)
    #expect(try folder.contents != ["a.npy"])
    try writer.append([2, 3, 4, 5])
    try writer.append([6])
    try writer.finish()
    #expect(try folder.contents == ["a.npy"])
    let tensor = try ForeignArrays.open(folder.path("a.npy"))[0].tensor()
    #expect(tensor.floats == [1, 2, 3, 4, 5, 6])
  }

  @Test func tooFewOrTooManyElementsAreAnError() throws {
    let folder = try TemporaryDirectory()
    let writer = try NPYWriter(path: folder.path("a.npy"), elementType: .float32, shape: Shape([2]))
    try writer.append([1])
    #expect(
      throws: ConversionError(file: folder.path("a.npy"), .length(expected: 8, found: .exactly(4)))
    ) { try writer.finish() }
    #expect(
      throws: ConversionError(file: folder.path("a.npy"), .length(expected: 8, found: .exactly(12)))
    ) { try writer.append([2, 3]) }
    try writer.append([2])
    try writer.finish()
    #expect(throws: ConversionError.self) { try writer.append([3]) }
  }

  @Test func aWriterThatIsDroppedLeavesNothing() throws {
    let folder = try TemporaryDirectory()
    _ = try folder.write([1, 2, 3], to: "a.npy")
    do {
      let writer = try NPYWriter(
        path: folder.path("a.npy"), elementType: .float32, shape: Shape([2]))
      try writer.append([1])
    }
    #expect(try folder.contents == ["a.npy"])
    #expect(try folder.bytes("a.npy") == [1, 2, 3])
  }

  @Test func floatsGoIntoFloatsOnly() throws {
    let folder = try TemporaryDirectory()
    let writer = try NPYWriter(path: folder.path("a.npy"), elementType: .int32, shape: Shape([1]))
    #expect(throws: ConversionError.self) { try writer.append([1]) }
  }

  @Test func aBfloat16BecomesAFloat32() throws {
    let folder = try TemporaryDirectory()
    let values: [Float] = [1, -0.5, .infinity, 3.140625]
    try NPYWriter.write(
      Tensor(floats: values, shape: Shape([4]), as: .bfloat16), to: folder.path("a.npy"))
    let tensor = try ForeignArrays.open(folder.path("a.npy"))[0].tensor()
    #expect(tensor.elementType == .float32)
    #expect(tensor.floats == values)
  }

  @Test func aFolderThatIsNotThereCannotBeWrittenTo() throws {
    let tensor = try Tensor(floats: [1], shape: .scalar)
    let error = #expect(throws: ConversionError.self) {
      try NPYWriter.write(tensor, to: "/nowhere/at/all.npy")
    }
    #expect(error?.kind == .cannotCreate)
    #expect(error?.kind.exitCode == 73)
  }

  @Test func aFolderIsNotReplacedByAFile() throws {
    let folder = try TemporaryDirectory()
    try FileManager.default.createDirectory(
      atPath: folder.path("a.npy"), withIntermediateDirectories: false)
    let error = #expect(throws: ConversionError.self) {
      try NPYWriter.write(Tensor(floats: [1], shape: .scalar), to: folder.path("a.npy"))
    }
    #expect(error?.kind == .cannotCreate)
    #expect(try folder.contents == ["a.npy"])
  }

  @Test func moreThanSixtyFourAxesAreRefused() throws {
    let folder = try TemporaryDirectory()
    let shape = try Shape([Int](repeating: 1, count: 65))
    let error = #expect(throws: ConversionError.self) {
      try NPYWriter(path: folder.path("a.npy"), elementType: .uint8, shape: shape)
    }
    #expect(error?.kind == .badInput)
  }
}
