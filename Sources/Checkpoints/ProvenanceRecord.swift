public import ModelCore

/// What one operation did to a checkpoint, as the file tells it.
///
/// Records form a chain: each holds the hash of the text of the one before, so none can be
/// changed or left out without the next one showing it. A record says what was done; it proves
/// nothing to somebody who does not trust the writer.
///
/// - SeeAlso: `Schemas/json/provenance-record.schema.json`.
public struct ProvenanceRecord: Hashable, Sendable {
  /// The record exactly as it is stored, which is what the next one's hash is over.
  public let text: String
  public let json: JSONValue

  /// - Throws: `JSONError` when the text is not JSON.
  public init(text: String) throws(JSONError) {
    self.text = text
    json = try JSONValue(parsing: text)
  }

  /// What was done: `import`, `train`, `unlearn`.
  public var operation: String? { json["operation"]?.string }
  /// The program that did it.
  public var producer: String? { json["producer"]?.string }
  /// The content digests of the files that went in and came out.
  public var contentBefore: String? { json["contentBefore"]?.string }
  public var contentAfter: String? { json["contentAfter"]?.string }
  /// The digest of the record before, or nil for the first one.
  public var previous: String? { json["previous"]?.string }
  /// Whatever the operation tells about itself.
  public var details: JSONValue? { json["details"] }

  /// What the next record calls this one.
  public var digest: String { "sha256:" + sha256(of: text) }
}

/// What an operation wants to be remembered by; the writer adds the digests and the chain.
public struct ProvenanceEntry: Hashable, Sendable {
  public var operation: String
  public var details: JSONValue

  /// - Parameter details: no sample, no identifier, and nothing to guess them from.
  public init(operation: String, details: JSONValue = .object([:])) {
    self.operation = operation
    self.details = details
  }
}

extension ProvenanceRecord {
  static let schema = "modelctl/provenance-record/1"

  /// The record that follows others.
  init(
    _ entry: ProvenanceEntry, producer: String, after records: [ProvenanceRecord],
    contentBefore: String?, contentAfter: String
  ) {
    json = .object([
      "schema": .string(Self.schema),
      "index": .integer(Int64(records.count)),
      "operation": .string(entry.operation),
      "producer": .string(producer),
      "contentBefore": contentBefore.map(JSONValue.string) ?? .null,
      "contentAfter": .string(contentAfter),
      "previous": records.last.map { .string($0.digest) } ?? .null,
      "details": entry.details,
    ])
    text = json.text
  }

  /// The index of the first record that does not continue the chain, or nil when all do.
  public static func firstBreak(in records: [ProvenanceRecord]) -> Int? {
    for (index, record) in records.enumerated() {
      let before = index > 0 ? records[index - 1].digest : nil
      guard record.previous == before, record.json["index"]?.integer == Int64(index) else {
        return index
      }
    }
    return nil
  }
}
