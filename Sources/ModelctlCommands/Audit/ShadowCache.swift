internal import Auditing
internal import Checkpoints
internal import Crypto
internal import Foundation
internal import ModelCore

/// Shadow models in a folder, as checkpoints of weights: `<key>-<number>.h5`.
///
/// The key is a digest of everything that training depends on: the network, the recipe, the seed, and
/// every byte of the samples that shadow models are trained on. A file counts only when it says that
/// it has this key and its weights have the digest that they had when they were written.
struct ShadowCache: ShadowStore {
  private let folder: String
  private let modelConfig: String
  private let key: String

  /// - Parameter rows: ascending rows of the source that shadow models are trained on.
  init(
    folder: String, checkpoint: Checkpoint, recipe: TrainingRecipe, seed: UInt64,
    source: any SampleSource, rows: [Int]
  ) throws {
    var isDirectory: ObjCBool = false
    if !FileManager.default.fileExists(atPath: folder, isDirectory: &isDirectory) {
      do {
        try FileManager.default.createDirectory(
          atPath: folder, withIntermediateDirectories: true)
      } catch { throw CommandError(.cannotCreate, "cannot create the folder \(folder.quoted)") }
    } else if !isDirectory.boolValue {
      throw CommandError(.cannotCreate, "cannot keep models in \(folder.quoted): it is no folder")
    }
    self.folder = folder
    modelConfig = checkpoint.modelConfig ?? ""
    var recipe = recipe
    // Every shadow model draws from a seed of its own.
    recipe.seed = 0
    var hash = SHA256()
    hash.update(data: Data("modelctl/shadow/1\n\(modelConfig)\n".utf8))
    hash.update(data: try OutputOptions.encode(recipe))
    hash.update(data: Data("\n\(seed)\n\(source.layout)\n".utf8))
    try Self.update(&hash, source, rows)
    key = hash.finalize().map { String(format: "%02x", $0) }.joined()
  }

  private static func update(
    _ hash: inout SHA256, _ source: any SampleSource, _ rows: [Int]
  ) throws {
    let size = source.layout.bytesPerSample
    var next = rows[...]
    let block = max(1, source.layout.rowsPerBlock)
    while let first = next.first {
      try Interruption.check()
      let end = min((first / block + 1) * block, source.layout.count)
      let chosen = next.prefix { $0 < end }
      next = next.dropFirst(chosen.count)
      var bytes = [UInt8](repeating: 0, count: (end - first) * size)
      try bytes.withUnsafeMutableBytes { try source.readInputs(first..<end, into: $0) }
      let targets = try source.readTargets(first..<end)
      for row in chosen {
        hash.update(data: bytes[(row - first) * size..<(row - first + 1) * size])
        switch targets {
        case .classes(let labels):
          hash.update(data: Data("\(labels[row - first])\n".utf8))
        case .distributions(let values, let width):
          let shares = values[(row - first) * width..<(row - first + 1) * width]
          hash.update(data: Data("\(shares.map(\.bitPattern))\n".utf8))
        }
      }
    }
  }

  private func path(_ index: Int) -> String {
    URL(fileURLWithPath: folder).appendingPathComponent("\(key.prefix(16))-\(index + 1).h5").path
  }

  func load(_ index: Int) throws -> Parameters? {
    let path = path(index)
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    do {
      let file = try Checkpoint(reading: path)
      guard file.provenance.last?.details?["key"]?.string == key, let digest = file.contentDigest,
        try file.computeManifest(checkInterruption: Interruption.check).contentDigest == digest
      else {
        warn("\(path.quoted) is not the shadow model that its name says; training it again")
        return nil
      }
      return try file.parameters()
    } catch let error as CheckpointError {
      warn("\(error); training the shadow model again")
      return nil
    }
  }

  func save(_ parameters: Parameters, index: Int) throws {
    var draft = CheckpointDraft(modelConfig: modelConfig, parameters: parameters)
    draft.provenance = ProvenanceEntry(
      operation: "shadow",
      details: .object([
        "key": .string(key), "summary": .string("shadow model \(index + 1) of an audit"),
      ]))
    try draft.write(to: path(index), options: .interruptible)
  }
}
