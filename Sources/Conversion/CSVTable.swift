internal import Foundation
internal import ModelCore
internal import Zip

/// A table of numbers as text, one sample a line, with the label in one of its columns.
///
/// The numbers are held in memory, as float32. Labels that are whole numbers of 0 or more are class
/// indices; any other labels are names, whose indices follow their order by Unicode scalars. Samples
/// may be named in a column too.
public struct CSVTable {

  /// float32 `[N, F]`: N samples of F features.
  public let inputs: NamedArray
  /// int64 `[N]`: class indices.
  public let labels: NamedArray
  /// `[N]`: int64, or text where an id is no whole number; nil where no column holds ids.
  public let ids: NamedArray?
  /// What the class indices stand for, where the labels are names.
  public let classNames: [String]?
  /// The features' names, where there is a header.
  public let featureNames: [String]?

  /// A longer id or label is none, in bytes.
  static let longestName = 1024

  /// Reads a table, which may be packed by gzip.
  ///
  /// - Parameters:
  ///   - columns: which columns are no features.
  ///   - separator: an ASCII character between fields.
  ///   - classNames: the names that labels may have, in the order of their indices; when nil the
  ///     labels themselves decide.
  ///   - hasHeader: whether the first line holds names; when nil it does if one of its features is
  ///     not a number.
  /// - Throws: `ConversionError` with line and column.
  public init(
    path: String, columns: Columns = Columns(), separator: Character = ",",
    hasHeader: Bool? = nil, classNames given: [String]? = nil
  ) throws {
    guard let byte = separator.asciiValue, byte != 0x22, byte != 0x0A, byte != 0x0D else {
      throw ConversionError(
        file: path,
        .mismatch(expected: "an ASCII separator", found: quoted(String(separator))))
    }
    let file = try FileByteStream(path: path)
    let isPacked = try file.bytes(at: 0, count: 2) == [0x1F, 0x8B]
    let stream: any ByteStream = isPacked ? try GzipByteStream(path: path) : file
    var content = CSVContent(columns: columns, hasHeader: hasHeader)
    do {
      var reader = try CSVReader(stream, separator: byte)
      while try reader.next() { try content.append(reader) }
      try content.finish(given)
    } catch let error as HeaderError {
      throw ConversionError(file: path, error.problem)
    }
    classNames = content.classNames
    featureNames = content.columns?.featureNames
    let samples = content.labels.count
    inputs = try NamedArray(
      try Tensor(
        floats: content.features, shape: Shape([samples, content.columns?.features.count ?? 0])),
      file: path, name: "x")
    labels = try NamedArray(
      try Tensor(integers: content.labels, shape: Shape([samples])), file: path, name: "y")
    ids = try content.ids.map { try NamedArray($0, file: path, name: "id") }
  }
}

/// What has been read of a table so far.
private struct CSVContent {
  let wanted: CSVTable.Columns
  let hasHeader: Bool?
  private(set) var columns: CSVColumns?
  private(set) var features: [Float] = []
  private(set) var labels: [Int64] = []
  private(set) var classNames: [String]?
  private var idTexts: [String] = []
  /// Labels in the order of their first occurrence, and how often a row asked for each.
  private var labelTexts: [String: Int64] = [:]
  private var texts: [String] = []

  init(columns: CSVTable.Columns, hasHeader: Bool?) {
    wanted = columns
    self.hasHeader = hasHeader
  }

  mutating func append(_ record: CSVReader) throws(HeaderError) {
    guard let columns else {
      let first = try CSVColumns(wanted, record, hasHeader: hasHeader)
      columns = first
      return first.isNamed ? () : try append(record, first)
    }
    try append(record, columns)
  }

  private mutating func append(
    _ record: CSVReader, _ columns: CSVColumns
  ) throws(HeaderError) {
    guard record.ends.count == columns.count else {
      throw .mismatch(
        expected: "\(columns.count) columns in line \(record.recordLine)",
        found: "\(record.ends.count)")
    }
    for column in columns.features {
      guard let value = record.number(column) else {
        throw .mismatch(
          expected: "a number in \(columns.place(column, record))",
          found: record.trimmed(column).isEmpty
            ? "an empty field" : "text (are these ids, or is the column to be ignored?)")
      }
      features.append(value)
    }
    appendLabel(try text("a label", columns.label, record, columns))
    if let id = columns.id { idTexts.append(try text("an id", id, record, columns)) }
  }

  private func text(
    _ what: String, _ column: Int, _ record: CSVReader, _ columns: CSVColumns
  ) throws(HeaderError) -> String {
    let field = record.trimmed(column)
    guard let text = String(validating: field, as: UTF8.self), !text.isEmpty else {
      throw .mismatch(
        expected: "\(what) in \(columns.place(column, record))",
        found: field.isEmpty ? "none" : "bytes that are no UTF-8")
    }
    guard field.count <= CSVTable.longestName else {
      throw .mismatch(
        expected: "at most \(CSVTable.longestName) bytes in \(columns.place(column, record))",
        found: "\(field.count)")
    }
    return text
  }

  private mutating func appendLabel(_ text: String) {
    if let index = labelTexts[text] {
      labels.append(index)
    } else {
      let index = Int64(texts.count)
      labelTexts[text] = index
      texts.append(text)
      labels.append(index)
    }
  }

  /// Ids that are all whole numbers, as they are usually written, are such; `007` is a name.
  var ids: SampleIdentifiers? {
    guard columns?.id != nil else { return nil }
    let integers = idTexts.compactMap { text in Int64(text).flatMap { "\($0)" == text ? $0 : nil } }
    return integers.count == idTexts.count ? .integers(integers) : .strings(idTexts)
  }

  /// Gives the labels their final indices.
  mutating func finish(_ given: [String]?) throws(HeaderError) {
    guard columns != nil else { throw .mismatch(expected: "a table", found: "an empty file") }
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
}
