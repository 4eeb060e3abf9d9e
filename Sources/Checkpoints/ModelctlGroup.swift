internal import HDF5
internal import ModelCore

/// What the group `/modelctl` says apart from its splits.
struct ModelctlGroup {
  let version: FormatVersion
  let contentDigest: String?
  let classNames: [String]?
  let scale: [Float]
  let offset: [Float]
  let recipe: TrainingRecipe?
  let manifest: Manifest?
  let provenance: [ProvenanceRecord]

  static let encodingType = "modelctl-checkpoint"

  /// - Returns: nil when the file has no such group.
  init?(_ file: HDF5File) throws {
    guard file.node(at: FormatPaths.root) != nil else { return nil }
    let group = try file.group(at: FormatPaths.root)
    version = try Self.version(group)
    contentDigest = try group.string(attribute: "content-digest")
    let splits =
      file.node(at: FormatPaths.splits) == nil ? nil : try file.group(at: FormatPaths.splits)
    classNames = try splits.flatMap(Self.classNames)
    scale = try splits.flatMap { try Self.floats("input-scale", of: $0) } ?? [1]
    offset = try splits.flatMap { try Self.floats("input-offset", of: $0) } ?? [0]
    recipe = try Self.document(FormatPaths.training, of: file).map { json in
      guard let recipe = TrainingRecipe(json) else {
        throw Self.malformed(file, FormatPaths.training, "a training recipe", "other JSON")
      }
      return recipe
    }
    manifest = try Self.document(FormatPaths.manifest, of: file).map { json in
      guard let manifest = Manifest(json) else {
        throw Self.malformed(file, FormatPaths.manifest, "a manifest", "other JSON")
      }
      return manifest
    }
    provenance = try Self.records(of: file)
  }

  private static func version(_ group: HDF5Group) throws -> FormatVersion {
    let type = try group.string(attribute: "encoding-type") ?? "none"
    guard type == encodingType else {
      throw malformed(group.file, group.path, "the encoding-type '\(encodingType)'", "'\(type)'")
    }
    let text = try group.string(attribute: "encoding-version") ?? "none"
    guard let version = FormatVersion(text) else {
      throw malformed(group.file, group.path, "an encoding-version such as 1.0", "'\(text)'")
    }
    let current = FormatVersion.current
    guard version.major <= current.major else {
      throw CheckpointError(
        group.file.path,
        .newerVersion(found: version.description, supported: current.description))
    }
    return version
  }

  private static func classNames(_ splits: HDF5Group) throws -> [String]? {
    guard try splits.hasAttribute("class-names") else { return nil }
    let names = try splits.strings(attribute: "class-names")
    guard !names.isEmpty, Set(names).count == names.count else {
      throw malformed(splits.file, splits.path, "class-names that differ", "\(names.count) names")
    }
    return names
  }

  private static func floats(_ name: String, of splits: HDF5Group) throws -> [Float]? {
    guard let values = try splits.numbers(attribute: name)?.map({ Float($0) }) else { return nil }
    guard !values.isEmpty, values.allSatisfy(\.isFinite) else {
      throw malformed(splits.file, splits.path, "finite numbers in '\(name)'", "others")
    }
    return values
  }

  /// The JSON of a dataset that holds one string, or nil when there is no dataset.
  private static func document(_ path: String, of file: HDF5File) throws -> JSONValue? {
    guard file.node(at: path) != nil else { return nil }
    let texts = try file.dataset(at: path).strings()
    guard let text = texts.first, texts.count == 1 else {
      throw malformed(file, path, "one string", "\(texts.count)")
    }
    return try json(text, path, of: file) { try JSONValue(parsing: $0) }
  }

  private static func records(of file: HDF5File) throws -> [ProvenanceRecord] {
    guard file.node(at: FormatPaths.provenance) != nil else { return [] }
    return try file.dataset(at: FormatPaths.provenance).strings().map { text in
      try json(text, FormatPaths.provenance, of: file) { try ProvenanceRecord(text: $0) }
    }
  }

  private static func json<Value>(
    _ text: String, _ path: String, of file: HDF5File,
    _ parse: (String) throws -> Value
  ) throws -> Value {
    do { return try parse(text) } catch let error as JSONError {
      throw malformed(file, path, "JSON", "'\(error)'")
    }
  }

  private static func malformed(
    _ file: HDF5File, _ object: String, _ expected: String, _ found: String
  ) -> CheckpointError {
    CheckpointError(file.path, .malformed(object: object, expected: expected, found: found))
  }
}
