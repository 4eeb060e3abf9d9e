import Conversion
import Foundation
import ModelCore
import TestSupport
import Testing

/// Runs the system's `python3`, where it has NumPy.
enum Python {
  static let hasNumPy: Bool = {
    do {
      return try run("import numpy").code == 0
    } catch {
      return false
    }
  }()

  static func run(_ script: String, _ arguments: [String] = []) throws -> (
    code: Int32, output: String
  ) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", script] + arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: data, as: UTF8.self))
  }
}

@Suite(
  .enabled(if: Python.hasNumPy, "python3 with NumPy is not installed: what we write goes unread"))
struct NumPyTests {
  @Test func numPyReadsOurArchive() throws {
    let folder = try TemporaryDirectory()
    try ArrayExportTests.sample().write(to: folder.path("a.npz"))
    let script = """
      import sys, zipfile, numpy as np
      assert zipfile.ZipFile(sys.argv[1]).testzip() is None
      a = np.load(sys.argv[1])
      np.testing.assert_array_equal(a['dense/kernel'], np.arange(1, 7, dtype='<f4').reshape(2, 3))
      assert a['größe/bias'].dtype == np.float16 and a['größe/bias'].tolist() == [.5, -.5, 1]
      x = a['splits/train/x']
      assert x.dtype == np.uint8 and x.shape == (10, 2, 2, 1)
      assert x.ravel().tolist() == [n * 7 + i for n in range(10) for i in range(4)]
      y = a['splits/train/y']
      assert y.dtype == np.int32 and y.tolist() == [n % 3 for n in range(10)]
      assert a['splits/train/id'].tolist() == ['img-%d%s' % (n, '猫' * (n == 3)) for n in range(10)]
      assert a['splits/soft/y'].shape == (4, 3) and a['splits/soft/y'][1].tolist() == [.25, .5, .25]
      assert a['splits/soft/x'].dtype == np.int16
      assert a['splits/soft/id'].tolist() == [5, -1, 2**63 - 1, -2**63]
      assert a['splits/none/x'].shape == (0, 5) and a['splits/none/y'].shape == (0,)
      assert a['scale'].shape == () and a['scale'] == 2
      """
    let (code, output) = try Python.run(script, [folder.path("a.npz")])
    #expect(code == 0, "\(output)")
  }

  @Test(arguments: ElementType.allCases)
  func numPyReadsEveryType(_ type: ElementType) throws {
    let folder = try TemporaryDirectory()
    let bytes = (0..<12 * type.byteCount).map { UInt8(truncatingIfNeeded: $0 * 29 + 3) }
    let values = type == .bool ? bytes.map { $0 & 1 } : bytes
    let tensor = try Tensor(elementType: type, shape: Shape([3, 4]), bytes: values)
    try NPYWriter.write(tensor, to: folder.path("a.npy"))
    let (code, output) = try Python.run(
      """
      import sys, numpy as np
      a = np.load(sys.argv[1])
      print(a.dtype.name, a.shape, a.tobytes().hex())
      """, [folder.path("a.npy")])
    #expect(code == 0)
    let stored = type == .bfloat16 ? ElementType.float32 : type
    let expected =
      type == .bfloat16
      ? (0..<12).flatMap { [0, 0, values[2 * $0], values[2 * $0 + 1]] } : values
    #expect(output == "\(stored.rawValue) (3, 4) \(hexadecimal(expected))\n")
  }

  @Test func numPyWritesTheArrayWeWrite() throws {
    let folder = try TemporaryDirectory()
    for shape in [[], [7], [123_456], [2, 3], [1, 1, 1, 1, 24], [0, 9]] {
      let shape = try Shape(shape)
      let values = (0..<shape.elementCount).map { Float($0) }
      try NPYWriter.write(
        Tensor(floats: values, shape: shape, as: .float64), to: folder.path("a.npy"))
      let (code, output) = try Python.run(
        """
        import sys, numpy as np
        n, shape = int(sys.argv[2]), [int(s) for s in sys.argv[3:]]
        np.save(sys.argv[1], np.arange(n, dtype='<f8').reshape(shape))
        """, [folder.path("b.npy"), "\(shape.elementCount)"] + shape.dimensions.map(String.init))
      #expect(code == 0, "\(output)")
      #expect(try folder.bytes("a.npy") == folder.bytes("b.npy"), "\(shape)")
    }
  }

  @Test func largeArraysOfNumPyAreReadBitForBit() throws {
    let folder = try TemporaryDirectory()
    let (code, output) = try Python.run(
      """
      import sys, numpy as np
      r = np.random.default_rng(1)
      a = r.standard_normal((311, 17, 23)).astype('<f4')
      np.save(sys.argv[1] + '/f.npy', np.asfortranarray(a))
      np.savez_compressed(sys.argv[1] + '/a.npz', a=a, f=np.asfortranarray(a), b=a.astype('>f4'))
      open(sys.argv[1] + '/a.bin', 'wb').write(a.tobytes())
      """, [folder.url.path])
    #expect(code == 0, "\(output)")
    let expected = try folder.bytes("a.bin")
    for array in try ForeignArrays.open(folder.path("a.npz"))
      + ForeignArrays.open(folder.path("f.npy"))
    {
      #expect(try array.tensor().bytes == expected, "\(array.name)")
      var part = [UInt8](repeating: 0, count: 5 * array.bytesPerRow)
      for start in [300, 0, 150] {
        try part.withUnsafeMutableBytes { try array.readRows(start..<start + 5, into: $0) }
        let offset = start * array.bytesPerRow
        #expect(part[...] == expected[offset..<offset + part.count], "\(array.name) \(start)")
      }
    }
  }
}
