internal import ArgumentParser
internal import Conversion
internal import Foundation

/// How tables of samples are to be read.
struct TableOptions: ParsableArguments {
  @Option(
    help: "Where the label stands in a table: first, last, or the column's name.")
  var labelColumn = "last"

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

  var label: CSVTable.LabelColumn {
    switch labelColumn {
    case "first": .first
    case "last": .last
    default: .named(labelColumn)
    }
  }

  var classNames: [String]? {
    classNameText?.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
  }
}
