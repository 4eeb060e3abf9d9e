import Foundation
import HDF5
import TestSupport
import Testing

@Suite struct GateTests {
  @Test(arguments: [
    ("soft_link", "/model_weights/dense/dense/kernel", "a soft link"),
    ("external_link", "/model_weights/dense/dense/kernel", "an external link"),
    ("soft_link_to_external_link", "/away", "an external link"),
    ("external_storage", "/model_weights/dense/dense/kernel", "in other files"),
    ("virtual_dataset", "/model_weights/dense/dense/kernel", "in other datasets"),
    ("group_cycle", "/model_weights/dense/dense/again", "by another path"),
    ("group_twice", "/model_weights", "by another path"),
    ("deep_groups", "/g/g", "more than 32 groups deep"),
    ("lzf_filter", "/model_weights/dense/dense/kernel", "filter 32000 (lzf)"),
    ("huge_unallocated", "/model_weights/dense/dense/kernel", "declares 4503599627370496 bytes"),
    ("huge_chunked", "/model_weights/dense/dense/kernel", "and stores 0"),
    ("huge_expansion", "/model_weights/dense/dense/kernel", "more than any compression saves"),
    ("huge_chunk", "/model_weights/dense/dense/kernel", "are too large"),
    ("object_reference", "/model_weights/dense/dense/kernel", "it holds references"),
    ("named_type", "/model_weights/dense/dense/kernel", "neither a group nor a dataset"),
    ("not_utf8_name", "/model_weights/dense/dense", "not a plain name"),
    ("left_open", "left_open.h5", "a writer left it open"),
    ("newer_superblock", "newer_superblock.h5", "superblock is version 9"),
  ])
  func refuses(_ name: String, object: String, reason: String) throws {
    let path = Fixtures.path("malformed/\(name).h5")
    let error = try #require(throws: HDF5Error.self) { try HDF5File(reading: path) }
    #expect(error.kind == .badInput)
    #expect(error.description.contains(reason), "\(error)")
    #expect(error.subject.contains(object), "\(error)")
  }

  /// Proves the probe of the test above: the same file opens when nothing is wrong with it.
  @Test func acceptsRealFiles() throws {
    let folder = Fixtures.path("keras")
    var count = 0
    for name in try FileManager.default.contentsOfDirectory(atPath: folder)
    where name.hasSuffix(".h5") {
      let file = try HDF5File(reading: "\(folder)/\(name)")
      #expect(file.node(at: "/") != nil)
      count += 1
    }
    #expect(count > 20)
  }

  @Test func nothingOpensThatTheGateHasNotSeen() throws {
    let file = try HDF5File(reading: Fixtures.path("networks/mlp/keras3.h5"))
    let detour = "/model_weights/../model_weights/./dense_relu"
    #expect(throws: HDF5Error.self) { try file.group(at: detour) }
    #expect(throws: HDF5Error.self) { try file.dataset(at: "/model_weights") }
    #expect(throws: HDF5Error.self) { try file.group(at: "/absent") }
  }

  @Test func limitsAreKept() throws {
    let path = Fixtures.path("networks/mlp/keras3.h5")
    var few = HDF5Limits()
    few.objects = 3
    #expect(throws: HDF5Error.self) { try HDF5File(reading: path, limits: few) }
  }
}
