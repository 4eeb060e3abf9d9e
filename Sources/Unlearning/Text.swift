internal import Foundation

/// Numbers as people read them; the same in every locale.
enum Text {
  /// `0.8731` as `87.3 %`.
  static func percent(_ share: Double, digits: Int = 1) -> String {
    decimal(100 * share, digits: digits) + " %"
  }

  static func decimal(_ value: Double, digits: Int) -> String {
    guard value.isFinite else { return "-" }
    let text = String(format: "%.\(digits)f", value)
    // Rounding leaves no sign on a zero.
    return text.hasPrefix("-") && Double(text) == 0 ? String(text.dropFirst()) : text
  }

  /// Pads to a width, the text at its end.
  static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  /// Pads to a width, the text at its start.
  static func left(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  /// Breaks a text into lines of at most `width` characters, between words; a percent sign stays with
  /// its number.
  static func wrapped(_ text: String, width: Int) -> [String] {
    var lines: [String] = []
    let words = text.replacing(" %", with: "\u{A0}%").split(separator: " ")
    for word in words.map({ String($0).replacing("\u{A0}", with: " ") }) {
      if let last = lines.last, last.count + 1 + word.count <= width {
        lines[lines.count - 1] = last + " " + word
      } else {
        lines.append(word)
      }
    }
    return lines
  }
}
