internal import Foundation
internal import HDF5
internal import ModelCore
internal import Zip

/// The weights of one model in several files, as `save_weights("NAME.weights.json", max_shard_size=)`
/// of Keras 3 writes them: a JSON text that says in which files each group of variables is, and
/// beside it those files, each a part of the tree that a `.weights.h5` is.
struct KerasShards {
  static let suffix = ".weights.json"

  /// What Keras would make of some hundred terabytes.
  private static let maximumCount = 10_000

  let path: String
  /// The files' names, in the order of the index.
  let names: [String]

  /// Whether a file's name says that it is such an index.
  static func isIndex(_ path: String) -> Bool { path.lowercased().hasSuffix(suffix) }

  /// - Throws: `FileError` or `CheckpointError` for what is no index, or points elsewhere.
  init(path: String) throws {
    self.path = path
    let map = try Self.index(path)["weight_map"]?.object
    guard let map, !map.isEmpty else {
      throw CheckpointError(
        path, .malformed(object: "weight_map", expected: "names of shards", found: "none"))
    }
    var names: [String] = []
    var seen: Set<String> = []
    for (group, value) in map.sorted(by: { $0.key < $1.key }) {
      // A single name may do without its list.
      for name in value.array ?? [value] {
        guard let name = name.string, Self.isPlain(name) else {
          throw CheckpointError(
            path,
            .malformed(
              object: group, expected: "names of files in the same folder", found: name.text))
        }
        if seen.insert(name).inserted { names.append(name) }
      }
    }
    guard names.count <= Self.maximumCount else {
      throw CheckpointError(
        path,
        .malformed(
          object: "weight_map", expected: "at most \(Self.maximumCount) shards",
          found: "\(names.count)"))
    }
    self.names = names
  }

  private static func index(_ path: String) throws -> JSONValue {
    let stream = try FileByteStream(path: path)
    let size = try stream.length(upTo: JSONValue.maximumByteCount + 1)
    let bytes = try stream.bytes(at: 0, count: min(size, JSONValue.maximumByteCount + 1))
    guard size <= JSONValue.maximumByteCount, let text = String(validating: bytes, as: UTF8.self)
    else {
      throw FileError(
        file: path,
        .mismatch(
          expected: "at most \(JSONValue.maximumByteCount) bytes of JSON", found: "something else"))
    }
    return try JSONValue(parsing: text)
  }

  /// Whether a name stays in the folder.
  private static func isPlain(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && name.utf8.count <= 255
      && name.unicodeScalars.allSatisfy { $0 != "/" && $0 != "\\" && $0.value >= 0x20 }
  }

  /// A path at which both files have something, and not both a group.
  private static func firstCommon(
    _ source: HDF5File, _ target: HDF5File, at path: String
  ) -> String? {
    for name in source.names(in: path) {
      let child = HDF5File.path(path, name)
      switch (source.node(at: child), target.node(at: child)) {
      case (_, nil): continue
      case (.group, .group):
        if let common = firstCommon(source, target, at: child) { return common }
      default: return child
      }
    }
    return nil
  }

  /// Puts the shards together, in a file that has no name any more once it is open.
  ///
  /// - Throws: `CheckpointError` or `HDF5Error` for a shard that is missing, cannot be trusted, or
  ///   has what another one has too.
  func open() throws -> HDF5File {
    // Nobody else may read what is in it, and the library asks for no permissions.
    let room = FileManager.default.temporaryDirectory
      .appendingPathComponent("modelctl.\(UUID().uuidString)")
    guard mkdir(room.path, 0o700) == 0 else {
      throw FileError(file: room.path, .system(operation: .create, code: errno))
    }
    let whole = room.appendingPathComponent("weights.h5").path
    defer {
      unlink(whole)
      rmdir(room.path)
    }
    let target = try HDF5File(creating: whole)
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
    for name in names {
      let shard = folder.appendingPathComponent(name).path
      try CheckpointError.naming(shard) {
        let source = try HDF5File(reading: shard)
        if let twice = Self.firstCommon(source, target, at: "/") {
          throw CheckpointError(
            shard,
            .malformed(
              object: twice, expected: "what no other shard holds", found: "it a second time"))
        }
        try TreeCopy(
          source: source, target: target, edits: [:], droppedAttributes: [:], checkInterruption: {}
        ).run()
      }
    }
    try target.close()
    return try HDF5File(reading: whole, shownAs: path)
  }
}
