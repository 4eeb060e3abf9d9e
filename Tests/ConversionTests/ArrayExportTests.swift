import Conversion
import Foundation
import ModelCore
import TestSupport
import Testing
import Zip

@Suite struct ArrayExportTests {
  static func sample() throws -> ArrayExport {
    var export = ArrayExport()
    let kernel = try Tensor(floats: [1, 2, 3, 4, 5, 6], shape: Shape([2, 3]))
    try export.add(kernel, named: ParameterName(layer: "dense", role: "kernel"))
    try export.add(
      Tensor(floats: [0.5, -0.5, 1], shape: Shape([3]), as: .float16),
      named: ParameterName(layer: "größe", role: "bias"))
    try export.addSplit(
      named: "train", GeneratedSource(count: 10, sampleShape: try Shape([2, 2, 1])),
      identifiers: .strings((0..<10).map { "img-\($0)" + ($0 == 3 ? "猫" : "") }))
    try export.addSplit(
      named: "soft",
      GeneratedSource(
        count: 4, sampleShape: try Shape([3]), elementType: .int16, usesDistributions: true),
      identifiers: .integers([5, -1, .max, .min]))
    try export.addSplit(named: "none", GeneratedSource(count: 0, sampleShape: try Shape([5])))
    try export.add(Tensor(floats: [2], shape: .scalar), named: "scale")
    return export
  }

