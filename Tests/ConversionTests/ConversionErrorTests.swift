import Conversion
import Foundation
import ModelCore
import Testing

@Suite struct ConversionErrorTests {
  @Test(
    arguments: [
      (.missing, .notFound, 66),
      (.system(operation: .open, code: EACCES), .io, 74),
      (.system(operation: .read, code: EIO), .io, 74),
      (.system(operation: .write, code: EIO), .io, 74),
      (.system(operation: .write, code: ENOSPC), .tryAgain, 75),
      (.system(operation: .create, code: ENOSPC), .tryAgain, 75),
      (.system(operation: .create, code: EACCES), .cannotCreate, 73),
      (.mismatch(expected: "a", found: "b"), .badInput, 65),
      (.length(expected: 1, found: .exactly(2)), .badInput, 65),
      (.unsupported(what: "a", advice: "b"), .badInput, 65),
      (.duplicate, .badInput, 65), (.damaged("a"), .badInput, 65),
      (.expansion(declared: 2, stored: 1), .badInput, 65),
      (.weights(WeightReport()), .badInput, 65),
    ] as [(ConversionError.Problem, ConversionError.Kind, Int32)])
  func everyProblemHasAnExitCode(
    _ problem: ConversionError.Problem, _ kind: ConversionError.Kind, _ code: Int32
  ) {
    let error = ConversionError(file: "f", problem)
    #expect(error.kind == kind)
    #expect(error.kind.exitCode == code)
    #expect(error.description.contains("'f'"))
  }

  @Test func theMessageNamesFileArrayExpectedAndFound() {
    let error = ConversionError(
      file: "a.npz", array: "x", .mismatch(expected: "numbers", found: "text"))
    #expect(error.description == "cannot use array 'x' of 'a.npz': expected numbers, found text")
    #expect(
      ConversionError(file: "b", .system(operation: .open, code: EACCES)).description
        == "cannot open 'b': Permission denied")
    #expect(
      ConversionError(file: "b", .length(expected: 9, found: .exactly(3))).description
        == "cannot use 'b': expected 9 bytes, found 3; it is cut short")
    #expect(
      ConversionError(file: "b", .length(expected: 9, found: .exactly(10))).description
        == "cannot use 'b': expected 9 bytes, found 10; there are bytes after its end")
  }

  @Test func aNameCannotDisturbATerminal() {
    let name = "a\u{1B}[31m\n\u{202E}" + String(repeating: "x", count: 500)
    let text = ConversionError(file: name, .missing).description
    #expect(text.hasPrefix("cannot open 'a\\u{1b}[31m\\u{a}\\u{202e}xxx"))
    #expect(text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control })
    #expect(text.count < 400)
  }
}
