internal import Foundation

/// Numbers as people read them; the same in every locale.
enum Text {
  static func decimal(_ value: Double, digits: Int) -> String {
    guard value.isFinite else { return "-" }
    let text = String(format: "%.\(digits)f", value)
    // Rounding leaves no sign on a zero.
    return text.hasPrefix("-") && Double(text) == 0 ? String(text.dropFirst()) : text
  }

  static func percent(_ share: Double) -> String { decimal(100 * share, digits: 1) + " %" }

  static func points(_ share: Double) -> String { decimal(100 * share, digits: 1) + " points" }

  /// What a test measures, in its unit.
  static func value(_ value: Double, of test: AuditTest.Name) -> String {
    switch test {
    case .population, .perExample: "AUC " + decimal(value, digits: 3)
    case .classes, .backdoor: percent(value)
    }
  }
}
