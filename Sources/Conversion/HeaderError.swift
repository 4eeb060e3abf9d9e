internal import Zip

/// What is wrong with a file's text or header, before it is known which file it is.
enum HeaderError: Error, Hashable {
  case mismatch(expected: String, found: String)
  case unsupported(what: String, advice: String)

  var problem: ConversionError.Problem {
    switch self {
    case .mismatch(let expected, let found): .mismatch(expected: expected, found: found)
    case .unsupported(let what, let advice): .unsupported(what: what, advice: advice)
    }
  }
}

/// The first bytes of something unknown, for a message.
func describe(_ bytes: some Sequence<UInt8>) -> String {
  let list = Array(bytes)
  guard !list.isEmpty else { return "nothing" }
  let isText = list.allSatisfy { (0x20..<0x7F).contains($0) }
  if isText { return "\"" + String(decoding: list, as: UTF8.self) + "\"" }
  let digits = Array("0123456789abcdef")
  return list.map { "\(digits[Int($0 >> 4)])\(digits[Int($0 & 15)])" }.joined(separator: " ")
}
