import Foundation
import HDF5
import TestSupport
import Testing

/// What the gate and the library find out by themselves, without a process around them.
@Suite struct HostileFileTests {
  /// These crash HDF5 1.10.8, keep it busy for good, or make it ask for gigabytes; the command
  /// line survives them.
  private static let fatal: Set = [
    "attribute_length", "chunk_tree_child", "chunk_tree_neighbour", "fractal_heap_block", "fractal_heap_width",
    "group_tree_child", "group_tree_neighbour", "growing_array_count", "heap_free_list",
    "header_length", "index2_count", "index2_node", "index2_record", "index2_type",
    "strings_absent", "strings_endless", "strings_length",
  ]

  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  /// A file is refused as bad input, or is taken for what it says it is; nothing else happens.
  @Test(arguments: HostileFile.all.filter { !fatal.contains($0.name) })
  func opensOrIsRefused(_ hostile: HostileFile) throws {
    let path = folder.path("in.h5")
    try hostile.bytes.write(to: URL(fileURLWithPath: path))
    // Not their data: the library corrupts its own memory over some of them.
    do { _ = try HDF5File(reading: path) } catch let error as HDF5Error {
      #expect(error.kind == .badInput, "\(error)")
      #expect(!error.description.contains("\n"))
    }
  }

  @Test func theCorpusIsThere() {
    #expect(HostileFile.all.count > 130)
    #expect(Self.fatal.isSubset(of: Set(HostileFile.all.map(\.name))))
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
    #expect(error?.description.contains("all datasets declare") == true, "\(String(describing: error))")
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
