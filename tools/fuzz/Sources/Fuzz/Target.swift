import Foundation

@testable import Checkpoints
@testable import Conversion
@testable import HDF5
@testable import Lists
@testable import ModelCore
@testable import Zip

/// A reader of bytes that anybody may have made. Errors are answers; anything else that ends one
/// is a finding.
enum Target: String, CaseIterable {
  case json, configuration, recipe, npy, npz, idx, gzip, safetensors, table, keras, superblock, ids
  case index = "safetensors-index"

  func read(_ bytes: [UInt8]) throws {
    switch self {
    case .json: _ = try JSONValue(parsing: bytes).text
    case .configuration: try Self.configuration(String(decoding: bytes, as: UTF8.self))
    case .recipe: _ = TrainingRecipe(try JSONValue(parsing: bytes))
    case .npy: try Self.arrays(bytes, "npy")
    case .npz: try Self.arrays(bytes, "npz")
    case .idx: try Self.arrays(bytes, "idx")
    case .gzip: try Self.arrays(bytes, "gz")
    case .safetensors: try Self.arrays(bytes, "safetensors")
    case .index: try Self.arrays(bytes, "safetensors.index.json")
    case .table: _ = try CSVTable(path: File.write(bytes, "csv"))
    case .keras: try Self.archive(bytes)
    case .superblock:
      let path = try File.write(bytes, "h5")
      try Superblock.check(path, shownAs: path)
    case .ids: _ = try IdentifierList(Data(bytes), name: "ids").entries
    }
  }

  /// Everything that is made of a model's JSON.
  private static func configuration(_ text: String) throws {
    var scan = ConfigurationScan()
    scan.scan(text, named: "model_config")
    _ = try KerasLayerListing(parsing: text)
    if let entry = KerasLayerEntry(parsing: text) { _ = KerasObject.all(of: entry).map(\.roles) }
    let architecture = try KerasConfiguration(parsing: text).architecture
    _ = try architecture.shapes()
    _ = try architecture.parameterSpecifications()
  }

  private static func arrays(_ bytes: [UInt8], _ kind: String) throws {
    for array in try ForeignArrays.open(File.write(bytes, kind)) {
      switch array.element {
      case .number: _ = try array.tensor()
      case .text: _ = try array.strings()
      }
    }
  }

  /// Without the HDF5 file in the archive: the library that reads it crashes on its own.
  private static func archive(_ bytes: [UInt8]) throws {
    try configuration(KerasArchive(path: File.write(bytes, "keras")).config)
  }
}

/// Inputs of readers that ask for a path, in memory where the system has such a folder.
private enum File {
  private static let folder =
    FileManager.default.fileExists(atPath: "/dev/shm")
    ? "/dev/shm" : FileManager.default.temporaryDirectory.path

  static func write(_ bytes: [UInt8], _ kind: String) throws -> String {
    let path = "\(folder)/modelctl-fuzz-\(getpid()).\(kind)"
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return path
  }
}
