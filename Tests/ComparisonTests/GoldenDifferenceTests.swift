import Comparison
import Foundation
import ModelCore
import TestSupport
import Testing

/// Differences and statistics against those that NumPy works out in 80-bit floats.
@Suite struct GoldenDifferenceTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let json: JSONValue
    var testDescription: String { name }

    func tensor(_ key: String) throws -> Tensor {
      let array = try #require(json[key])
      let hex = Array(array["hex"]?.string ?? "")
      let bytes = stride(from: 0, to: hex.count, by: 2).compactMap {
        UInt8(String(hex[$0...$0 + 1]), radix: 16)
      }
      let type = ElementType(rawValue: array["dtype"]?.string ?? "")
      let count = try #require(array["count"]?.integer)
      return try Tensor(
        elementType: #require(type), shape: Shape(vector: Int(count)), bytes: bytes)
    }
  }

  static let cases: [Case] = {
    let text = (try? Fixtures.text("differences/cases.json")) ?? ""
    return ((try? JSONValue(parsing: text))?.array ?? []).map { json in
      Case(name: json["name"]?.string ?? "?", json: json)
    }
  }()

  @Test func allCasesAreThere() { #expect(Self.cases.count == 31) }

  /// A number, or one of the words for what JSON has no number for.
  private func number(_ value: JSONValue?) -> Double? {
    switch value?.string {
    case "NaN": .nan
    case "Infinity": .infinity
    case "-Infinity": -.infinity
    default: value?.number
    }
  }

  private func expectClose(
    _ found: Double?, _ expected: JSONValue?, within tolerance: Double = 1e-13, _ what: String
  ) {
    guard let expected = number(expected) else {
      #expect(found == nil, "\(what)")
      return
    }
    guard let found else {
      Issue.record("\(what): nothing, not \(expected)")
      return
    }
    let isClose = found == expected || abs(found - expected) <= tolerance * abs(expected)
    #expect(isClose, "\(what): \(found), not \(expected)")
  }

  @Test(arguments: cases)
  func differences(_ golden: Case) throws {
    let difference = try TensorDifference(
      from: TensorStream(golden.tensor("first")), to: TensorStream(golden.tensor("second")))
    let expected = try #require(golden.json["difference"])
    #expect(difference.differing == expected["differing"]?.integer.map(Int.init))
    #expect(difference.unmatchedNaNs == expected["unmatchedNaNs"]?.integer.map(Int.init))
    #expect(
      difference.unmatchedInfinities == expected["unmatchedInfinities"]?.integer.map(Int.init))
    expectClose(difference.maximumAbsolute, expected["maximumAbsolute"], "max abs")
    expectClose(difference.maximumRelative, expected["maximumRelative"], "max rel")
    expectClose(difference.rootMeanSquare, expected["rootMeanSquare"], "RMS")
    expectClose(difference.distance, expected["distance"], "distance")
    expectClose(difference.norm, expected["norm"], "norm")
    // Near zero, what is left of the products is rounding.
    if let cosine = number(expected["cosine"]) {
      let found = try #require(difference.cosine)
      #expect(abs(found - cosine) < 1e-14)
    } else {
      #expect(difference.cosine == nil)
    }
  }

  @Test(arguments: cases)
  func statistics(_ golden: Case) throws {
    let statistics = try TensorStatistics(of: TensorStream(golden.tensor("first")))
    let expected = try #require(golden.json["statistics"])
    #expect(statistics.zeros == expected["zeros"]?.integer.map(Int.init))
    #expect(statistics.nans == expected["nans"]?.integer.map(Int.init))
    #expect(statistics.infinities == expected["infinities"]?.integer.map(Int.init))
    expectExact(statistics.minimum, expected["minimum"])
    expectExact(statistics.maximum, expected["maximum"])
    expectClose(statistics.mean, expected["mean"], within: 1e-12, "mean")
    expectClose(statistics.standardDeviation, expected["sd"], within: 1e-12, "sd")
  }

  private func expectExact(_ found: TensorStatistics.Extreme?, _ expected: JSONValue?) {
    switch found {
    case .integer(let value): #expect("\(value)" == expected?.string)
    case .real(let value): #expect(value == expected?.string.flatMap(Double.init))
    case nil: #expect(expected?.isNull == true)
    }
  }
}
