internal import Foundation
internal import ModelCore
internal import Zip

/// A table of numbers as text, one sample a line, with the label in one of its columns.
///
/// The numbers are held in memory, as float32. Labels that are whole numbers of 0 or more are class
/// indices; any other labels are names, whose indices follow their order by Unicode scalars.
public struct CSVTable {
  /// Where the label stands.
  public enum LabelColumn: Hashable, Sendable {
    case first
    case last
    /// A column of that name in the header.
    case named(String)
  }

  /// float32 `[N, F]`: N samples of F features.
  public let inputs: NamedArray
  /// int64 `[N]`: class indices.
  public let labels: NamedArray
  /// What the class indices stand for, where the labels are names.
  public let classNames: [String]?
  /// The features' names, where there is a header.
  public let featureNames: [String]?

  /// Reads a table, which may be packed by gzip.
  ///
  /// - Parameters:
  ///   - separator: an ASCII character between fields.
  ///   - classNames: the names that labels may have, in the order of their indices; when nil the
  ///     labels themselves decide.
  ///   - hasHeader: whether the first line holds names; when nil it does if one of its features is
  ///     not a number.
  /// - Throws: `ConversionError` with line and column.
  public init(
    path: String, label: LabelColumn = .last, separator: Character = ",", hasHeader: Bool? = nil,
    classNames given: [String]? = nil
  ) throws {
    guard let byte = separator.asciiValue, byte != 0x22, byte != 0x0A, byte != 0x0D else {
      throw ConversionError(
        file: path,
        .mismatch(expected: "an ASCII separator", found: quoted(String(separator))))
    }
    let file = try FileByteStream(path: path)
    let isPacked = try file.bytes(at: 0, count: 2) == [0x1F, 0x8B]
    let stream: any ByteStream = isPacked ? try GzipByteStream(path: path) : file
    var content = CSVContent(label: label, hasHeader: hasHeader)
    do {
      var reader = try CSVReader(stream, separator: byte)
      while try reader.next() { try content.append(reader) }
      try content.finish(given)
    } catch let error as HeaderError {
      throw ConversionError(file: path, error.problem)
    }
    classNames = content.classNames
    featureNames = content.featureNames
    let samples = content.labels.count
    inputs = try NamedArray(
      try Tensor(floats: content.features, shape: Shape([samples, content.featureCount])),
      file: path, name: "x")
    labels = try NamedArray(
      try Tensor(integers: content.labels, shape: Shape([samples])), file: path, name: "y")
  }
}

/// What has been read of a table so far.
private struct CSVContent {
  let label: CSVTable.LabelColumn
  let hasHeader: Bool?
  private(set) var features: [Float] = []
  private(set) var featureNames: [String]?
  private(set) var labels: [Int64] = []
  private(set) var classNames: [String]?
  private var columnNames: [String] = []
  private var columnCount = 0
  private var labelColumn = 0
  /// Labels in the order of their first occurrence, and how often a row asked for each.
  private var labelTexts: [String: Int64] = [:]
  private var texts: [String] = []

  var featureCount: Int { max(0, columnCount - 1) }

  init(label: CSVTable.LabelColumn, hasHeader: Bool?) {
    self.label = label
    self.hasHeader = hasHeader
  }

  mutating func append(_ record: CSVReader) throws(HeaderError) {
    if columnCount == 0 {
      columnCount = record.ends.count
      guard columnCount > 1 else {
        throw .mismatch(
          expected: "a label and at least one feature in line \(record.recordLine)",
          found: "one column")
      }
      if try takeHeader(record) { return }
    }
    guard record.ends.count == columnCount else {
      throw .mismatch(
        expected: "\(columnCount) columns in line \(record.recordLine)",
        found: "\(record.ends.count)")
    }
    for column in 0..<columnCount {
      let field = record.field(column)
      if column == labelColumn {
        try appendLabel(field, record)
      } else if let value = number(field) {
        features.append(value)
      } else {
        throw .mismatch(
          expected: "a number in \(place(column, record))",
          found: trimmed(field).isEmpty ? "an empty field" : "text")
      }
    }
  }

