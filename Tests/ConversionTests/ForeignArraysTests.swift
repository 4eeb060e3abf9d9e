import Conversion
import Foundation
import ModelCore
import TestSupport
import Testing
import Zip

@Suite struct ForeignArraysTests {
  @Test func theManifestIsThere() { #expect(Fixture.arrays.count > 60) }

  @Test(arguments: Fixture.arrays)
  func whatNumPyWroteIsReadBitForBit(_ expected: Fixture.Array) throws {
    let array = try ForeignArrays.open(Fixture.path(expected.file), array: expected.array)
    #expect(array.shape.dimensions == expected.shape)
    if let strings = expected.strings {
      #expect(array.element == .text)
      guard array.shape.dimensions.count == 1 else { return }
      #expect(try array.strings() == strings)
    } else {
      let tensor = try array.tensor()
      #expect(tensor.elementType == expected.type)
      #expect(tensor.shape == array.shape)
      #expect(hexadecimal(tensor.bytes) == expected.bytes)
    }
  }

  @Test(arguments: Fixture.arrays.filter { $0.type != nil })
  func rowsReadAloneAndBackwardsMakeUpTheWhole(_ expected: Fixture.Array) throws {
    let array = try ForeignArrays.open(Fixture.path(expected.file), array: expected.array)
    var rows: [[UInt8]] = []
    for row in (0..<min(array.rowCount, 50)).reversed() {
      var bytes = [UInt8](repeating: 0xAA, count: array.bytesPerRow)
      try bytes.withUnsafeMutableBytes { try array.readRows(row..<row + 1, into: $0) }
      rows.insert(bytes, at: 0)
    }
    let text = try #require(expected.bytes)
    #expect(hexadecimal(rows.joined()) == String(text.prefix(rows.joined().count * 2)))
    #expect(array.rowCount > 50 || rows.joined().count * 2 == text.count)
  }

  @Test func theArraysOfAnArchiveKeepTheirOrder() throws {
    let names = try ForeignArrays.open(Fixture.path("stored.npz")).map(\.name)
    #expect(
      names == [
        "dense/kernel", "dense/bias", "x", "fortran", "big", "id", "empty", "scalar", "größe",
      ])
  }

  @Test(arguments: [
    ("object.npy", "pickled object array"), ("string-type.npy", "pickled object array"),
    ("structured.npy", "structured array"), ("datetime.npy", "dates or times"),
    ("duration.npy", "dates or times"), ("complex.npy", "complex numbers"),
    ("long-double.npy", "'<f16'"), ("void.npy", "bfloat16"), ("object.npz", "pickled object array"),
    ("duplicate.npz", "the name occurs twice"), ("no-array.npz", "'notes.txt'"),
    ("bzip2.npz", "ZIP method 12"),
    ("bomb.npz", "claim to unpack to 134217728"),
    ("short-idx3-ubyte.gz", "expected 100 bytes, found 99; it is cut short"),
    ("long-idx3-ubyte.gz", "expected 100 bytes, found more"),
    ("damaged-idx3-ubyte.gz", "damaged"),
    ("manifest.json", "expected a .npy, .npz, .safetensors or IDX file"),
  ])
  func whatCannotBeUsedIsRefusedByName(_ file: String, _ reason: String) throws {
    let error = try #require(failure(reading: Fixture.path(file)))
    #expect(error.kind == .badInput)
    #expect(error.description.contains(reason), "\(error)")
    #expect(error.description.contains(file), "\(error)")
  }

  @Test func aFileThatIsNotThereIsMissing() throws {
    let error = try #require(failure(reading: "/nowhere/at/all.npz"))
    #expect(error.kind == .notFound)
    #expect(error.kind.exitCode == 66)
  }

  @Test func aFolderIsNoFile() throws {
    let error = try #require(failure(reading: Fixtures.path("numpy")))
    #expect(error.problem == .mismatch(expected: "a file", found: "a directory"))
  }

  @Test func anExtensionMustNotPromiseAnotherFormat() throws {
    let folder = try TemporaryDirectory()
    let path = try folder.write(Fixture.bytes("stored.npz"), to: "stored.npy")
    let error = try #require(failure(reading: path))
    #expect(error.description.contains("what its extension promises"))
  }

  @Test func otherKnownFormatsAreNamed() throws {
    let folder = try TemporaryDirectory()
    let hdf5 = try folder.write([0x89, 0x48, 0x44, 0x46, 13, 10, 26, 10], to: "a.h5")
    #expect(try #require(failure(reading: hdf5)).description.contains("HDF5"))
    let pickle = try folder.write([0x80, 4, 0x95, 0, 0, 0, 0, 0], to: "a.pkl")
    #expect(try #require(failure(reading: pickle)).description.contains("pickle"))
    let empty = try folder.write([], to: "a.npy")
    #expect(try #require(failure(reading: empty)).description.contains("nothing"))
  }

  @Test func anArrayThatIsNotThereIsNamedWithThoseThatAre() throws {
    let error = #expect(throws: ConversionError.self) {
      try ForeignArrays.open(Fixture.path("zip64.npz"), array: "rows")
    }
    #expect(error?.description.contains("'rows', found 'row', 'cube'") == true)
  }

  @Test func rowsAndBuffersMustFit() throws {
    let array = try ForeignArrays.open(Fixture.path("stored.npz"), array: "x")
    var bytes = [UInt8](repeating: 0, count: 24)
    for rows in [4..<6, -1..<1, 0..<1, 0..<3] {
      #expect(throws: ConversionError.self) {
        try bytes.withUnsafeMutableBytes { try array.readRows(rows, into: $0) }
      }
    }
    try bytes.withUnsafeMutableBytes { try array.readRows(3..<5, into: $0) }
    #expect(bytes == Array(36..<60))
    #expect(throws: ConversionError.self) { try array.strings() }
  }

  @Test func textIsNotReadAsNumbers() throws {
    let array = try ForeignArrays.open(Fixture.path("stored.npz"), array: "id")
    #expect(throws: ConversionError.self) { try array.tensor() }
  }
}
