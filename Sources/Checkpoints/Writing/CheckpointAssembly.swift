internal import Foundation
internal import HDF5
internal import ModelCore
internal import Zip

/// The frame around every new checkpoint: written beside its target, read back, and renamed.
struct CheckpointAssembly {
  let path: String
  let options: WriteOptions
  /// The members of the archive around the file, for a `.keras`.
  var wrapping: Wrapping?

  /// Gets the path of the finished HDF5 file.
  typealias Wrapping = (String) throws -> [ZipContent]

  /// The file that the new one is made from, if any.
  var original: HDF5File?

  /// What goes into the file besides the data.
  struct Outcome {
    var entries: [Manifest.Entry] = []
    /// The manifest of the file that this one was made from.
    var source: Manifest?
    var recipe: TrainingRecipe?
    var records: [ProvenanceRecord] = []
    var entry: ProvenanceEntry?
    /// The version of an older file's layout, which what was copied still has.
    var version = FormatVersion.current
    /// What was copied from that file, by its path in the new one.
    var written: [String: WrittenColumn] = [:]
  }

  /// Writes the file beside its place, reads it back, and waits.
  ///
  /// - Parameter fill: writes the data into the new file.
  func prepare(_ fill: (HDF5File) throws -> Outcome) throws -> PendingCheckpoint {
    let output = try CheckpointError.naming(path) {
      try AtomicFile(for: path, replacesExisting: options.replacesExisting)
    }
    let (manifest, outcome, record) = try CheckpointError.naming(path) {
      let file = try HDF5File(creating: wrapping == nil ? output.temporary : output.part)
      do {
        let outcome = try fill(file)
        let manifest = Manifest(outcome.entries)
        let record = try finish(file, outcome, manifest)
        try file.close()
        return (manifest, outcome, record)
      } catch {
        // It is removed anyway; the first error is the one that tells.
        try? file.close()
        throw error
      }
    }
    if let wrapping {
      try CheckpointError.naming(path) { try wrap(output, wrapping) }
    }
    try syncing(output) { try verify(output.temporary, manifest, record, outcome.written) }
    let inPlaceOf = original.flatMap { output.isTarget($0.path) ? $0 : nil }
    let receipt = WriteReceipt(
      contentDigest: manifest.contentDigest, sourceDigest: outcome.source?.contentDigest,
      record: record,
      byteCount: try Self.size(of: output.temporary, for: path))
    return PendingCheckpoint(receipt, path, output, options, inPlaceOf: inPlaceOf)
  }

  func write(_ fill: (HDF5File) throws -> Outcome) throws -> WriteReceipt {
    let pending = try prepare(fill)
    try pending.commit()
    return pending.receipt
  }

  /// Makes the file durable, and does something with it meanwhile.
  private func syncing(_ output: AtomicFile, _ body: () throws -> Void) throws {
    let sync = SyncResult()
    var result: Result<Void, any Error> = .success(())
    Crew(helpers: 1).perform(1) {
      result = Result { try body() }
    } work: { _ in
      sync.value = Result { try output.finishWriting() }
    }
    // A failing disk explains whatever was read back from it.
    try CheckpointError.naming(path) { try sync.value.get() }
    try result.get()
  }

  private func wrap(_ output: AtomicFile, _ wrapping: Wrapping) throws {
    // The library takes an existing file, and its umask, for what it is to write.
    let descriptor = try output.create()
    defer { close(descriptor) }
    try ZipWriter.write(try wrapping(output.part), to: output.temporary, for: path)
    output.discardPart()
  }

  /// Adds what the format keeps under `/modelctl`.
  private func finish(
    _ file: HDF5File, _ outcome: Outcome, _ manifest: Manifest
  ) throws -> ProvenanceRecord? {
    let group =
      file.node(at: FormatPaths.root) == nil
      ? try file.root.createGroup("modelctl") : try file.group(at: FormatPaths.root)
    try group.setAttribute("encoding-type", to: ModelctlGroup.encodingType)
    try group.setAttribute("encoding-version", to: outcome.version.description)
    try group.setAttribute("producer", to: options.producer)
    try group.setAttribute("content-digest", to: manifest.contentDigest)
    if let recipe = outcome.recipe { try Self.add("training", [recipe.json.text], to: group) }
    try Self.add("manifest", [manifest.json.text], to: group)
    let record = outcome.entry.map { entry in
      ProvenanceRecord(
        entry, producer: options.producer, after: outcome.records,
        contentBefore: outcome.source?.contentDigest, contentAfter: manifest.contentDigest)
    }
    let records = outcome.records.map(\.text) + (record.map { [$0.text] } ?? [])
    if !records.isEmpty { try Self.add("provenance", records, to: group, isList: true) }
    return record
  }

  private static func add(
    _ name: String, _ texts: [String], to group: HDF5Group, isList: Bool = false
  ) throws {
    let dataset = try group.createDataset(
      name, type: .variableString, shape: isList ? [texts.count] : [])
    try dataset.write(strings: texts)
  }

  /// Reads everything back, as a stranger would; only what was copied as it was stored is not
  /// unpacked again but compared with where it came from.
  private func verify(
    _ temporary: String, _ manifest: Manifest, _ record: ProvenanceRecord?,
    _ columns: [String: WrittenColumn]
  ) throws {
    let file = try Checkpoint(reading: temporary)
    let found = try file.survey(checkInterruption: options.checkInterruption) { dataset in
      guard let column = columns[dataset.path], column.isMostlyCopied else { return nil }
      guard try column.isFound(in: dataset, options.checkInterruption) else {
        throw CheckpointError(path, .verification(object: dataset.path))
      }
      return manifest[String(dataset.path.drop { $0 == "/" })]
    }
    if let object = found.manifest.differences(from: manifest).first {
      throw CheckpointError(path, .verification(object: object))
    }
    guard file.manifest == manifest, file.contentDigest == manifest.contentDigest,
      record == nil || file.provenance.last == record
    else { throw CheckpointError(path, .verification(object: FormatPaths.root)) }
  }

  private static func size(of temporary: String, for path: String) throws -> Int {
    var status = stat()
    guard stat(temporary, &status) == 0 else {
      throw CheckpointError(path, .io(reason: String(cString: strerror(errno))))
    }
    return Int(status.st_size)
  }
}

/// What came of writing a file out; one thread sets it, and another reads it when that is done.
private final class SyncResult {
  var value: Result<Void, any Error> = .success(())
}
