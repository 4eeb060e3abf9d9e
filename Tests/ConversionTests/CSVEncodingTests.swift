import ModelCore
import TestSupport
import Testing
import Zip

@testable import Conversion

/// Tables in the encodings that spreadsheets write.
@Suite struct CSVEncodingTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private func table(_ bytes: [UInt8]) throws -> CSVTable {
    try CSVTable(path: folder.write(bytes, to: "table.csv"))
  }

  @Test func labelsMayBeOfAnyLanguage() throws {
    let rows = "size,class\n1,größe\n2,Größe\n3,größe\n"
    for bytes in [Array(rows.utf8), [0xEF, 0xBB, 0xBF] + Array(rows.utf8)] {
      let table = try table(bytes)
      #expect(table.classNames == ["Größe", "größe"])
      #expect(try table.labels.tensor().integers == [1, 0, 1])
    }
  }

  @Test func otherEncodingsAreNamed() throws {
    // "größe" of Windows and Latin-1.
    let latin: [UInt8] = Array("size,class\n1,a\n2,gr".utf8) + [0xF6, 0xDF] + Array("e\n".utf8)
    let wide = "size,class\n1,2\n".utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
    for (bytes, reason) in [
      (latin, "text in UTF-8 in line 3, found bytes of another encoding"),
      ([0xFF, 0xFE] + wide, "a table in UTF-8, found one in UTF-16"),
      ([0xFE, 0xFF, 0] + wide, "a table in UTF-8, found one in UTF-16"),
    ] {
      let error = try #require(throws: ConversionError.self) { try table(bytes) }
      #expect(error.kind == .badInput)
      #expect(error.description.contains(reason), "\(error)")
    }
  }
}
