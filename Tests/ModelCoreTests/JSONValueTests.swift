import ModelCore
import Testing

@Suite struct JSONValueTests {
  @Test(arguments: [
    ("[1, -2, 3.5, 1e3, true, false, null]", "[1, -2, 3.5, 1000.0, true, false, null]"),
    (#"{"b": {"c": []}, "a": "x"}"#, #"{"a": "x", "b": {"c": []}}"#),
    (#""\u0041\n\ud83d\ude00\/""#, "\"A\\n\u{1F600}/\""),
    ("9223372036854775807", "9223372036854775807"),
    (" 0 ", "0"),
  ])
  func readsAndWritesInOneForm(_ text: String, expected: String) throws {
    let value = try JSONValue(parsing: text)
    #expect(value.text == expected)
    #expect(try JSONValue(parsing: value.text) == value)
  }

  @Test(arguments: [
    "", "[1,]", "{\"a\" 1}", "01", "1.", "nul", "\"\\x\"", "\"\n\"", "[1] 2", "\"\\ud800\"", "+1",
    "NaN", "1e999", "{1: 2}", "\"open", "[", "-", "\u{FEFF}1",
  ])
  func refusesWhatIsNotJSON(_ text: String) {
    #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
  }

  @Test func refusesARepeatedKey() {
    #expect(throws: JSONError.duplicateKey("a", offset: 9)) {
      try JSONValue(parsing: #"{"a": 1, "a": 2}"#)
    }
  }

  @Test func refusesDeepNesting() throws {
    let deepest = String(repeating: "[", count: 129) + String(repeating: "]", count: 129)
    _ = try JSONValue(parsing: String(deepest.dropFirst().dropLast()))
    #expect(throws: JSONError.tooDeep(offset: 129)) {
      try JSONValue(parsing: "[" + deepest + "]")
    }
  }

  @Test func refusesBytesThatAreNotUTF8() {
    #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0xFF, 0x22]) }
  }
}
