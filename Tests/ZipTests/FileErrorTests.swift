import Foundation
import Testing
import Zip

@Suite struct FileErrorTests {
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
    ] as [(FileError.Problem, FileError.Kind, Int32)])
  func everyProblemHasAnExitCode(
    _ problem: FileError.Problem, _ kind: FileError.Kind, _ code: Int32
  ) {
    let error = FileError(file: "f", problem)
    #expect(error.kind == kind)
    #expect(error.kind.exitCode == code)
    #expect(error.description.contains("'f'"))
  }

  @Test func theMessageNamesFileArrayExpectedAndFound() {
    let error = FileError(
      file: "a.npz", part: "x", .mismatch(expected: "numbers", found: "text"))
    #expect(error.description == "cannot use 'x' in 'a.npz': expected numbers, found text")
    #expect(
      FileError(file: "b", .system(operation: .open, code: EACCES)).description
        == "cannot open 'b': Permission denied")
    #expect(
      FileError(file: "b", .length(expected: 9, found: .exactly(3))).description
        == "cannot use 'b': expected 9 bytes, found 3; it is cut short")
    #expect(
      FileError(file: "b", .length(expected: 9, found: .exactly(10))).description
        == "cannot use 'b': expected 9 bytes, found 10; there are bytes after its end")
  }

  @Test func aNameCannotDisturbATerminal() {
    let name = "a\u{1B}[31m\n\u{202E}" + String(repeating: "x", count: 500)
    let text = FileError(file: name, .missing).description
    #expect(text.hasPrefix("cannot open 'a\\u{1b}[31m\\u{a}\\u{202e}xxx"))
    #expect(text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control })
    #expect(text.count < 400)
  }
}
