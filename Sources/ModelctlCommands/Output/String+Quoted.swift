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
      switch (scalar.properties.generalCategory, isKept(scalar)) {
      case (.control, false), (.format, false), (.lineSeparator, false),
        (.paragraphSeparator, false):
        text += "\\u{\(String(scalar.value, radix: 16))}"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}
