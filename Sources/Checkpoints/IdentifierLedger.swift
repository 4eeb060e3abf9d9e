internal import Crypto
public import ModelCore

/// Commitments to forgotten ids that only somebody with the key can check, and nobody can reverse.
///
/// A commitment is the first half of HMAC-SHA-256 under the operator's key over
/// `modelctl/ledger/1`, a zero byte, `i` or `s` for an integer or a string, and the id as text; 32
/// hexadecimal digits. With the key one can ask whether an id was forgotten; without it ids cannot be
/// told from noise, nor guessed one after the other.
public struct IdentifierLedger {
  private let key: SymmetricKey

  public static let algorithm = "HMAC-SHA-256-128"
  /// A shorter key could be guessed.
  public static let smallestKey = 16

  /// - Parameter key: secret bytes.
  /// - Returns: nil when there are fewer than 16.
  public init?(key: [UInt8]) {
    guard key.count >= Self.smallestKey else { return nil }
    self.key = SymmetricKey(data: key)
  }

  public func commitment(to identifier: SampleIdentifier) -> String {
    let kind = identifier.kind == .integers ? "i" : "s"
    let message = Array("modelctl/ledger/1\u{0}\(kind)\(identifier)".utf8)
    return HMAC<SHA256>.authenticationCode(for: message, using: key).prefix(16).hexadecimal
  }

  /// What a record keeps: the commitments in ascending order, which tells nothing of the ids'.
  public func entry(for identifiers: some Sequence<SampleIdentifier>) -> JSONValue {
    .object([
      "algorithm": .string(Self.algorithm),
      "commitments": .array(identifiers.map(commitment).sorted().map(JSONValue.string)),
    ])
  }

  /// All commitments of a file's records.
  public static func commitments(in records: [ProvenanceRecord]) -> Set<String> {
    Set(
      records.flatMap { record in
        (record.details?["ledger"]?["commitments"]?.array ?? []).compactMap(\.string)
      })
  }
}
