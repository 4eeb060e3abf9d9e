import Foundation
import HDF5
import TestSupport
import Testing

/// What the gate and the library find out by themselves, without a process around them.
@Suite struct HostileFileTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  /// Other files of the corpus corrupt the library's memory, so that only a process of its own
  /// may open them; the tests of the command line do.
  @Test(arguments: [
    ("attribute_count", "larger than 16777216 bytes"), ("chunk_size", "in a file of"),
    ("contiguous_beyond", "beyond the end of the file"),
    ("contiguous_end", "beyond the end of the file"),
    ("contiguous_short", "declares 192 bytes and stores 8"),
    ("filters_unknown", "its filter 4242 is not supported"),
    ("link_cycle", "the same group is also reached by another path"),
    ("space_petabytes", "more than any compression saves"),
    ("superblock_dataset", "it is no group"), ("superblock_narrow", "it is truncated"),
    ("type_reference", "it holds references"),
  ])
  func isRefused(_ name: String, reason: String) throws {
    let path = folder.path("in.h5")
    try #require(HostileFile.named(name)).bytes.write(to: URL(fileURLWithPath: path))
    let error = try #require(throws: HDF5Error.self) { try HDF5File(reading: path) }
    #expect(error.kind == .badInput)
    #expect(error.description.contains(reason), "\(error)")
  }

  @Test func theCorpusIsThere() {
    #expect(HostileFile.all.count > 130)
  }

  @Test func attributesAreWeighedWhenAFileIsOpened() throws {
    let path = Fixtures.path("keras/keras3_fixed_strings.h5")
    var one = HDF5Limits()
    one.attributeBytes = 100
    let single = #expect(throws: HDF5Error.self) { try HDF5File(reading: path, limits: one) }
    #expect(single?.description.contains("larger than 100 bytes") == true)
    var all = HDF5Limits()
    all.allAttributeBytes = 4000
    let sum = #expect(throws: HDF5Error.self) { try HDF5File(reading: path, limits: all) }
    #expect(sum?.description.contains("more than 4000 bytes") == true)
    #expect(throws: Never.self) { try HDF5File(reading: path) }
  }

  /// Datasets that share the bytes of the file are plausible one by one only.
  @Test func datasetsAreWeighedTogether() throws {
    let path = Fixtures.path("networks/mlp/keras3.h5")
    var limits = HDF5Limits()
    limits.expandedBytes = 300
    limits.expansion = 0
    let error = #expect(throws: HDF5Error.self) { try HDF5File(reading: path, limits: limits) }
    #expect(
      error?.description.contains("all datasets declare") == true, "\(String(describing: error))")
  }

  @Test func noBufferIsLargerThanTheMachineAllows() throws {
    var limits = HDF5Limits()
    limits.bufferBytes = 100
    let file = try HDF5File(reading: Fixtures.path("networks/mlp/keras3.h5"), limits: limits)
    let kernel = try file.dataset(at: "/model_weights/dense_relu/mlp/dense_relu/kernel")
    let error = #expect(throws: HDF5Error.self) { try kernel.bytes() }
    #expect(error?.description.contains("the limit is 100") == true)
    #expect(try kernel.bytes(0..<2).count == 48)  // float32 [7, 6]
  }

  /// A sparse file may be so long that the next place for a signature is beyond all numbers.
  @Test func aFileWithoutEndHasNoSignature() throws {
    let path = "/dev/shm/modelctl-\(UUID().uuidString)"
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL, 0o600)
    try #require(descriptor >= 0)
    defer {
      close(descriptor)
      unlink(path)
    }
    guard ftruncate(descriptor, off_t(Int64.max)) == 0 else {
      print("skipped: no file system for a file of 8 EiB")
      return
    }
    let error = #expect(throws: HDF5Error.self) { try HDF5File(reading: path) }
    #expect(error?.description.contains("not an HDF5 file") == true)
  }
}
