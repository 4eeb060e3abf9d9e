import Conversion
import Foundation
import ModelCore
import TestSupport
import Testing
import Zip

@Suite struct CSVTableTests {
  let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  func table(
    _ text: String, label: CSVTable.Column = .last, id: CSVTable.Column? = nil,
    ignored: [String] = [], separator: Character = ",", hasHeader: Bool? = nil
  ) throws -> CSVTable {
    let path = try folder.write(Array(text.utf8), to: "table.csv")
    return try CSVTable(
      path: path, columns: CSVTable.Columns(label: label, id: id, ignored: ignored),
      separator: separator, hasHeader: hasHeader)
  }

  @Test(arguments: [
    "1,2.5,0\n-3,4e-1,2\n", "1,2.5,0\r\n-3,4e-1,2", "\u{FEFF}1,2.5,0\n\n-3,.4,2\n\n",
    "\"1\",\"2.5\",\"0\"\n\"-3\",0.40,2.0", " 1 , 2.5,0\n\t-3 ,+0.4, 2 \n",
    "a,b,class\n1,2.5,0\n-3,0.4,2\n",
  ])
  func numbersAndLabelsAreRead(_ text: String) throws {
    let table = try table(text)
    #expect(table.inputs.shape.dimensions == [2, 2])
    #expect(try table.inputs.tensor().floats == [1, 2.5, -3, 0.4])
    #expect(try table.labels.tensor().integers == [0, 2])
    #expect(table.classNames == nil)
    let source = try ArraySource(inputs: table.inputs, labels: table.labels)
    #expect(source.layout.classCount == 3)
    #expect(try source.readTargets(1..<2) == .classes([2]))
  }

  @Test func theLabelMayStandAnywhere() throws {
    let text = "age,\"the \"\"class\"\"\",size\n1,7,2\n3,8,4\n"
    #expect(try table(text, label: .named("the \"class\"")).labels.tensor().integers == [7, 8])
    #expect(try table(text, label: .named("age")).inputs.tensor().floats == [7, 2, 8, 4])
    #expect(try table(text, label: .first).labels.tensor().integers == [1, 3])
    #expect(try table(text).featureNames == ["age", "the \"class\""])
    #expect(try table("1;2\n3;4", separator: ";").inputs.tensor().floats == [1, 3])
  }

  @Test func namesBecomeClasses() throws {
    let table = try table("1,dog\n2,cat\n3,\"a, b\"\n4,dog\n")
    #expect(table.classNames == ["a, b", "cat", "dog"])
    #expect(try table.labels.tensor().integers == [2, 1, 0, 2])
    let mixed = try self.table("1,10\n2,9\n3,x\n", hasHeader: false)
    #expect(mixed.classNames == ["10", "9", "x"])
    #expect(try self.table("1,-1\n2,1\n").classNames == ["-1", "1"])
    #expect(try self.table("1,0.5\n2,1\n").classNames == ["0.5", "1"])
  }

  @Test func aHeaderOfNumbersMustBeAnnounced() throws {
    #expect(try table("1,2\n3,4\n").inputs.shape.dimensions == [2, 1])
    #expect(try table("1,2\n3,4\n", hasHeader: true).inputs.shape.dimensions == [1, 1])
    #expect(throws: ConversionError.self) { try table("a,b\n3,4\n", hasHeader: false) }
  }

  @Test(arguments: [
    ("", "expected a table, found an empty file"),
    ("1\n2\n", "at least one feature in line 1, found one column"),
    ("1,2\n3\n", "2 columns in line 2, found 1"), ("1,2\n3,4,5\n", "2 columns in line 2, found 3"),
    ("a,b,c\n1,2,0\n1,x,0\n", "a number in line 3, column 2 ('b'), found text"),
    ("1,2,0\n1,,0\n", "a number in line 2, column 2, found an empty field"),
    ("1,2,0\n1,nan,0\n", "column 2, found text"), ("1,2,0\n1,0x10,0\n", "column 2, found text"),
    ("1,2,0\n1,1e99,0\n", "column 2, found text"), ("1,2,0\n1,inf,0\n", "column 2, found text"),
    ("1,2,0\n1,2,\n", "a label in line 2, column 3, found none"),
    ("id,a,b\n,1,0\n", "an id in line 2, column 1 ('id'), found none"),
    ("id,a,b\n" + String(repeating: "x", count: 1025) + ",1,0\n", "at most 1024 bytes in line 2"),
    ("1,2,0\n1,\"2,0\n", "a closing quote in line 2, column 2"),
    ("1,2,0\n1,2\"3,0\n", "not at all in line 2, column 2"),
    ("1,2,0\n1,\"2\"3,0\n", "the end of the line in line 2, column 3"),
    ("1,\"a\nb\"\n2,c\nx,d\n", "a number in line 4, column 1"),
  ])
  func whatIsNoTableOfNumbersIsRefusedWithItsPlace(_ text: String, _ reason: String) throws {
    let error = try #require(throws: ConversionError.self) { try table(text) }
    #expect(error.kind == .badInput)
    #expect(error.description.contains(reason), "\(error)")
  }

