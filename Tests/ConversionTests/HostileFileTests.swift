import Conversion
import Foundation
import ModelCore
import TestSupport
import Testing
import Zip

/// Files that lie: each is refused with an error, at no cost in memory.
@Suite struct HostileFileTests {
  /// An array file with this header text and so many bytes of data.
  static func npy(
    _ header: String, dataCount: Int = 0, version: (UInt8, UInt8) = (1, 0), length: Int? = nil
  ) -> [UInt8] {
    let text = Array(header.utf8)
    let count = length ?? text.count
    let size =
      version.0 == 1
      ? [UInt8(count & 0xFF), UInt8(count >> 8 & 0xFF)]
      : (0..<4).map { UInt8(count >> (8 * $0) & 0xFF) }
    return [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, version.0, version.1] + size + text
      + [UInt8](repeating: 0, count: dataCount)
  }

  static func npy(descr: String = "'<f4'", order: String = "False", shape: String) -> [UInt8] {
    npy("{'descr': \(descr), 'fortran_order': \(order), 'shape': \(shape), }\n")
  }

  static let badHeaders: [(String, String)] = [
    ("", "'{'"),
    ("[]", "'{'"),
    ("{'descr': '<f4', 'fortran_order': False}", "no 'shape'"),
    ("{}", "no 'descr' and no 'fortran_order' and no 'shape'"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (), 'x': 1}", "found 'x'"),
    ("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': ()}", "'descr' twice"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (1)}", "such as (1,)"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,,)}", "an extent"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (,)}", "an extent"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "an extent of 0 or more"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (1 2)}", "',' or ')'"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': [1]}", "'('"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)", "'}'"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", "the end of the header"),
    ("{'descr': '<f4', 'fortran_order': 0, 'shape': ()}", "True or False"),
    ("{'descr': '<f4', 'fortran_order': False 'shape': ()}", "'}'"),
    ("{'descr': __import__('os').system('id'), 'fortran_order': False, 'shape': ()}", "a type"),
    ("{'descr': '<f4', 'fortran_order': __import__('os'), 'shape': ()}", "True or False"),
    ("{__import__('os'): 1}", "a key in quotes"),
    ("{'descr': '<f\\x34', 'fortran_order': False, 'shape': ()}", "plain ASCII"),
    ("{'descr': '<f4, }", "closing quote"),
    ("{'descr': 'f4', 'fortran_order': False, 'shape': ()}", "a type such as"),
    ("{'descr': '|f4', 'fortran_order': False, 'shape': ()}", "a type such as"),
    ("{'descr': '<', 'fortran_order': False, 'shape': ()}", "a type such as"),
    ("{'descr': '<f-4', 'fortran_order': False, 'shape': ()}", "a type such as"),
    ("{'descr': '<x4', 'fortran_order': False, 'shape': ()}", "a type such as"),
    ("{'descr': '<f3', 'fortran_order': False, 'shape': ()}", "'<f3'"),
    ("{'descr': '<U99999999999999999999', 'fortran_order': False, 'shape': ()}", "a type such as"),
    (
      "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
      "this machine can hold"
    ),
    (
      "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
      "this machine can hold"
    ),
    (
      "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,)}",
      "fits this machine"
    ),
    (
      "{'descr': '<f4', 'fortran_order': False, 'shape': ("
        + String(repeating: "1, ", count: 65) + ")}", "at most 64 axes"
    ),
  ]

  @Test(arguments: badHeaders)
  func aBadHeaderIsRefusedWhereItGoesWrong(_ header: String, _ reason: String) throws {
    let folder = try TemporaryDirectory()
    let path = try folder.write(Self.npy(header), to: "bad.npy")
    let error = try #require(failure(reading: path))
    #expect(error.kind == .badInput)
    #expect(error.description.contains(reason), "\(error)")
    #expect(!error.description.contains("\n"))
  }

  @Test(arguments: [
    ("{\"shape\":(2L,),\"fortran_order\":True,\"descr\":\"=i2\"}", 4),
    ("{'descr': '>b1', 'fortran_order': False, 'shape': ( 2 ,3, ) , } \n", 6),
  ])
  func aHeaderMayVaryAsPythonDoes(_ header: String, _ count: Int) throws {
    let folder = try TemporaryDirectory()
    let path = try folder.write(Self.npy(header, dataCount: count), to: "good.npy")
    #expect(try ForeignArrays.open(path)[0].tensor().bytes.count == count)
  }

  @Test func theHeaderHasALimit() throws {
    let folder = try TemporaryDirectory()
    let dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (0,)}"
    let longest = dictionary + String(repeating: " ", count: 10_000 - dictionary.utf8.count)
    let fits = try folder.write(Self.npy(longest, version: (2, 0)), to: "fits.npy")
    #expect(failure(reading: fits) == nil)
    let long = try folder.write(Self.npy(longest + " ", version: (2, 0)), to: "long.npy")
    #expect(try #require(failure(reading: long)).description.contains("10000 bytes, found 10001"))
    let bomb = Self.npy(dictionary, version: (3, 0), length: 0xFFFF_FFFF)
    let path = try folder.write(bomb, to: "bomb.npy")
    #expect(try #require(failure(reading: path)).description.contains("found 4294967295"))
  }

  @Test(arguments: [(4, 0), (1, 1), (0, 0)] as [(UInt8, UInt8)])
  func otherVersionsAreRefused(_ major: UInt8, _ minor: UInt8) throws {
    let folder = try TemporaryDirectory()
    let path = try folder.write(Self.npy("{}", version: (major, minor)), to: "version.npy")
    let error = try #require(failure(reading: path))
    #expect(error.description.contains("version 1.0, 2.0 or 3.0, found \(major).\(minor)"))
  }

  @Test func aHugeShapeCostsNothing() throws {
    let folder = try TemporaryDirectory()
    let path = try folder.write(Self.npy(shape: "(1099511627776, 1024)"), to: "huge.npy")
    let error = try #require(failure(reading: path))
    guard case .length(let expected, .exactly(let found)) = error.problem else {
      Issue.record("\(error)")
      return
    }
    #expect(expected > 1 << 52)
    #expect(found < 200)
  }

  @Test func noRowsOfAHugeRowAreRefusedToo() throws {
    let folder = try TemporaryDirectory()
    let shape = "(0, 4294967296, 4294967296)"
    let path = try folder.write(Self.npy(shape: shape), to: "huge.npy")
    #expect(try #require(failure(reading: path)).kind == .badInput)
  }

  @Test(arguments: [
    "little-f8.npy", "fortran.npy", "unicode.npy", "version-3.npy", "packed.npy.gz",
  ])
  func everyCutAndEveryExtraByteIsNoticed(_ file: String) throws {
    let folder = try TemporaryDirectory()
    let whole = try Fixture.bytes(file)
    for count in Array(stride(from: 0, to: whole.count, by: 16)) + [whole.count - 1] {
      let path = try folder.write(Array(whole[..<count]), to: file)
      #expect(failure(reading: path)?.kind == .badInput, "\(count) bytes of \(whole.count)")
    }
    guard !file.hasSuffix(".gz") else { return }
    let path = try folder.write(whole + [0], to: file)
    let error = try #require(failure(reading: path))
    #expect(error.problem == .length(expected: whole.count, found: .exactly(whole.count + 1)))
  }

  @Test(arguments: ["stored.npz", "deflated.npz", "zip64.npz", "streamed.npz"])
  func everyCutOfAnArchiveIsNoticed(_ file: String) throws {
    let folder = try TemporaryDirectory()
    let whole = try Fixture.bytes(file)
    for count in Array(stride(from: 0, to: whole.count, by: 16)) + [whole.count - 1] {
      let path = try folder.write(Array(whole[..<count]), to: file)
      #expect(failure(reading: path)?.kind == .badInput, "\(count) bytes of \(whole.count)")
    }
  }

  /// Any single damaged byte either leaves every array as it was, or is an error.
  @Test(arguments: ["stored.npz", "deflated.npz", "zip64.npz", "streamed.npz", "packed.npy.gz"])
  func noDamagedByteChangesAnArraySilently(_ file: String) throws {
    let folder = try TemporaryDirectory()
    let whole = try Fixture.bytes(file)
    let good = Set(try Self.contents(Fixture.path(file)))
    for index in stride(from: 0, to: whole.count, by: 3) {
      var damaged = whole
      damaged[index] ^= 0x11
      let path = try folder.write(damaged, to: file)
      guard let found = try? Self.contents(path) else { continue }
      #expect(found.allSatisfy(good.contains), "byte \(index)")
    }
  }

  static func contents(_ path: String) throws -> [String] {
    try ForeignArrays.open(path).map { array in
      guard case .number(let type) = array.element else {
        return "text " + (try array.strings()).joined(separator: "|")
      }
      return "\(type) \(array.shape) " + hexadecimal(try array.tensor().bytes)
    }
  }

  @Test func aJumpFirstChecksTheWholeMember() throws {
    let folder = try TemporaryDirectory()
    var export = ArrayExport()
    let count = 300_000
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
    try export.add(
      Tensor(elementType: .uint8, shape: Shape([count / 100, 100]), bytes: bytes), named: "x")
    try export.write(to: folder.path("a.npz"))
    var whole = try folder.bytes("a.npz")
    whole[150_000] ^= 1
    let path = try folder.write(whole, to: "a.npz")
    let array = try ForeignArrays.open(path, array: "x")
    var row = [UInt8](repeating: 0, count: 100)
    let error = #expect(throws: ConversionError.self) {
      try row.withUnsafeMutableBytes { try array.readRows(2900..<2901, into: $0) }
    }
    #expect(error?.description.contains("CRC") == true)
  }

  @Test func anEncryptedMemberIsRefused() throws {
    let folder = try TemporaryDirectory()
    var whole = try Fixture.bytes("zip64.npz")
    // Bit 0 of the flags in each header, behind its signature.
    for index in 0..<whole.count - 10 {
      if whole[index..<index + 4] == [0x50, 0x4B, 3, 4] { whole[index + 6] |= 1 }
      if whole[index..<index + 4] == [0x50, 0x4B, 1, 2] { whole[index + 8] |= 1 }
    }
    let path = try folder.write(whole, to: "secret.npz")
    #expect(try #require(failure(reading: path)).description.contains("encrypted"))
  }

  @Test func textThatIsNotUnicodeIsRefused() throws {
    let folder = try TemporaryDirectory()
    let header = "{'descr': '<U1', 'fortran_order': False, 'shape': (2,)}"
    let surrogate = Self.npy(header) + [0x41, 0, 0, 0, 0x00, 0xD8, 0, 0]
    let path = try folder.write(surrogate, to: "text.npy")
    #expect(try #require(failure(reading: path)).description.contains("other bytes in row 1"))
    let bytes = Self.npy("{'descr': '|S2', 'fortran_order': False, 'shape': (1,)}") + [0xFF, 0xFE]
    let other = try folder.write(bytes, to: "bytes.npy")
    #expect(try #require(failure(reading: other)).description.contains("Unicode text"))
  }
}
