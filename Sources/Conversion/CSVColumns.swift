internal import Zip

extension CSVTable {
  /// A column of a table.
  public enum Column: Hashable, Sendable {
    case first
    case last
    /// A column of that name in the header.
    case named(String)
  }

  /// Which columns are no features.
  public struct Columns: Hashable, Sendable {
    public var label: Column
    /// Where samples are named; when nil, the column that a header calls `id`, in any case.
    public var id: Column?
    /// Names of columns that are left out.
    public var ignored: [String]

    public init(label: Column = .last, id: Column? = nil, ignored: [String] = []) {
      self.label = label
      self.id = id
      self.ignored = ignored
    }
  }
}

/// What each column of a table holds.
struct CSVColumns {
  let count: Int
  let label: Int
  let id: Int?
  let features: [Int]
  /// The names in the header; empty where there is none.
  let names: [String]

  var isNamed: Bool { !names.isEmpty }
  var featureNames: [String]? { isNamed ? features.map { names[$0] } : nil }

  /// - Parameters:
  ///   - first: the first record, which may be the header.
  ///   - hasHeader: when nil there is one if columns are asked for by name, or if a feature in it is
  ///     not a number.
  init(
    _ wanted: CSVTable.Columns, _ first: CSVReader, hasHeader: Bool?
  ) throws(HeaderError) {
    count = first.ends.count
    let header = Header(first, mayBeNamed: hasHeader != false)
    label = try header.place(of: wanted.label)
    var id: Int?
    if let column = wanted.id { id = try header.place(of: column) }
    var ignored: Set<Int> = []
    for name in wanted.ignored { ignored.insert(try header.place(of: .named(name))) }
    let others = [label] + ignored
    let data = (0..<count).filter { !others.contains($0) && $0 != id }
    let isHeader =
      wanted.namesColumns || hasHeader ?? data.contains { first.number($0) == nil }
    if isHeader, id == nil, let column = header.idColumn, !others.contains(column) { id = column }
    guard id.map(others.contains) != true, !ignored.contains(label) else {
      throw .mismatch(
        expected: "different columns for labels, for ids and to be ignored",
        found: "one of them twice")
    }
    features = data.filter { $0 != id }
    guard !features.isEmpty else {
      throw .mismatch(
        expected: "a label and at least one feature in line \(first.recordLine)",
        found: count == 1 ? "one column" : "\(count) columns without a feature")
    }
    self.id = id
    names = isHeader ? header.names : []
  }

  /// Where a field of a record stands, for messages.
  func place(_ column: Int, _ record: CSVReader) -> String {
    let name = isNamed ? " (\(quoted(names[column])))" : ""
    return "line \(record.recordLine), column \(column + 1)\(name)"
  }
}

/// The first record, as names.
private struct Header {
  let names: [String]
  let mayBeNamed: Bool

  init(_ record: CSVReader, mayBeNamed: Bool) {
    names = record.ends.indices.map { String(decoding: record.trimmed($0), as: UTF8.self) }
    self.mayBeNamed = mayBeNamed
  }

  func place(of column: CSVTable.Column) throws(HeaderError) -> Int {
    switch column {
    case .first: return 0
    case .last: return names.count - 1
    case .named(let name):
      let places = names.indices.filter { names[$0] == name }
      guard let place = places.first, places.count == 1, mayBeNamed else {
        throw .mismatch(
          expected: "one column \(quoted(name)) in the header",
          found: names.count > 20
            ? "\(places.count)" : names.map(quoted).joined(separator: ", "))
      }
      return place
    }
  }

  /// The only column that is called `id`.
  var idColumn: Int? {
    let places = names.indices.filter { names[$0].lowercased() == "id" }
    return places.count == 1 ? places[0] : nil
  }
}

extension CSVTable.Columns {
  fileprivate var namesColumns: Bool {
    let columns = [label, id].compactMap { $0 }
    return !ignored.isEmpty || columns.contains { if case .named = $0 { true } else { false } }
  }
}

extension CSVReader {
  /// A field of the record without the blanks around it.
  func trimmed(_ column: Int) -> ArraySlice<UInt8> {
    var field = field(column)
    while let byte = field.first, byte == 0x20 || byte == 0x09 { field.removeFirst() }
    while let byte = field.last, byte == 0x20 || byte == 0x09 { field.removeLast() }
    return field
  }

  /// A decimal number that a float32 can hold, or nil.
  func number(_ column: Int) -> Float? {
    let text = trimmed(column)
    // Most tables hold small whole numbers, for which making a string is the slow part.
    if (1...7).contains(text.count), text.allSatisfy({ (0x30...0x39).contains($0) }) {
      return Float(text.reduce(0) { $0 * 10 + Int($1 - 0x30) })
    }
    guard text.allSatisfy({ (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0) }),
      let value = Float(String(decoding: text, as: UTF8.self)), value.isFinite
    else { return nil }
    return value
  }
}