  @Test func aColumnThatIsNotThereIsNamedWithThoseThatAre() throws {
    let error = try #require(throws: ConversionError.self) {
      try table("a,b\n1,2\n", label: .named("c"))
    }
    #expect(error.description.contains("one column 'c' in the header, found 'a', 'b'"))
    #expect(throws: ConversionError.self) { try table("a,a\n1,2\n", label: .named("a")) }
    #expect(throws: ConversionError.self) {
      try table("a,b\n1,2\n", label: .named("a"), hasHeader: false)
    }
  }

  @Test func samplesAreNamedInAColumn() throws {
    let text = "who,age,size,class\nann,1,2,7\n\"bo, b\",3,4,8\n"
    let named = try table(text, id: .named("who"))
    #expect(try named.ids?.strings() == ["ann", "bo, b"])
    #expect(try named.inputs.tensor().floats == [1, 2, 3, 4])
    #expect(named.featureNames == ["age", "size"])
    #expect(try table(text, id: .first).ids?.strings() == ["ann", "bo, b"])
    #expect(try table("7,1,0\n8,2,1\n", id: .first).ids?.tensor().integers == [7, 8])
    #expect(try table("1,2,0\n3,4,1\n").ids == nil)
  }

  @Test func aColumnCalledIdHoldsIds() throws {
    let text = "ID,age,class\n-5,1,7\n12,3,8\n"
    #expect(try table(text).ids?.tensor().integers == [-5, 12])
    #expect(try table(text).inputs.tensor().floats == [1, 3])
    #expect(try table(text, ignored: ["ID"]).ids == nil)
    #expect(try table(text, label: .named("ID")).ids == nil)
    #expect(try table("id,Id,class\n1,2,3\n").inputs.tensor().floats == [1, 2])
  }

  /// A number is an id only as it is written, for that is how it will be asked for.
  @Test func idsStayAsTheyAreWritten() throws {
    #expect(try table("id,a,b\n007,1,0\n8,1,0\n").ids?.strings() == ["007", "8"])
    #expect(try table("id,a,b\n1.0,1,0\n").ids?.strings() == ["1.0"])
    #expect(
      try table("id,a,b\n99999999999999999999,1,0\n").ids?.strings() == ["99999999999999999999"])
  }

  @Test func columnsMayBeIgnored() throws {
    let text = "name,a,mail,b,class\nx,1,x@y,2,0\n,3,,4,1\n"
    let table = try table(text, ignored: ["mail", "name"])
    #expect(try table.inputs.tensor().floats == [1, 2, 3, 4])
    #expect(table.featureNames == ["a", "b"])
  }

  @Test func aColumnHasOnePurpose() throws {
    for (id, ignored) in [(CSVTable.Column.last, []), (.first, ["a"]), (nil, ["b"])] {
      let error = try #require(throws: ConversionError.self) {
        try table("a,x,b\n1,2,3\n", id: id, ignored: ignored)
      }
      #expect(error.description.contains("one of them twice"), "\(error)")
    }
    let error = try #require(throws: ConversionError.self) {
      try table("id,b\n1,2\n")
    }
    #expect(error.description.contains("found 2 columns without a feature"), "\(error)")
  }

  @Test func longTablesCrossTheirBlocks() throws {
    let rows = 20_000
    let text = (0..<rows).map { "\($0),\"\($0 % 7)\",\($0 % 3)\r\n" }.joined()
    let table = try table(text)
    #expect(table.inputs.shape.dimensions == [rows, 2])
    let floats = try table.inputs.tensor().floats
    #expect((0..<rows).allSatisfy { floats[2 * $0] == Float($0) })
    #expect((0..<rows).allSatisfy { floats[2 * $0 + 1] == Float($0 % 7) })
    #expect(try table.labels.tensor().integers == (0..<rows).map { Int64($0 % 3) })
  }

  /// What is in no field of a record takes memory all the same.
  @Test func aLineOfSeparatorsIsNoRecord() throws {
    let error = try #require(throws: ConversionError.self) {
      try table(String(repeating: ",", count: 1 << 20))
    }
    #expect(error.description.contains("at most 1048576 fields in line 1"), "\(error)")
  }

  @Test func aPackedTableIsRead() throws {
    let table = try CSVTable(
      path: Fixture.path("table.csv.gz"), columns: CSVTable.Columns(label: .named("class")))
    #expect(try table.inputs.tensor().floats == [1, 2, 3, 4])
    #expect(table.classNames == ["ant", "cat"])
    #expect(try table.labels.tensor().integers == [1, 0])
  }

  @Test func aSeparatorIsPlain() {
    for separator: Character in ["\"", "\n", "é"] {
      #expect(throws: ConversionError.self) { try table("1,2\n", separator: separator) }
    }
    #expect(throws: ConversionError(file: "/nowhere.csv", .missing)) {
      try CSVTable(path: "/nowhere.csv")
    }
  }
}
