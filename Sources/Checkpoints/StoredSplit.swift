public import ModelCore

/// What a split is for.
public enum SplitRole: String, CaseIterable, Sendable {
  case train, validation, test
  /// Drawn like the training data, but never trained on.
  case unseen
}

/// The samples of a split, not read yet.
public struct StoredSplit: Hashable, Sendable {
  public let name: String
  public let role: SplitRole
  /// How many samples there are, of which shape and type, and how the model wants to see them.
  public let layout: SampleLayout
  public let idKind: SampleIdentifierKind
  /// Whether the targets are class indices; they are probabilities of all classes otherwise.
  public let hasClassIndices: Bool
  /// How many bytes of the file hold the inputs.
  public let storedByteCount: Int

  /// The group's path inside the file.
  public var path: String { FormatPaths.splits + "/" + name }
}

/// Where the format keeps what it adds to a Keras file.
enum FormatPaths {
  static let root = "/modelctl"
  static let splits = "/modelctl/splits"
  static let training = "/modelctl/training"
  static let manifest = "/modelctl/manifest"
  static let provenance = "/modelctl/provenance"
  static let inputs = "x"
  static let targets = "y"
  static let identifiers = "id"
}
