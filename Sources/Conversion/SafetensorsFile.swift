internal import Foundation
internal import ModelCore
internal import Zip

/// Opens safetensors files, whole ones and those in several parts with an index.
enum SafetensorsFile {
  /// The tensors of one file, in the order of their data.
  static func arrays(_ path: String) throws -> [NamedArray] {
    let stream = try FileByteStream(path: path)
    let header: SafetensorsHeader
    do { header = try SafetensorsHeader(reading: stream) } catch let error as HeaderError {
      throw ConversionError(file: path, error.problem)
    } catch let error as ShapeError {
      throw ConversionError(
        file: path, .mismatch(expected: "tensors that fit this machine", found: "\(error)"))
    }
    return try header.entries.map { entry in
      let layout = try ArrayLayout(
        element: .number(entry.type), shape: entry.shape, isBigEndian: false, dataOffset: 0)
      return try NamedArray(
        file: path, name: entry.name, layout: layout,
        stream: ByteRange(stream, start: entry.offset, count: entry.byteCount))
    }
  }

  /// The tensors of all files that an index names: `model.safetensors.index.json`.
  static func arrays(ofIndex path: String) throws -> [NamedArray] {
    let stream = try FileByteStream(path: path)
    let text = try stream.bytes(
      at: 0, count: min(stream.length(upTo: .max - 1), JSONValue.maximumByteCount + 1))
    let json: JSONValue
    do { json = try JSONValue(parsing: text) } catch let error as JSONError {
      throw ConversionError(file: path, .mismatch(expected: "JSON", found: "\(error)"))
    }
    guard let map = json["weight_map"]?.object else {
      throw ConversionError(
        file: path,
        .mismatch(expected: "an index of tensors (weight_map)", found: "JSON without one"))
    }
    var wanted: [String: Set<String>] = [:]
    for (tensor, file) in map {
      guard let file = file.string, isPlain(file) else {
        throw ConversionError(
          file: path, part: tensor,
          .mismatch(expected: "the name of a file beside the index", found: "something else"))
      }
      wanted[file, default: []].insert(tensor)
    }
    let folder = (path as NSString).deletingLastPathComponent as NSString
    return try wanted.keys.sorted().flatMap { file in
      let arrays = try arrays(folder.appendingPathComponent(file))
      let found = Set(arrays.map(\.name))
      guard let odd = found.symmetricDifference(wanted[file] ?? []).min() else { return arrays }
      throw ConversionError(
        file: path, part: odd,
        .mismatch(
          expected: "the index and \(quoted(file)) to name the same tensors",
          found: found.contains(odd) ? "one that only the file has" : "one that only the index has")
      )
    }
  }

  private static func isPlain(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && !name.contains("/") && !name.contains("\\")
      && !name.contains("\0")
  }
}

/// Some of the bytes of a stream.
final class ByteRange: ByteStream {
  private let stream: any ByteStream
  private let start: Int
  private let count: Int

  init(_ stream: any ByteStream, start: Int, count: Int) {
    self.stream = stream
    self.start = start
    self.count = count
  }

  var isRandomAccess: Bool { stream.isRandomAccess }

  func length(upTo limit: Int) -> Int { count }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let rest = max(0, min(buffer.count, count - offset))
    return try stream.read(
      at: start + offset, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<rest]))
  }
}
