import Foundation
import HDF5
import ModelCore
import TestSupport
import Testing

@testable import Checkpoints

@Suite struct CheckpointReadingTests {
  private static let networks = KerasConfigurationTests.networks

  /// What `make_files.py` noted about each file of `Tests/Fixtures/keras`.
  private static func notes() throws -> [String: JSONValue] {
    try #require(try JSONValue(parsing: Fixtures.text("keras/manifest.json")).object)
  }

  @Test(arguments: networks)
  func readsEveryNetwork(_ name: String) throws {
    let checkpoint = try Checkpoint(reading: Fixtures.path("networks/\(name)/keras3.h5"))
    let parameters = try checkpoint.parameters()
    let specifications = try checkpoint.requireArchitecture().parameterSpecifications()
    #expect(parameters.all.map(\.name) == specifications.map(\.name))
    #expect(checkpoint.kerasVersion?.hasPrefix("3.") == true)
    #expect(checkpoint.formatVersion == nil && checkpoint.splits.isEmpty)
  }

  /// Both files hold the same numbers, under names of their own.
  @Test(arguments: networks)
  func readsTheSameFromBothKeras(_ name: String) throws {
    let path = Fixtures.path("networks/\(name)/keras2.h5")
    guard FileManager.default.fileExists(atPath: path) else { return }
    let two = try Checkpoint(reading: path).parameters()
    let three = try Checkpoint(reading: Fixtures.path("networks/\(name)/keras3.h5")).parameters()
    #expect(two == three)
  }

  @Test func findsTheWeightsThatOtherReadersFind() throws {
    var count = 0
    for (name, note) in try Self.notes() where name.hasSuffix(".h5") && !name.contains(".weights.")
    {
      let checkpoint = try Checkpoint(reading: Fixtures.path("keras/\(name)"))
      let weights = Dictionary(
        uniqueKeysWithValues: checkpoint.storedWeights.map { (String($0.path.dropFirst()), $0) })
      for (path, dataset) in note["datasets"]?.object ?? [:]
      where !path.hasPrefix("optimizer_weights") {
        let weight = try #require(weights[path], "\(name) \(path)")
        let type = try #require(dataset["dtype"]?.string)
        #expect(weight.elementType.rawValue == (type == ">f4" ? "float32" : type))
        let shape = dataset["shape"]?.array?.compactMap { $0.integer.map(Int.init) }
        #expect(weight.shape.dimensions == shape)
        #expect(sha256(of: try checkpoint.tensor(weight).bytes) == dataset["sha256"]?.string)
        count += 1
      }
    }
    #expect(count > 100)
  }

  @Test func weightsWithoutAnArchitecture() throws {
    let path = Fixtures.path("keras/tfkeras_weights_only.h5")
    let checkpoint = try Checkpoint(reading: path)
    #expect(checkpoint.modelConfig == nil && !checkpoint.storedWeights.isEmpty)
    let error = #expect(throws: CheckpointError.self) { try checkpoint.parameters() }
    #expect(error?.problem == .noArchitecture)
    #expect(checkpoint.storedWeights.contains { $0.role == "kernel" && $0.name.hasSuffix(":0") })
  }

  @Test func optimizerStateIsNoticed() throws {
    for (name, isThere) in [("mlp", true), ("conv_dilated", false)] {
      let checkpoint = try Checkpoint(reading: Fixtures.path("networks/\(name)/keras3.h5"))
      #expect(checkpoint.hasOptimizerState == isThere)
    }
  }

  /// A model inside the model, and a layer that is called twice.
  @Test func findsTheWeightsOfInnerModels() throws {
    let checkpoint = try Checkpoint(reading: Fixtures.path("keras/tfkeras_nested.h5"))
    let parameters = try checkpoint.parameters()
    let names = parameters.all.map(\.name.description)
    #expect(names.contains("base/base_bn/moving_mean") && names.contains("shared/kernel"))
    #expect(names.count == 10)
    let calls = try checkpoint.requireArchitecture().layers.filter { $0.weightOwner == "shared" }
    #expect(calls.map(\.name) == ["shared", "shared (2)"])
    #expect(calls.last?.inputs == ["shared"] && calls.first?.inputs == ["base/base_gap"])
  }

  @Test(arguments: ["keras3_lstm", "keras3_attention", "keras3_two_inputs"])
  func listsWhatItCannotRun(_ name: String) throws {
    let checkpoint = try Checkpoint(reading: Fixtures.path("keras/\(name).h5"))
    #expect(!checkpoint.storedWeights.isEmpty && checkpoint.architecture != nil)
    let error = #expect(throws: CheckpointError.self) { try checkpoint.parameters() }
    guard case .architecture = error?.problem else {
      Issue.record("expected the architecture to be at fault: \(String(describing: error))")
      return
    }
  }

