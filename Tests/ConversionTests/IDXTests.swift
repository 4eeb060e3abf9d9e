import Conversion
import Foundation
import ModelCore
import TestSupport
import Testing
import Zip

@Suite struct IDXTests {
  static func idx(_ type: UInt8, _ extents: [UInt32], dataCount: Int) -> [UInt8] {
    [0, 0, type, UInt8(extents.count)]
      + extents.flatMap { extent in (0..<4).map { UInt8(extent >> (24 - 8 * $0) & 0xFF) } }
      + (0..<dataCount).map { UInt8(truncatingIfNeeded: $0) }
  }

  @Test func numbersAreBigEndian() throws {
    let folder = try TemporaryDirectory()
    let path = try folder.write(Self.idx(0x0B, [2, 2], dataCount: 8), to: "a-idx2-short")
    let tensor = try ForeignArrays.open(path)[0].tensor()
    #expect(tensor.elementType == .int16)
    #expect(tensor.integers == [0x0001, 0x0203, 0x0405, 0x0607])
  }

  @Test(
    arguments: [
      ([0x0A], "starts with"), ([0x00], "starts with"), ([0x0F], "starts with"),
    ] as [([UInt8], String)])
  func otherTypesAreRefused(_ type: [UInt8], _ reason: String) throws {
    let folder = try TemporaryDirectory()
    let path = try folder.write(Self.idx(type[0], [2], dataCount: 2), to: "a-idx1")
    #expect(try #require(failure(reading: path)).description.contains(reason))
  }

  @Test func lengthsMustBeExact() throws {
    let folder = try TemporaryDirectory()
    for (count, extra) in [(5, -1), (7, 1)] {
      let path = try folder.write(Self.idx(0x08, [2, 3], dataCount: count), to: "a-idx2")
      let error = try #require(failure(reading: path))
      #expect(error.problem == .length(expected: 18, found: .exactly(18 + extra)))
    }
    let cut = try folder.write(Array(Self.idx(0x08, [2, 3, 4], dataCount: 0)[..<11]), to: "cut")
    #expect(
      try #require(failure(reading: cut)).description.contains("3 extents in 12 bytes, found 7"))
    let huge = [UInt32](repeating: .max, count: 3)
    let path = try folder.write(Self.idx(0x08, huge, dataCount: 3), to: "huge")
    #expect(try #require(failure(reading: path)).kind == .badInput)
    let large = try folder.write(Self.idx(0x08, Array(huge[..<1]), dataCount: 3), to: "large")
    #expect(
      try #require(failure(reading: large)).problem
        == .length(expected: 0xFFFF_FFFF + 8, found: .exactly(11)))
  }
}

/// Where Debian keeps Fashion-MNIST.
enum FashionMNIST {
  static func path(_ file: String) -> String { "/usr/share/datasets/fashion-mnist/" + file }
}

/// The complete Fashion-MNIST of Debian's package `dataset-fashion-mnist`.
@Suite(
  .enabled(
    if: FileManager.default.fileExists(atPath: FashionMNIST.path("train-images-idx3-ubyte.gz")),
    "dataset-fashion-mnist is not installed"))
struct FashionMNISTTests {
  static func source(_ part: String) throws -> ArraySource {
    try ArraySource(
      inputs: ForeignArrays.open(FashionMNIST.path("\(part)-images-idx3-ubyte.gz"))[0],
      labels: ForeignArrays.open(FashionMNIST.path("\(part)-labels-idx1-ubyte.gz"))[0],
      sampleShape: Shape([28, 28, 1]), scale: [1 / 255])
  }

  @Test func theTrainingPartIsTheWellKnownOne() throws {
    let source = try Self.source("train")
    #expect(source.layout.count == 60_000)
    #expect(source.layout.classCount == 10)
    #expect(source.layout.sampleShape.dimensions == [28, 28, 1])
    #expect(try source.readTargets(0..<5) == .classes([9, 0, 0, 3, 0]))
    var counts = [Int](repeating: 0, count: 256)
    var buffer = [UInt8](repeating: 0, count: 1000 * 784)
    for start in stride(from: 0, to: 60_000, by: 1000) {
      try buffer.withUnsafeMutableBytes { bytes in
        try source.readInputs(start..<start + 1000, into: bytes)
        counts.withUnsafeMutableBufferPointer { counts in
          for byte in bytes { counts[Int(byte)] += 1 }
        }
      }
    }
    let total = Double(counts.reduce(0, +))
    let mean = counts.enumerated().reduce(0) { $0 + Double($1.0) / 255 * Double($1.1) } / total
    let square = counts.enumerated().reduce(0) {
      $0 + (Double($1.0) / 255) * (Double($1.0) / 255) * Double($1.1)
    }
    #expect(total == 47_040_000)
    #expect(abs(mean - 0.2860) < 5e-5)
    #expect(abs((square / total - mean * mean).squareRoot() - 0.3530) < 5e-5)
    guard case .classes(let labels) = try source.readTargets(0..<60_000) else {
      Issue.record("no classes")
      return
    }
    for label in 0..<10 { #expect(labels.count { $0 == label } == 6000) }
  }

  @Test func memoryDoesNotGrowWithTheSamples() async {
    await #expect(processExitsWith: .success) {
      /// The most memory the process ever held, in KB.
      func peak() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        return try #require(Int(line.filter(\.isNumber)))
      }
      var buffer = [UInt8](repeating: 0, count: 100 * 784)
      let small = try FashionMNISTTests.source("t10k")
      try buffer.withUnsafeMutableBytes { try small.readInputs(0..<100, into: $0) }
      let before = try peak()
      let large = try FashionMNISTTests.source("train")
      for start in stride(from: 0, to: 60_000, by: 100) {
        try buffer.withUnsafeMutableBytes { try large.readInputs(start..<start + 100, into: $0) }
        _ = try large.readTargets(start..<start + 100)
      }
      // The samples unpack to 47 MB.
      let growth = try peak() - before
      #expect(growth < 4096)
    }
  }
}
