/// A name from a file, as it is shown in a message: in quotes, on one line, not too long.
///
/// Names come from files that anybody may have made, and messages go to terminals, which obey
/// control characters.
public struct Quoted: CustomStringConvertible {
  private let text: String

  public init(_ text: String) { self.text = text }

  public var description: String { "'\(Self.escaped(text))'" }

  static let longest = 1024

  /// The text with control characters written out and the middle of a long one left out.
  public static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in shortened(text).unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator:
        result += "\\u{" + String(scalar.value, radix: 16) + "}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private static func shortened(_ text: String) -> String {
    guard text.unicodeScalars.count > longest else { return text }
    let scalars = text.unicodeScalars
    return String(scalars.prefix(longest / 2)) + "..." + String(scalars.suffix(longest / 2))
  }
}
