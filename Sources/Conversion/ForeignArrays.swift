internal import Foundation
internal import ModelCore
internal import Zip

/// Opens the array files of other software: `.npy`, `.npz`, IDX, each also packed by gzip, and
/// `.safetensors`, also in parts with an index.
public enum ForeignArrays {
  /// The arrays of a file, in the file's own order, opened but not yet read.
  ///
  /// What the file is follows from its first bytes; an extension that promises something else is
  /// an error. Every header is read and every length checked before this returns.
  ///
  /// - Throws: `ConversionError`.
  public static func open(_ path: String) throws -> [NamedArray] {
    let format = try Format(of: path)
    switch format {
    case .zip: return try archive(path)
    case .gzip: return [try array(of: GzipByteStream(path: path), path)]
    case .safetensors: return try SafetensorsFile.arrays(path)
    case .index: return try SafetensorsFile.arrays(ofIndex: path)
    case .npy, .idx: return [try array(of: FileByteStream(path: path), path)]
    }
  }

  /// The one array of a file, or the one of that name.
  ///
  /// - Throws: `ConversionError`; for a name that is not there the ones that are are listed.
  public static func open(_ path: String, array name: String?) throws -> NamedArray {
    let arrays = try open(path)
    let found = name.map { name in arrays.filter { $0.name == name } } ?? arrays
    guard let array = found.first, found.count == 1 else {
      let names = arrays.prefix(20).map { quoted($0.name) }.joined(separator: ", ")
      throw ConversionError(
        file: path,
        .mismatch(
          expected: name.map { "an array \(quoted($0))" } ?? "one array",
          found: arrays.isEmpty ? "none" : names + (arrays.count > 20 ? ", ..." : "")))
    }
    return array
  }

  private enum Format: String {
    case npy, zip, gzip, idx, safetensors
    case index = "safetensors index"

    init(of path: String) throws {
      let start = try FileByteStream(path: path).bytes(at: 0, count: 9)
      let format = try Self.recognised(start, path)
      let promised: Format? =
        switch (path as NSString).pathExtension.lowercased() {
        case "npy": .npy
        case "npz": .zip
        case "gz": .gzip
        case "safetensors": .safetensors
        default: nil
        }
      guard promised == nil || promised == format else {
        throw ConversionError(
          file: path,
          .mismatch(
            expected: "what its extension promises",
            found: "a file of another format (\(format.rawValue))"))
      }
      self = format
    }

    private static func recognised(_ start: [UInt8], _ path: String) throws -> Format {
      if start.starts(with: NPYHeader.magic) { return .npy }
      if start.starts(with: [0x50, 0x4B, 3, 4]) || start.starts(with: [0x50, 0x4B, 5, 6]) {
        return .zip
      }
      if start.starts(with: [0x1F, 0x8B]) { return .gzip }
      if IDXHeader.isMagic(start) { return .idx }
      if SafetensorsHeader.isMagic(start) { return .safetensors }
      if path.hasSuffix(".index.json"), start.first == UInt8(ascii: "{") { return .index }
      if start.starts(with: [0x89, 0x48, 0x44, 0x46]) {
        throw ConversionError(
          file: path,
          .unsupported(
            what: "it is an HDF5 file", advice: "a checkpoint needs no import"))
      }
      if start.count > 1, start[0] == 0x80, (2...5).contains(start[1]) {
        throw ConversionError(
          file: path,
          .unsupported(
            what: "it is a Python pickle, and reading one can run any code",
            advice: "save its arrays by numpy.savez"))
      }
      throw ConversionError(
        file: path,
        .mismatch(
          expected: "a .npy, .npz, .safetensors or IDX file",
          found: "one that starts with \(describe(start))"))
    }
  }

  private static func archive(_ path: String) throws -> [NamedArray] {
    let archive = try ZipArchive(path: path)
    var arrays: [NamedArray] = []
    for member in archive.members {
      // Packing tools also list folders.
      if member.name.hasSuffix("/") && member.size == 0 { continue }
      guard member.name.hasSuffix(".npy"), member.name.count > 4 else {
        throw ConversionError(
          file: path, part: member.name,
          .mismatch(expected: "members named 'name.npy'", found: quoted(member.name)))
      }
      let stream = ZipMemberStream(member, of: archive)
      let name = String(member.name.dropLast(4))
      arrays.append(try npy(stream, path, name: name))
      stream.rest()
    }
    return arrays
  }

  private static func array(of stream: any ByteStream, _ path: String) throws -> NamedArray {
    let start = try stream.bytes(at: 0, count: 6)
    let name = baseName(path)
    if start.starts(with: NPYHeader.magic) { return try npy(stream, path, name: name) }
    let header = try located(path, name) { try IDXHeader(reading: stream) }
    let layout = try located(path, name) {
      try ArrayLayout(
        element: .number(header.elementType), shape: header.shape, isBigEndian: true,
        dataOffset: header.dataOffset)
    }
    return try NamedArray(file: path, name: name, layout: layout, stream: stream)
  }

  private static func npy(
    _ stream: any ByteStream, _ path: String, name: String
  ) throws -> NamedArray {
    let header = try located(path, name) { try NPYHeader(reading: stream) }
    let layout = try located(path, name) {
      try ArrayLayout(
        element: header.element, shape: header.shape, isBigEndian: header.isBigEndian,
        isFortranOrder: header.isFortranOrder, dataOffset: header.dataOffset)
    }
    return try NamedArray(file: path, name: name, layout: layout, stream: stream)
  }

  /// Adds the place to an error that does not know it.
  private static func located<Result>(
    _ path: String, _ name: String, _ body: () throws -> Result
  ) throws -> Result {
    do {
      return try body()
    } catch let error as HeaderError {
      throw ConversionError(file: path, part: name, error.problem)
    } catch let error as ShapeError {
      throw ConversionError(
        file: path, part: name,
        .mismatch(expected: "an array that fits this machine", found: "\(error)"))
    }
  }

  /// The file's name without folders and without the extensions of array files.
  private static func baseName(_ path: String) -> String {
    var name = (path as NSString).lastPathComponent as NSString
    for suffix in ["gz", "npy", "idx"] where name.pathExtension.lowercased() == suffix {
      name = name.deletingPathExtension as NSString
    }
    return name as String
  }
}
