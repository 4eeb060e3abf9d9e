extension String {
  /// The text in quotes, with control characters escaped so that no file name drives a terminal.
  var quoted: String { "'" + escaped { _ in false } + "'" }

  /// The text as it is, but for control characters, which are escaped.
  var unquoted: String { String(quoted.dropFirst().dropLast()) }

  /// The text with all control characters escaped but the ends of its lines.
  var safeForTerminals: String { escaped { $0 == "\n" } }

  private func escaped(except isKept: (Unicode.Scalar) -> Bool) -> String {
    var text = ""
    for scalar in unicodeScalars {
      if scalar.controls, !isKept(scalar) {
        text += "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}

extension Unicode.Scalar {
  /// Whether it controls how text is shown, and shows nothing itself.
  fileprivate var controls: Bool {
    // Nearly all text is ASCII, for which the tables of Unicode need not be searched.
    guard !isASCII else { return value < 0x20 || value == 0x7F }
    return switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }
}