  @Test func aFileOfAnotherKindIsNamed() throws {
    let folder = try TemporaryDirectory()
    let path = folder.path("other.h5")
    let file = try HDF5File(creating: path)
    _ = try file.root.createGroup("measurements")
    try file.close()
    let error = #expect(throws: CheckpointError.self) { try Checkpoint(reading: path) }
    #expect(error?.problem == .notACheckpoint(hint: nil))
    let absent = #expect(throws: CheckpointError.self) { try Checkpoint(reading: "/absent.h5") }
    #expect(absent?.kind.exitCode == 66)
  }

  @Test(arguments: ["soft_link", "external_storage", "huge_chunked"])
  func hostileFilesAreBadInput(_ name: String) throws {
    let path = Fixtures.path("malformed/\(name).h5")
    let error = #expect(throws: CheckpointError.self) { try Checkpoint(reading: path) }
    #expect(error?.kind == .badInput && error?.kind.exitCode == 65)
  }
}

@Suite struct BrokenWeightTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  /// A network of one dense layer, `[3] -> [2]`, with the given weights.
  private func checkpoint(_ weights: [(name: String, shape: [Int], value: Float)]) throws
    -> Checkpoint
  {
    let path = folder.path("weights.h5")
    try? FileManager.default.removeItem(atPath: path)
    let file = try HDF5File(creating: path)
    try file.root.setAttribute("model_config", to: SmallModel.config)
    let group = try file.root.createGroup("model_weights")
    try group.setAttribute("layer_names", to: ["dense"])
    let layer = try group.createGroup("dense")
    try layer.setAttribute("weight_names", to: weights.map { "dense/\($0.name)" })
    let inner = try layer.createGroup("dense")
    for weight in weights {
      let shape = try Shape(weight.shape)
      let values = [Float](repeating: weight.value, count: shape.elementCount)
      let dataset = try inner.createDataset(
        weight.name, type: .number(.float32), shape: weight.shape)
      try Tensor(floats: values, shape: shape).bytes.withUnsafeBytes { try dataset.write(from: $0) }
    }
    try file.close()
    return try Checkpoint(reading: path)
  }

  private func problem(
    _ weights: [(name: String, shape: [Int], value: Float)]
  ) throws -> CheckpointError.Problem? {
    let checkpoint = try checkpoint(weights)
    return #expect(throws: CheckpointError.self) { try checkpoint.parameters() }?.problem
  }

  @Test func eachFaultHasItsName() throws {
    let kernel = ParameterName(layer: "dense", role: "kernel")
    let bias = ParameterName(layer: "dense", role: "bias")
    let (matrix, vector) = (try Shape([3, 2]), Shape(vector: 2))
    #expect(
      try checkpoint([("kernel", [3, 2], 1), ("bias", [2], 0)]).parameters().scalarCount == 8)
    #expect(try problem([("kernel", [3, 2], 1)]) == .missingWeight(bias, shape: vector))
    #expect(
      try problem([("kernel", [2, 3], 1), ("bias", [2], 0)])
        == .weightShape(kernel, expected: matrix, found: try Shape([2, 3])))
    #expect(try problem([("kernel", [3, 2], .nan), ("bias", [2], 0)]) == .notFinite(kernel))
    #expect(try problem([("kernel", [3, 2], 1), ("bias", [2], -.infinity)]) == .notFinite(bias))
    #expect(
      try problem([("kernel", [3, 2], 1), ("bias", [2], 0), ("gamma", [2], 1)])
        == .unexpectedWeight("dense/gamma"))
    #expect(
      try problem([("kernel", [3, 2], 1), ("bias", [2], 0), ("bias:0", [2], 1)])
        == .ambiguousWeight(bias))
  }

  @Test func aNamedWeightThatIsNotThere() throws {
    let path = folder.path("gap.h5")
    let file = try HDF5File(creating: path)
    let group = try file.root.createGroup("model_weights")
    try group.setAttribute("layer_names", to: ["dense", "lost"])
    try group.createGroup("dense").setAttribute("weight_names", to: [String]())
    try file.close()
    let error = #expect(throws: CheckpointError.self) { try Checkpoint(reading: path) }
    #expect(error?.kind == .badInput)
    #expect(error?.description.contains("/model_weights/lost': it is not there") == true)
  }
}
