internal import Crypto
public import ModelCore

/// What every array of a checkpoint is, by its path.
///
/// - SeeAlso: `Schemas/json/manifest.schema.json`.
public struct Manifest: Hashable, Sendable {
  /// One array: a weight, a column of a split, or a setting that changes what the arrays mean.
  public struct Entry: Hashable, Sendable {
    /// The path without its first slash; `path@name` for an attribute.
    public let path: String
    /// An element type's name, or `string`.
    public let type: String
    public let shape: [Int]
    /// The size of the elements; of strings, their UTF-8 alone.
    public let byteCount: Int
    /// 64 hexadecimal digits.
    public let sha256: String
  }

  /// Sorted by the bytes of the paths.
  public let entries: [Entry]

  init(_ entries: [Entry]) {
    self.entries = entries.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
  }

  public subscript(path: String) -> Entry? { entries.first { $0.path == path } }

  /// The digest of everything in the manifest: `sha256:` and the hash over each path in UTF-8, a
  /// zero byte, and the 32 bytes of the array's own hash.
  public var contentDigest: String {
    var hash = SHA256()
    for entry in entries {
      hash.update(data: Array(entry.path.utf8) + [0])
      hash.update(data: Self.bytes(entry.sha256))
    }
    return "sha256:" + hash.finalize().hexadecimal
  }

  private static func bytes(_ hexadecimal: String) -> [UInt8] {
    let digits = hexadecimal.compactMap { $0.hexDigitValue.map(UInt8.init) }
    return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  /// The paths of arrays that differ from another manifest's, or that only one of both has.
  public func differences(from other: Manifest) -> [String] {
    let mine = Dictionary(entries.map { ($0.path, $0) }) { first, _ in first }
    let theirs = Dictionary(other.entries.map { ($0.path, $0) }) { first, _ in first }
    return Set(mine.keys).union(theirs.keys).filter { mine[$0] != theirs[$0] }.sorted()
  }
}

extension Manifest {
  static let schema = "modelctl/manifest/1"

  /// The manifest as it is stored.
  public var json: JSONValue {
    .object([
      "schema": .string(Self.schema),
      "arrays": .array(
        entries.map { entry in
          .object([
            "path": .string(entry.path), "type": .string(entry.type),
            "shape": .array(entry.shape.map { .integer(Int64($0)) }),
            "byteCount": .integer(Int64(entry.byteCount)), "sha256": .string(entry.sha256),
          ])
        }),
    ])
  }

  /// - Returns: nil when the value is not a manifest.
  public init?(_ json: JSONValue) {
    guard json["schema"]?.string == Self.schema, let arrays = json["arrays"]?.array else {
      return nil
    }
    var entries: [Entry] = []
    for array in arrays {
      guard let path = array["path"]?.string, let type = array["type"]?.string,
        let extents = array["shape"]?.array, let byteCount = array["byteCount"]?.integer,
        let sha256 = array["sha256"]?.string, Self.bytes(sha256).count == 32
      else { return nil }
      let shape = extents.compactMap { $0.integer.flatMap { Int(exactly: $0) } }
      guard shape.count == extents.count, let size = Int(exactly: byteCount) else { return nil }
      entries.append(
        Entry(path: path, type: type, shape: shape, byteCount: size, sha256: sha256))
    }
    self.init(entries)
  }
}
