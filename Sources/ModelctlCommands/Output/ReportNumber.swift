internal import Comparison
internal import Foundation

/// A number of a report: JSON has none that is not finite, so those are text.
enum ReportNumber: Encodable, Hashable {
  case integer(Int128)
  case real(Double)

  init(_ value: Double) { self = .real(value) }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .integer(let value):
      if let small = Int64(exactly: value) {
        try container.encode(small)
      } else if let large = UInt64(exactly: value) {
        try container.encode(large)
      } else {
        try container.encode(Double(value))
      }
    case .real(let value) where value.isFinite: try container.encode(value)
    case .real(let value):
      try container.encode(value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity")
    }
  }

  /// Short enough for a table.
  var text: String {
    switch self {
    case .integer(let value): "\(value)"
    case .real(let value): value.short
    }
  }
}

extension Double {
  /// With three significant digits.
  var short: String { self == 0 ? "0" : String(format: "%.3g", self) }

  /// A share as a percentage with three significant digits.
  var percent: String { isFinite ? "\((self * 100).short) %" : short }
}

extension ReportNumber {
  init(_ extreme: TensorStatistics.Extreme) {
    switch extreme {
    case .integer(let value): self = .integer(value)
    case .real(let value): self = .real(value)
    }
  }
}