  @Test func whatIsWrittenIsReadBack() throws {
    let folder = try TemporaryDirectory()
    let export = try Self.sample()
    try export.write(to: folder.path("a.npz"))
    let arrays = try ForeignArrays.open(folder.path("a.npz"))
    #expect(arrays.map(\.name) == export.arrayNames)
    #expect(
      export.arrayNames == [
        "dense/kernel", "größe/bias", "splits/train/x", "splits/train/y", "splits/train/id",
        "splits/soft/x", "splits/soft/y", "splits/soft/id", "splits/none/x", "splits/none/y",
        "scale",
      ])
    let kernel = try arrays[0].tensor()
    #expect(kernel.floats == [1, 2, 3, 4, 5, 6] && kernel.shape.dimensions == [2, 3])
    #expect(try arrays[1].tensor().elementType == .float16)
    let inputs = try arrays[2].tensor()
    #expect(inputs.shape.dimensions == [10, 2, 2, 1])
    #expect(inputs.bytes == (0..<10).flatMap { row in (0..<4).map { UInt8(row * 7 + $0) } })
    #expect(try arrays[3].tensor().integers == (0..<10).map { $0 % 3 })
    #expect(try arrays[4].strings()[3] == "img-3猫")
    #expect(try arrays[5].tensor().elementType == .int16)
    #expect(try arrays[6].tensor().floats[0..<6] == [0.5, 0.25, 0.25, 0.25, 0.5, 0.25])
    #expect(try arrays[7].tensor().integers == [5, -1, .max, .min])
    #expect(arrays[8].shape.dimensions == [0, 5])
    #expect(arrays[10].shape == .scalar)
  }

  @Test func theBytesDependOnTheContentAlone() throws {
    let folder = try TemporaryDirectory()
    try Self.sample().write(to: folder.path("a.npz"))
    try Self.sample().write(to: folder.path("b.npz"))
    #expect(try folder.bytes("a.npz") == folder.bytes("b.npz"))
    // Every member's date is 1980-01-01 00:00, in the local headers and in the directory.
    let bytes = try folder.bytes("a.npz")
    var dates: [ArraySlice<UInt8>] = []
    for index in 0..<bytes.count - 16 {
      if bytes[index..<index + 4] == [0x50, 0x4B, 3, 4] {
        dates.append(bytes[index + 10..<index + 14])
      }
      if bytes[index..<index + 4] == [0x50, 0x4B, 1, 2] {
        dates.append(bytes[index + 12..<index + 16])
      }
    }
    #expect(dates.count == 22)
    #expect(dates.allSatisfy { $0 == [0, 0, 0x21, 0] })
  }

  @Test(arguments: ["Asia/Tokyo", "America/New_York", "Pacific/Apia", "UTC"])
  func theTimeZoneDoesNotMatter(_ zone: String) async throws {
    let folder = try TemporaryDirectory()
    try Self.sample().write(to: folder.path("here.npz"))
    let path: String = folder.path("there.npz")
    // A process of its own, since the zone belongs to the whole process.
    await #expect(processExitsWith: .success) { [zone = zone as String, path = path as String] in
      setenv("TZ", zone, 1)
      tzset()
      try ArrayExportTests.sample().write(to: path)
    }
    #expect(try folder.bytes("here.npz") == folder.bytes("there.npz"))
  }

  @Test func rowsAreReadInBlocks() throws {
    let folder = try TemporaryDirectory()
    let source = try GeneratedSource(count: 1000, sampleShape: Shape([7]), rowsPerBlock: 64)
    var export = ArrayExport()
    try export.addSplit(named: "train", source)
    #expect(source.largestRead == 0)
    try export.write(to: folder.path("a.npz"))
    #expect(source.largestRead == 64)
    let array = try ForeignArrays.open(folder.path("a.npz"), array: "splits/train/x")
    #expect(
      try array.tensor().bytes.suffix(7) == (0..<7).map { UInt8(truncatingIfNeeded: 6993 + $0) })
  }

  @Test func aSourceThatFailsLeavesTheOldFile() throws {
    let folder = try TemporaryDirectory()
    _ = try folder.write([9], to: "a.npz")
    var export = ArrayExport()
    let source = try GeneratedSource(count: 20, sampleShape: Shape([2]), failingRow: 15)
    try export.addSplit(named: "train", source)
    #expect(throws: GeneratedSource.Failure(row: 15)) { try export.write(to: folder.path("a.npz")) }
    #expect(try folder.contents == ["a.npz"])
    #expect(try folder.bytes("a.npz") == [9])
  }

  @Test func anExistingFileIsReplacedWhole() throws {
    let folder = try TemporaryDirectory()
    _ = try folder.write([UInt8](repeating: 1, count: 100_000), to: "a.npz")
    try Self.sample().write(to: folder.path("a.npz"))
    #expect(try ForeignArrays.open(folder.path("a.npz")).count == 11)
    #expect(try folder.contents == ["a.npz"])
    let mode = try FileManager.default.attributesOfItem(atPath: folder.path("a.npz"))[
      .posixPermissions]
    let plain = try folder.write([], to: "b")
    let usual = try FileManager.default.attributesOfItem(atPath: plain)[.posixPermissions]
    #expect(mode as? Int == usual as? Int)
  }

  @Test(arguments: ["", "/x", "a//b", "a/", "../x", "a/./b", "a\0b"])
  func aNameThatNoArchiveShouldHoldIsRefused(_ name: String) throws {
    var export = ArrayExport()
    let error = #expect(throws: ConversionError.self) {
      try export.add(Tensor(floats: [1], shape: .scalar), named: name)
    }
    #expect(error?.kind == .badInput)
  }

  @Test func oneNameHoldsOneArray() throws {
    var export = ArrayExport()
    let tensor = try Tensor(floats: [1], shape: .scalar)
    try export.add(tensor, named: "a/b")
    #expect(throws: ConversionError(file: "a/b", .duplicate)) {
      try export.add(tensor, named: ParameterName(layer: "a", role: "b"))
    }
  }

  @Test func identifiersMustMatchTheSamples() throws {
    var export = ArrayExport()
    let source = try GeneratedSource(count: 3, sampleShape: Shape([1]))
    #expect(throws: ConversionError.self) {
      try export.addSplit(named: "train", source, identifiers: .integers([1, 2]))
    }
    #expect(export.arrayNames.isEmpty)
  }

  @Test func aStringThatEndsInAZeroIsRefused() throws {
    var export = ArrayExport()
    #expect(throws: ConversionError.self) { try export.add(["a", "b\0"], named: "id") }
  }

  @Test func nothingIsNotAFile() throws {
    let folder = try TemporaryDirectory()
    #expect(throws: ConversionError.self) { try ArrayExport().write(to: folder.path("a.npz")) }
    #expect(try folder.contents == [])
  }

  @Test func aFolderThatIsNotThereCannotBeWrittenTo() throws {
    let error = #expect(throws: ConversionError.self) {
      try Self.sample().write(to: "/nowhere/at/all.npz")
    }
    #expect(error?.kind == .cannotCreate)
  }
}
