import Conversion
import Foundation
import ModelCore
import TestSupport
import Testing
import Zip

@Suite struct SafetensorsTests {
  private let folder: TemporaryDirectory
  private let path: String

  init() throws {
    folder = try TemporaryDirectory()
    path = folder.path("a.safetensors")
  }

  /// A file with this header and so many bytes of data.
  private func write(_ header: String, data: Int, to path: String? = nil) throws {
    let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
    try (length + Data(header.utf8) + Data(count: data))
      .write(to: URL(fileURLWithPath: path ?? self.path))
  }

  private func message(_ header: String, data: Int) throws -> String {
    try write(header, data: data)
    let error = #expect(throws: FileError.self) { try ForeignArrays.open(path) }
    #expect(error?.kind == .badInput)
    return error?.description ?? ""
  }

  /// Written by the format's own library.
  @Test func realFilesAreRead() throws {
    let fixture = "networks/mlp/values.safetensors"
    let arrays = try ForeignArrays.open(Fixtures.path(fixture))
    let expected = try ReferenceArrays(fixture)
    #expect(arrays.map(\.name).sorted() == expected.names)
    for array in arrays { #expect(try array.tensor() == expected.tensor(array.name)) }
  }

  @Test(arguments: ElementType.allCases)
  func everyTypeComesBack(_ type: ElementType) throws {
    let shape = try Shape([2, 3])
    let bytes = (0..<6 * type.byteCount).map { UInt8($0 % 2) }
    var export = ArrayExport()
    try export.add(Tensor(elementType: type, shape: shape, bytes: bytes), named: "b/x")
    try export.add(Tensor(floats: [7], shape: .scalar), named: "a")
    try export.add(Tensor(floats: [], shape: Shape([0, 4])), named: "c")
    try export.write(to: path, as: .safetensors)
    let arrays = try ForeignArrays.open(path)
    #expect(Set(arrays.map(\.name)) == ["a", "b/x", "c"])
    let array = try #require(arrays.first { $0.name == "b/x" })
    #expect(array.element == .number(type) && array.shape == shape)
    #expect(try array.tensor().bytes == bytes)
    #expect(try arrays.first { $0.name == "a" }?.tensor().floats == [7])
    let start = try Data(contentsOf: URL(fileURLWithPath: path)).prefix(8)
    #expect(start.first.map { $0 % 8 } == 0)
  }

  @Test func equalArraysMakeEqualBytes() throws {
    for name in ["a", "b"] {
      var export = ArrayExport()
      for key in name == "a" ? ["x", "y"] : ["y", "x"] {
        try export.add(Tensor(floats: [1, 2], shape: Shape([2])), named: key)
      }
      try export.write(to: folder.path(name), as: .safetensors)
    }
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: folder.path("a")))
        == Data(contentsOf: URL(fileURLWithPath: folder.path("b"))))
  }

  @Test func textHasNoPlace() throws {
    var export = ArrayExport()
    try export.add(["a", "b"], named: "id")
    let error = #expect(throws: FileError.self) { try export.write(to: path, as: .safetensors) }
    #expect(error?.description.contains("--weights-only") == true)
    #expect(try folder.contents.isEmpty)
  }

  @Test(arguments: [
    // A hole, an overlap, bytes after the last tensor, and too few of them.
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8, "at byte 0"),
    (
      #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}"#,
      6, "at byte 4"
    ),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 5, "as the header says"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 3, "as the header says"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4, "8 bytes"),
    (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4, "negative"),
    (
      #"{"a":{"dtype":"F32","shape":[4611686018427387904,8],"data_offsets":[0,4]}}"#, 4,
      "too large"
    ),
    (#"{"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}"#, 4, "F8_E4M3"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, 4, "whole numbers"),
    (#"{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}"#, 4, "whole numbers"),
    (#"{"a":{"dtype":"F32","shape":[1]}}"#, 4, "data_offsets"),
    (
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#,
      1, "occurs twice"
    ),
    (#"{"__metadata__":{"a":1}}"#, 0, "__metadata__"), (#"{"a":"#, 0, "JSON"),
  ])
  func whatIsWrongIsNamed(_ header: String, _ data: Int, _ words: String) throws {
    let message = try message(header, data: data)
    #expect(message.contains(words), "\(message)")
  }

  @Test func aHeaderThatIsLongerThanTheFile() throws {
    let length = withUnsafeBytes(of: UInt64(90_000_000).littleEndian) { Data($0) }
    try (length + Data("{}".utf8)).write(to: URL(fileURLWithPath: path))
    let error = #expect(throws: FileError.self) { try ForeignArrays.open(path) }
    #expect(error?.description.contains("90000000") == true)
  }

  @Test func partsWithAnIndex() throws {
    let entry = #"{"dtype":"U8","shape":[2],"data_offsets":[0,2]}"#
    try write("{\"a\":\(entry)}", data: 2, to: folder.path("1.safetensors"))
    try write("{\"b\":\(entry)}", data: 2, to: folder.path("2.safetensors"))
    let index = folder.path("model.safetensors.index.json")
    func open(_ map: String) throws -> [NamedArray] {
      try Data("{\"metadata\": {}, \"weight_map\": {\(map)}}".utf8)
        .write(to: URL(fileURLWithPath: index))
      return try ForeignArrays.open(index)
    }
    let arrays = try open(#""a": "1.safetensors", "b": "2.safetensors""#)
    #expect(arrays.map(\.name) == ["a", "b"])
    for map in [
      #""a": "1.safetensors", "c": "2.safetensors""#, #""a": "../1.safetensors""#,
      #""a": "/etc/passwd""#, #""a": 1"#, #""a": "2.safetensors""#,
    ] {
      let error = #expect(throws: FileError.self) { try open(map) }
      #expect(error?.kind == .badInput)
    }
  }
}

@Suite struct CIFARTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  /// Records whose every plane counts up from its own number.
  private func write(_ name: String, labels: [[UInt8]]) throws -> String {
    var bytes: [UInt8] = []
    for (index, labels) in labels.enumerated() {
      bytes += labels
      for plane in 0..<3 {
        bytes += (0..<1024).map { UInt8(truncatingIfNeeded: $0 + 50 * plane + index) }
      }
    }
    let path = folder.path(name)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return path
  }

  @Test func batchesFollowOneAnotherAndChannelsComeLast() throws {
    let paths = [
      try write("data_batch_1.bin", labels: [[3], [9]]),
      try write("data_batch_2.bin", labels: [[0]]),
    ]
    let (x, y) = try CIFARBatch.open(paths)
    #expect(x.shape.dimensions == [3, 32, 32, 3] && y.shape.dimensions == [3])
    #expect(try y.tensor().integers == [3, 9, 0])
    let bytes = try x.tensor().bytes
    for (sample, index) in [(0, 0), (1, 1), (2, 0)] {
      for (pixel, channel) in [(0, 0), (0, 1), (33, 2), (1023, 2)] {
        #expect(
          bytes[(sample * 1024 + pixel) * 3 + channel]
            == UInt8(truncatingIfNeeded: pixel + 50 * channel + index))
      }
    }
    var row = [UInt8](repeating: 0, count: x.bytesPerRow)
    try row.withUnsafeMutableBytes { try x.readRows(1..<2, into: $0) }
    #expect(row == Array(bytes[3072..<6144]))
    #expect(try ArraySource(inputs: x, labels: y).layout.classCount == 10)
  }

  @Test func theFineLabelCounts() throws {
    let (_, y) = try CIFARBatch.open([try write("train.bin", labels: [[1, 77], [2, 5]])])
    #expect(try y.tensor().integers == [77, 5])
  }

  @Test func otherSizesAreRefused() throws {
    let path = folder.path("test_batch.bin")
    for size in [0, 100, 3073 * 3074] {
      try Data(count: size).write(to: URL(fileURLWithPath: path))
      let error = #expect(throws: FileError.self) { try CIFARBatch.open([path]) }
      #expect(error?.kind == .badInput)
    }
    let other = try write("train.bin", labels: [[1, 77]])
    let batch = try write("data_batch_1.bin", labels: [[1]])
    #expect(throws: FileError.self) { try CIFARBatch.open([batch, other]) }
  }
}
