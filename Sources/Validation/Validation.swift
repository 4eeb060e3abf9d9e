public import Checkpoints
public import HDF5
internal import ModelCore

/// Holds a file to its layout and to the rules that no layout can say.
///
/// The layouts are data, the files of `Schemas/layout`; which of them apply, the file itself
/// tells. Everything is read once, a block at a time.
public struct Validation {
  /// What was asked.
  public struct Request {
    /// The ids of records that must have left no trace; nil to look for none.
    public var erased: [String]?
    /// The file from before the records were removed.
    public var original: String?
    /// Called between blocks; what it throws ends the work.
    public var checkInterruption: () throws -> Void
    /// Told how many bytes are going to be read, before they are.
    public var willRead: (Int) throws -> Void = { _ in }

    public init(
      erased: [String]? = nil, original: String? = nil,
      checkInterruption: @escaping () throws -> Void = {}
    ) {
      self.erased = erased
      self.original = original
      self.checkInterruption = checkInterruption
    }
  }

  /// What was found.
  public struct Result: Sendable {
    public let path: String
    /// The layouts that applied, such as `modelctl-checkpoint 1.0`.
    public let layouts: [String]
    public let findings: Findings
    public let storage: StorageMap
    /// Why some rules could not be checked, if any could not.
    public let unchecked: String?
    /// What was searched for erased records, when that was asked.
    public let erasure: ErasureSearch.Summary?
  }

  private let path: String
  private let request: Request
  private let file: HDF5File
  private var findings = Findings()
  private var unchecked: String?

  /// - Throws: `CheckpointError` when the file cannot be read safely, or is of no known kind or of
  ///   a newer version, and whatever `request.checkInterruption` throws.
  public static func run(_ path: String, _ request: Request = Request()) throws -> Result {
    try CheckpointError.naming(path) {
      var validation = try Validation(path, request)
      return try validation.run()
    }
  }

  private init(_ path: String, _ request: Request) throws {
    self.path = path
    self.request = request
    file = try Checkpoint.container(of: path)
  }

  private mutating func run() throws -> Result {
    let layouts = try Layout.all().filter { try LayoutCheck.applies($0, to: file) }
    guard !layouts.isEmpty else { throw CheckpointError(path, .notACheckpoint(hint: nil)) }
    try announce()
    try checkLayouts(layouts)
    try checkIdentifierKinds()
    let checkpoint = try open()
    var exactDatasets: Set<String> = []
    if let checkpoint {
      var rules = CheckpointRules(
        checkpoint: checkpoint, checkInterruption: request.checkInterruption, findings: findings)
      try rules.run()
      (findings, exactDatasets) = (rules.findings, rules.exactDatasets)
    }
    let map = try file.storageMap(request.checkInterruption)
    let isOurs = file.node(at: "/modelctl") != nil
    try StorageRules(
      file: file, map: map, isOurs: isOurs, mustBeClean: request.erased != nil,
      exactDatasets: exactDatasets, checkInterruption: request.checkInterruption
    ).run(&findings)
    var summary: ErasureSearch.Summary?
    if let erased = request.erased {
      let search = ErasureSearch(
        file: file, checkpoint: checkpoint, map: map, identifiers: erased,
        original: request.original, checkInterruption: request.checkInterruption)
      summary = try search.run(&findings)
    }
    for (isAround, what) in [
      (CheckpointFlavour.isArchive(path), "the bytes of the archive around the weights"),
      (CheckpointFlavour.isSharded(path), "the bytes of the shards around the weights"),
    ] where isAround {
      unchecked = unchecked.map { "\($0); \(what)" } ?? what
    }
    return Result(
      path: path, layouts: layouts.map(\.name), findings: findings, storage: map,
      unchecked: unchecked, erasure: summary)
  }

  /// Digests, targets and ids, the map, the chunks, the search and the comparison each read their
  /// part.
  private func announce() throws {
    let sizes = try [path, request.original].compactMap { $0 }.map { path in
      let file = path == self.path ? file : try Checkpoint.container(of: path)
      return file.declaredByteCount
    }
    let total = sizes.reduce(0) { $0.addingReportingOverflow($1).partialValue }
    let (bytes, overflow) = total.multipliedReportingOverflow(by: 9)
    try request.willRead(overflow || bytes < 0 ? .max : bytes)
  }

  // MARK: Layouts

  private mutating func checkLayouts(_ layouts: [Layout]) throws {
    var claimed: Set<String> = ["/"]
    for layout in layouts {
      claimed.formUnion(layout.conditions.filter { $0.attribute == nil }.map(\.object))
      var check = LayoutCheck(layout, file, claimed: claimed, findings: findings)
      try check.run(request.checkInterruption)
      (claimed, findings) = (check.claimed, check.findings)
    }
    try reportUnknown(claimed)
  }

  /// What no layout knows is kept and copied by all programs; a user may still want to know.
  private mutating func reportUnknown(_ claimed: Set<String>) throws {
    var unknownGroups: Set<String> = []
    for path in file.paths.sorted() {
      try request.checkInterruption()
      let parent = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
      guard claimed.contains(path) else {
        if unknownGroups.contains(parent) {
          unknownGroups.insert(path)
          continue
        }
        unknownGroups.insert(path)
        findings.add(.unknown, at: path, expected: "something known", found: "an unknown object")
        continue
      }
      for name in try file.object(at: path).attributeNames() {
        let place = "\(path)@\(name)"
        guard !claimed.contains(place) else { continue }
        findings.add(
          .unknown, at: place, expected: "something known", found: "an unknown attribute")
      }
    }
  }

  // MARK: Checkpoint

  private mutating func checkIdentifierKinds() throws {
    var first: (path: String, isText: Bool)?
    for name in file.names(in: "/modelctl/splits") {
      let path = "/modelctl/splits/\(name)/id"
      guard case .dataset = file.node(at: path) else { continue }
      let isText = try file.dataset(at: path).holdsStrings
      if let first, first.isText != isText {
        findings.add(
          .oneKindOfIdentifier, at: path,
          expected: first.isText ? "strings, as in \(first.path)" : "integers, as in \(first.path)",
          found: isText ? "strings" : "integers")
      }
      first = first ?? (path, isText)
    }
  }

  /// The file as the commands see it, or nil when they cannot.
  private mutating func open() throws -> Checkpoint? {
    do { return try Checkpoint(reading: path) } catch let error as CheckpointError {
      switch error.problem {
      case .newerVersion: throw error
      case .file where !findings.hasErrors: throw error
      case .notACheckpoint where request.erased == nil:
        unchecked = "the rules about weights and samples: \(error)"
      default:
        // The layout has said it already, and better.
        if !findings.hasErrors {
          findings.add(.opens, at: "/", expected: "a checkpoint", found: error.description)
        }
        unchecked = "the rules about weights, samples and digests: \(error)"
      }
      return nil
    }
  }
}
