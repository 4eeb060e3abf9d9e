/// The kinds of files that a checkpoint can be, told apart by what they hold and not by their
/// names. A file is written in the flavour in which it was read.
public enum CheckpointFlavour: String, CaseIterable, Sendable {
  /// One HDF5 file with the architecture and the weights: Keras's legacy `.h5`.
  case wholeModel = "h5"
  /// The same without the architecture.
  case legacyWeights = "legacy weights"
  /// Weights by the path of the object that owns them: Keras 3's `.weights.h5`.
  case weights = "weights.h5"
  /// A ZIP archive around `config.json` and such a file: `.keras`.
  case archive = "keras"
  /// Samples alone.
  case data = "data"

  /// Whether weights lie in numbered variables below the objects that own them.
  public var storesObjects: Bool { self == .weights || self == .archive }

  /// What the manifest calls the architecture; nil where the file has none.
  var configPath: String? {
    switch self {
    case .wholeModel: "@model_config"
    case .archive: KerasArchive.configuration
    case .weights, .legacyWeights, .data: nil
    }
  }

  /// The flavour that Keras expects behind a file's name; nil where the name says nothing.
  public static func expected(of path: String) -> CheckpointFlavour? {
    let name = path.lowercased()
    if name.hasSuffix(".keras") { return .archive }
    if name.hasSuffix(".weights.h5") { return .weights }
    return name.hasSuffix(".h5") || name.hasSuffix(".hdf5") ? .wholeModel : nil
  }

  /// Whether a file is the index of shards, which are read and never written.
  public static func isSharded(_ path: String) -> Bool { KerasShards.isIndex(path) }

  /// Whether a file starts like an archive, whatever its name.
  public static func isArchive(_ path: String) -> Bool { KerasArchive.isArchive(path) }

  /// Whether Keras would look for this flavour behind a file's name.
  public func fits(nameOf path: String) -> Bool {
    guard !Self.isSharded(path) else { return false }
    guard let expected = Self.expected(of: path) else { return true }
    return storesObjects ? expected == self : expected == .wholeModel
  }

  /// What files of this flavour are called.
  public var fileExtension: String {
    switch self {
    case .archive: ".keras"
    case .weights: ".weights.h5"
    case .wholeModel, .legacyWeights, .data: ".h5"
    }
  }
}
