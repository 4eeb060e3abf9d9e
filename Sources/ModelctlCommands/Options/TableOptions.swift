internal import ArgumentParser
internal import Conversion
internal import Foundation

/// How tables of samples are to be read.
struct TableOptions: ParsableArguments {
  @Option(
    help: "Where the label stands in a table: first, last, or the column's name.")
  var labelColumn = "last"

  @Option(
    help: """
      Where the samples' ids stand in a table: first, last, or the column's name. Default: the column \
      called id, if there is one.
      """)
  var idColumn: String?

  @Option(
    name: .customLong("ignore-columns"),
    help: "Columns of a table that are no features, by their names, with commas.")
  var ignoredText: String?

  @Option(
    name: .customLong("separator"),
    help: "What separates the fields of a table. Default: a comma, in a .tsv a tab.")
  var separatorText: String?

  @Option(name: .customLong("class-names"), help: "The classes' names, in order, with commas.")
  var classNameText: String?

  func validate() throws {
    guard separatorText.map({ $0.count == 1 }) ?? true else {
      throw ValidationError("--separator takes one character")
    }
  }

  var separator: Character? { separatorText?.first }

  var columns: CSVTable.Columns {
    CSVTable.Columns(
      label: Self.column(labelColumn), id: idColumn.map(Self.column),
      ignored: Self.names(ignoredText) ?? [])
  }

  var classNames: [String]? { Self.names(classNameText) }

  private static func column(_ text: String) -> CSVTable.Column {
    switch text {
    case "first": .first
    case "last": .last
    default: .named(text)
    }
  }

  private static func names(_ text: String?) -> [String]? {
    text?.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
  }
}
