internal import ModelCore
internal import Zip

/// The binary files of CIFAR-10 and CIFAR-100: records of labels and a planar image, no header.
///
/// A record of CIFAR-10 is a label and 3072 pixels, one of CIFAR-100 a coarse label, a fine one
/// and the pixels: all reds, then all greens, then all blues, 32 rows of 32 each.
///
/// - SeeAlso: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", and the
///   data set's page.
public enum CIFARBatch {
  static let side = 32
  static let channels = 3
  static let pixels = side * side * channels

  /// Opens some files one after the other as one set of samples.
  ///
  /// - Returns: `x`, uint8 `[N, 32, 32, 3]`, and `y`, uint8 `[N]`: the only label, or the fine one.
  /// - Throws: `ConversionError` for a file that does not hold whole records of one kind.
  public static func open(_ paths: [String]) throws -> (x: NamedArray, y: NamedArray) {
    var files: [RecordStream.File] = []
    var width = 0
    for path in paths {
      let stream = try FileByteStream(path: path)
      let size = stream.length(upTo: .max)
      let own = try recordWidth(size, path)
      guard width == 0 || width == own else {
        throw ConversionError(
          file: path,
          .mismatch(expected: "records of \(width) bytes, as before", found: "\(own)"))
      }
      width = own
      files.append(.init(stream: stream, path: path, count: size / own))
    }
    let count = files.reduce(0) { $0 + $1.count }
    let labels = width - pixels
    let name = paths.first ?? ""
    return (
      try array(
        "x", name, [count, side, side, channels],
        RecordStream(files, width: width, field: labels..<width, isPlanar: true)),
      try array(
        "y", name, [count],
        RecordStream(files, width: width, field: labels - 1..<labels, isPlanar: false))
    )
  }

  /// Whether a file's name is one of those that the data sets come with.
  public static func isName(_ name: String) -> Bool {
    name.hasSuffix(".bin")
      && (name.hasPrefix("data_batch")
        || ["test_batch.bin", "train.bin", "test.bin"].contains(name))
  }

  private static func recordWidth(_ size: Int, _ path: String) throws -> Int {
    let fits = [pixels + 1, pixels + 2].filter { size > 0 && size % $0 == 0 }
    guard let width = fits.first, fits.count == 1 else {
      throw ConversionError(
        file: path,
        .mismatch(
          expected: "records of 3073 bytes (CIFAR-10) or 3074 (CIFAR-100)",
          found: fits.isEmpty ? "\(size) bytes" : "\(size) bytes, which could be either"))
    }
    return width
  }

  private static func array(
    _ name: String, _ file: String, _ shape: [Int], _ stream: RecordStream
  ) throws -> NamedArray {
    let layout = try ArrayLayout(
      element: .number(.uint8), shape: Shape(shape), isBigEndian: false, dataOffset: 0)
    return try NamedArray(file: file, name: name, layout: layout, stream: stream)
  }
}

/// One field of every record of some files, one after the other.
private final class RecordStream: ByteStream {
  struct File {
    let stream: FileByteStream
    let path: String
    let count: Int
  }

  private let files: [File]
  private let width: Int
  private let field: Range<Int>
  /// Whether the field holds one plane after the other, which come out interleaved.
  private let isPlanar: Bool

  let isRandomAccess = true

  init(_ files: [File], width: Int, field: Range<Int>, isPlanar: Bool) {
    self.files = files
    self.width = width
    self.field = field
    self.isPlanar = isPlanar
  }

  func length(upTo limit: Int) -> Int {
    files.reduce(0) { $0 + $1.count } * field.count
  }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    var done = 0
    while done < buffer.count {
      let position = offset + done
      guard let bytes = try record(position / field.count) else { break }
      let part = bytes[(position % field.count)...].prefix(buffer.count - done)
      UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + part.count])
        .copyBytes(from: part)
      done += part.count
    }
    return done
  }

  private func record(_ index: Int) throws -> [UInt8]? {
    var index = index
    for file in files {
      if index < file.count {
        let bytes = try file.stream.bytes(
          at: index * width + field.lowerBound, count: field.count)
        guard bytes.count == field.count else {
          throw ConversionError(
            file: file.path,
            .length(expected: file.count * width, found: .exactly(index * width + bytes.count)))
        }
        return isPlanar ? Self.interleaved(bytes) : bytes
      }
      index -= file.count
    }
    return nil
  }

  private static func interleaved(_ planes: [UInt8]) -> [UInt8] {
    let plane = planes.count / CIFARBatch.channels
    return [UInt8](unsafeUninitializedCapacity: planes.count) { result, count in
      for pixel in 0..<plane {
        for channel in 0..<CIFARBatch.channels {
          result[pixel * CIFARBatch.channels + channel] = planes[channel * plane + pixel]
        }
      }
      count = planes.count
    }
  }
}