  /// Finds the label's column, and whether the record is a header.
  private mutating func takeHeader(_ record: CSVReader) throws(HeaderError) -> Bool {
    let names = (0..<columnCount).map { String(decoding: trimmed(record.field($0)), as: UTF8.self) }
    switch label {
    case .first: labelColumn = 0
    case .last: labelColumn = columnCount - 1
    case .named(let name):
      let places = names.indices.filter { names[$0] == name }
      guard let place = places.first, places.count == 1, hasHeader != false else {
        throw .mismatch(
          expected: "one column \(quoted(name)) in the header",
          found: names.count > 20 ? "\(places.count)" : names.map(quoted).joined(separator: ", "))
      }
      labelColumn = place
    }
    let isHeader: Bool
    if case .named = label {
      isHeader = true
    } else {
      isHeader =
        hasHeader
        ?? (0..<columnCount).contains { $0 != labelColumn && number(record.field($0)) == nil }
    }
    guard isHeader else { return false }
    columnNames = names
    featureNames = names.indices.filter { $0 != labelColumn }.map { names[$0] }
    return true
  }

  private mutating func appendLabel(
    _ field: ArraySlice<UInt8>, _ record: CSVReader
  ) throws(HeaderError) {
    guard let text = String(validating: trimmed(field), as: UTF8.self), !text.isEmpty else {
      throw .mismatch(expected: "a label in \(place(labelColumn, record))", found: "none")
    }
    if let index = labelTexts[text] {
      labels.append(index)
    } else {
      let index = Int64(texts.count)
      labelTexts[text] = index
      texts.append(text)
      labels.append(index)
    }
  }

  /// Gives the labels their final indices.
  mutating func finish(_ given: [String]?) throws(HeaderError) {
    guard columnCount > 0 else { throw .mismatch(expected: "a table", found: "an empty file") }
    if let given {
      var indices: [Int64] = []
      for text in texts {
        guard let index = given.firstIndex(of: text) else {
          throw .mismatch(
            expected: "labels out of " + given.prefix(20).map(quoted).joined(separator: ", "),
            found: quoted(text))
        }
        indices.append(Int64(index))
      }
      labels = labels.map { indices[Int($0)] }
      classNames = given
      return
    }
    let whole = texts.compactMap { text -> Int64? in
      guard let value = Double(text), let index = Int64(exactly: value), index >= 0 else {
        return nil
      }
      return index
    }
    var indices = whole
    if whole.count != texts.count {
      let names = texts.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
      let places = Dictionary(
        names.enumerated().map { ($1, Int64($0)) }, uniquingKeysWith: { first, _ in first })
      indices = texts.map { places[$0] ?? 0 }
      classNames = names
    }
    labels = labels.map { indices[Int($0)] }
  }

  private func place(_ column: Int, _ record: CSVReader) -> String {
    let name = columnNames.indices.contains(column) ? " (\(quoted(columnNames[column])))" : ""
    return "line \(record.recordLine), column \(column + 1)\(name)"
  }
}

private func trimmed(_ field: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
  var field = field
  while let byte = field.first, byte == 0x20 || byte == 0x09 { field.removeFirst() }
  while let byte = field.last, byte == 0x20 || byte == 0x09 { field.removeLast() }
  return field
}

/// A decimal number that a float32 can hold, or nil.
private func number(_ field: ArraySlice<UInt8>) -> Float? {
  let text = trimmed(field)
  // Most tables hold small whole numbers, for which making a string is the slow part.
  if (1...7).contains(text.count), text.allSatisfy({ (0x30...0x39).contains($0) }) {
    return Float(text.reduce(0) { $0 * 10 + Int($1 - 0x30) })
  }
  guard text.allSatisfy({ (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0) }),
    let value = Float(String(decoding: text, as: UTF8.self)), value.isFinite
  else { return nil }
  return value
}
