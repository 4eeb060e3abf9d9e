import Conversion
import Foundation
import ModelCore
import TestSupport
import Testing
import Zip

/// The files that NumPy wrote, and what `manifest.json` says they hold.
enum Fixture {
  struct Array: Decodable, Sendable, CustomTestStringConvertible {
    let file: String
    let array: String
    let shape: [Int]
    let type: ElementType?
    let bytes: String?
    let strings: [String]?

    var testDescription: String { "\(file): \(array)" }
  }

  private struct Manifest: Decodable { let arrays: [Array] }

  static func path(_ file: String) -> String { Fixtures.path("numpy/" + file) }

  static func bytes(_ file: String) throws -> [UInt8] {
    [UInt8](try Fixtures.data("numpy/" + file))
  }

  static let arrays: [Array] = {
    do {
      let data = try Fixtures.data("numpy/manifest.json")
      return try JSONDecoder().decode(Manifest.self, from: data).arrays
    } catch {
      Issue.record("the manifest cannot be read: \(error)")
      return []
    }
  }()
}

extension TemporaryDirectory {
  func write(_ bytes: [UInt8], to name: String) throws -> String {
    try Data(bytes).write(to: url.appendingPathComponent(name))
    return path(name)
  }

  func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: url.appendingPathComponent(name)))
  }
}

/// Bytes as hexadecimal, as the manifest writes them.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
}

/// The error that opening and reading everything in a file ends with, if it does.
func failure(reading path: String) -> ConversionError? {
  do {
    for array in try ForeignArrays.open(path) {
      if case .number = array.element { _ = try array.tensor() } else { _ = try array.strings() }
    }
    return nil
  } catch let error as ConversionError {
    return error
  } catch {
    Issue.record("an error of another type: \(error)")
    return nil
  }
}
