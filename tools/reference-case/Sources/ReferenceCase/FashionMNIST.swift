import Foundation
import ModelCore
import Unlearning

/// Images of an IDX file, 0...255, read whole.
final class Images: SampleSource {
  let layout: SampleLayout
  let pixels: [UInt8]
  let labels: [Int32]

  /// - Parameter shape: of one image, 784 elements.
  init(pixels: [UInt8], labels: [Int32], shape: [Int]) throws {
    self.pixels = pixels
    self.labels = labels
    layout = SampleLayout(
      count: labels.count, sampleShape: try Shape(shape), elementType: .uint8, rowsPerBlock: 256,
      scale: [1 / 255], classCount: 10)
  }

  /// - Parameter kind: `train` or `t10k`.
  convenience init(folder: String, kind: String, shape: [Int]) throws {
    let images = try Self.inflated("\(folder)/\(kind)-images-idx3-ubyte.gz")
    let labels = try Self.inflated("\(folder)/\(kind)-labels-idx1-ubyte.gz")
    guard images.count - 16 == 784 * (labels.count - 8) else {
      throw CaseError("\(folder): \(images.count - 16) pixels for \(labels.count - 8) labels")
    }
    try self.init(pixels: Array(images[16...]), labels: labels[8...].map(Int32.init), shape: shape)
  }

  func rows(_ range: Range<Int>) throws -> Images {
    try Images(
      pixels: Array(pixels[(range.lowerBound * 784)..<(range.upperBound * 784)]),
      labels: Array(labels[range]), shape: layout.sampleShape.dimensions)
  }

  /// These with a trigger on some of them, and another label.
  func poisoned(_ rows: [Int], _ trigger: Trigger, label: Int32) throws -> Images {
    var (pixels, labels) = (pixels, labels)
    for row in rows {
      for index in 0..<784 where trigger.mask[index] > 0 {
        pixels[784 * row + index] = UInt8(trigger.patch[index])
      }
      labels[row] = label
    }
    return try Images(pixels: pixels, labels: labels, shape: layout.sampleShape.dimensions)
  }

  func labelled(_ labels: [Int32]) throws -> Images {
    try Images(pixels: pixels, labels: labels, shape: layout.sampleShape.dimensions)
  }

  func readInputs(_ rows: Range<Int>, into bytes: UnsafeMutableRawBufferPointer) throws {
    pixels.withUnsafeBytes {
      bytes.copyMemory(
        from: UnsafeRawBufferPointer(
          rebasing: $0[(rows.lowerBound * 784)..<(rows.upperBound * 784)]))
    }
  }

  func readTargets(_ rows: Range<Int>) throws -> Targets { .classes(Array(labels[rows])) }

  private static func inflated(_ path: String) throws -> [UInt8] {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["gzip", "-dc", path]
    process.standardOutput = pipe
    try process.run()
    let bytes = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw CaseError("cannot inflate '\(path)'") }
    return [UInt8](bytes)
  }
}

struct CaseError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
