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
  var short: String { self == 0 ? "0" : printed("%.3g") }

  /// A share as a percentage with three significant digits.
  var percent: String { isFinite ? "\((self * 100).short) %" : short }

  /// As C prints it, which for one number is quicker at hand than what Foundation formats with.
  ///
  /// - Parameter format: for one `double`; of a longer result only the start is returned.
  func printed(_ format: String) -> String {
    withVaList([self]) { value in
      withUnsafeTemporaryAllocation(of: CChar.self, capacity: 400) { text in
        guard let start = text.baseAddress else { return "" }
        vsnprintf(start, text.count, format, value)
        return String(cString: start)
      }
    }
  }
}

extension ReportNumber {
  init(_ extreme: TensorStatistics.Extreme) {
    switch extreme {
    case .integer(let value): self = .integer(value)
    case .real(let value): self = .real(value)
    }
  }
}
