internal import Foundation
internal import HDF5
internal import ModelCore
internal import Zip

/// A `.keras` file: a ZIP archive with the architecture as JSON and the weights as HDF5.
///
/// The weights are unpacked into a file that has no name any more once it is open, so memory does
/// not grow with them, and nothing is left behind whatever happens. (The library could also open
/// an image in memory; splits in it may be larger than that.)
final class KerasArchive {
  static let configuration = "config.json"
  static let metadata = "metadata.json"
  static let weights = "model.weights.h5"

  let path: String
  /// The text of `config.json`, as it is.
  let config: String
  let kerasVersion: String?
  private let archive: ZipArchive

  /// Whether a file starts like a ZIP archive.
  static func isArchive(_ path: String) -> Bool {
    // What cannot be read is reported by whoever opens it next.
    guard let start = try? FileByteStream(path: path).bytes(at: 0, count: 4) else { return false }
    return start == [0x50, 0x4B, 3, 4] || start == [0x50, 0x4B, 5, 6]
  }

  /// - Throws: `FileError` or `CheckpointError` when the archive cannot be trusted, or is no model.
  init(path: String) throws {
    self.path = path
    archive = try ZipArchive(path: path)
    for member in archive.members { try Self.check(member.name, path) }
    let names = Set(archive.members.map(\.name))
    guard names.contains(Self.configuration), names.contains(Self.weights) else {
      throw CheckpointError(path, .notACheckpoint(hint: Self.hint(names)))
    }
    config = try Self.text(of: Self.configuration, in: archive)
    kerasVersion =
      names.contains(Self.metadata)
      ? try JSONValue(parsing: Self.text(of: Self.metadata, in: archive))["keras_version"]?.string
      : nil
  }

  /// What an archive is that is no `.keras`, and what to do about it.
  private static func hint(_ names: Set<String>) -> String {
    if names.contains("model.weights.npz") {
      return "its weights are a .npz; save it again with Keras's default, weights_format=\"h5\""
    }
    if names.contains(where: { $0.hasSuffix("/data.pkl") }) {
      return "it is a file of PyTorch, with a pickle that can run code when it is read; save its "
        + "tensors as .safetensors"
    }
    if names.contains(where: { $0.hasSuffix("/\(configuration)") }) {
      return "it has the parts of a .keras in a folder; pack what is in that folder, and not the "
        + "folder"
    }
    return "it is a ZIP archive without \(configuration) and \(weights), so no .keras"
  }

  /// Names that a tool which unpacks the archive would follow out of its folder.
  private static func check(_ name: String, _ path: String) throws {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    let isFolder = name.hasSuffix("/")
    let isSafe =
      (isFolder ? parts.dropLast() : parts[...]).allSatisfy {
        !$0.isEmpty && $0 != "." && $0 != ".."
      } && !parts.isEmpty && name.utf8.count <= 1024
      && name.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0 != "\\" && $0.value != 0x7F }
    guard isSafe else {
      throw FileError(
        file: path, part: name,
        .mismatch(expected: "names that stay inside the archive", found: "one that leads elsewhere")
      )
    }
  }

  private static func text(of name: String, in archive: ZipArchive) throws -> String {
    guard let member = archive.members.first(where: { $0.name == name }) else {
      throw FileError(file: archive.file, part: name, .missing)
    }
    guard member.size <= JSONValue.maximumByteCount else {
      throw FileError(
        file: archive.file, part: name,
        .mismatch(
          expected: "at most \(JSONValue.maximumByteCount) bytes of JSON", found: "\(member.size)"))
    }
    let bytes = try ZipMemberStream(member, of: archive).bytes(at: 0, count: member.size)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw FileError(
        file: archive.file, part: name, .mismatch(expected: "UTF-8 text", found: "other bytes"))
    }
    return text
  }

  /// Unpacks the weights and opens them through the same gate as any other HDF5 file.
  func openWeights() throws -> HDF5File {
    guard let member = archive.members.first(where: { $0.name == Self.weights }) else {
      throw FileError(file: path, part: Self.weights, .missing)
    }
    let unpacked = try FileByteStream.unpacking(
      ZipMemberStream(member, of: archive), length: member.size, file: path)
    defer { unlink(unpacked) }
    return try HDF5File(reading: unpacked, shownAs: "\(path):\(Self.weights)")
  }

  /// The members of a copy of the archive with other weights, which are in a file.
  func contents(
    replacingWeightsBy file: String, checkInterruption: @escaping () throws -> Void
  ) throws -> [ZipContent] {
    try archive.members.map { member in
      guard member.name == Self.weights else {
        return ZipContent(
          name: member.name, byteCount: member.size, copying: ZipMemberStream(member, of: archive),
          checkInterruption: checkInterruption)
      }
      return try Self.content(Self.weights, of: file, checkInterruption)
    }
  }

  /// A member that is a copy of a file.
  static func content(
    _ name: String, of file: String, _ checkInterruption: @escaping () throws -> Void
  ) throws -> ZipContent {
    let stream = try FileByteStream(path: file)
    return ZipContent(
      name: name, byteCount: stream.length(upTo: .max), copying: stream,
      checkInterruption: checkInterruption)
  }

  /// What layers keep in files of their own, such as a vocabulary.
  var assets: [String] {
    archive.members.map(\.name).filter { $0.hasPrefix("assets/") && !$0.hasSuffix("/") }
  }

  /// The digest of a member's bytes.
  func digest(of name: String, _ checkInterruption: () throws -> Void) throws -> String {
    guard let member = archive.members.first(where: { $0.name == name }) else {
      throw FileError(file: path, part: name, .missing)
    }
    let stream = ZipMemberStream(member, of: archive)
    var digest = ArrayDigest(type: "uint8", shape: [member.size])
    for start in stride(from: 0, to: member.size, by: 1 << 20) {
      try checkInterruption()
      let bytes = try stream.bytes(at: start, count: min(1 << 20, member.size - start))
      bytes.withUnsafeBytes { digest.update($0) }
    }
    return digest.hexadecimal
  }
}
