import Checkpoints
import Foundation
import HDF5
import ModelCore
import TestSupport
import Testing

@Suite struct CheckpointDraftTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private func problem(_ draft: CheckpointDraft) -> CheckpointError.Problem? {
    let path = folder.path("bad.h5")
    let error = #expect(throws: CheckpointError.self) { try draft.write(to: path) }
    #expect(!FileManager.default.fileExists(atPath: path))
    #expect((try? folder.contents.filter { $0.hasPrefix(".bad") }) == [])
    return error?.problem
  }

  @Test func comesBackAsItWent() throws {
    let path = folder.path("draft.h5")
    var draft = try SmallModel.draft()
    draft.inputScale = [0.5, 1, 2]
    draft.inputOffset = [-1]
    let receipt = try draft.write(to: path)
    let checkpoint = try Checkpoint(reading: path)
    #expect(try checkpoint.parameters() == draft.parameters)
    #expect(checkpoint.formatVersion == .current)
    #expect(checkpoint.contentDigest == receipt.contentDigest)
    #expect(checkpoint.recipe == draft.recipe)
    #expect(checkpoint.classNames == ["even", "odd"])
    #expect(checkpoint.inputScale == [0.5, 1, 2] && checkpoint.inputOffset == [-1])
    #expect(checkpoint.splits.map(\.name) == ["test", "train"])
    let train = try checkpoint.split(named: "train")
    #expect(train.role == .train && train.idKind == .integers && train.hasClassIndices)
    #expect(train.layout.count == 20 && train.layout.classCount == 2)
    #expect(train.layout.sampleShape.dimensions == [3] && train.layout.scale == [0.5, 1, 2])
    #expect(try SmallModel.rows(checkpoint, "train") == Array(0..<20))
    #expect(try SmallModel.rows(checkpoint, "test") == Array(1000..<1005))
    #expect(
      try checkpoint.samples(of: train).readTargets(3..<6) == .classes([1, 0, 1]))
    #expect(try checkpoint.classCounts(of: train) == [10, 10])
    #expect(
      try checkpoint.identifiers(of: train, rows: 4..<6) == [.integer(4), .integer(5)])
    try checkpoint.validateSplits()
    #expect(try checkpoint.computeManifest() == checkpoint.manifest)
  }

  @Test func rowsAreTakenInTheGivenOrder() throws {
    let path = folder.path("rows.h5")
    var draft = try SmallModel.draft()
    draft.splits[0].rows = [7, 3, 4, 5, 19, 0]
    draft.splits[0].identifiers = [70, 30, 40, 50, 190, 10].map { .integer($0) }
    try draft.write(to: path)
    let checkpoint = try Checkpoint(reading: path)
    #expect(try SmallModel.rows(checkpoint, "train") == [7, 3, 4, 5, 19, 0])
    let train = try checkpoint.split(named: "train")
    #expect(
      try checkpoint.samples(of: train).readTargets(0..<6) == .classes([1, 1, 0, 1, 1, 0]))
  }

  @Test func identifiersMayBeText() throws {
    let path = folder.path("text.h5")
    let draft = try SmallModel.draft { .string("Bild-\($0)-ü.png") }
    try draft.write(to: path)
    let checkpoint = try Checkpoint(reading: path)
    let train = try checkpoint.split(named: "train")
    #expect(train.idKind == .strings)
    #expect(try checkpoint.identifiers(of: train, rows: 19..<20) == [.string("Bild-19-ü.png")])
    try checkpoint.validateSplits()
  }

  /// Larger than one chunk and one block, of every kind of number.
  @Test(arguments: [
    ElementType.uint8, .int16, .uint16, .int32, .float16, .bfloat16, .float32, .float64, .bool,
  ])
  func everyKindOfImage(_ type: ElementType) throws {
    let source = PatternSource(count: 700, shape: try Shape([16, 16, 3]), type: type)
    var draft = CheckpointDraft(modelConfig: nil)
    draft.splits = [
      DraftSplit(
        name: "unseen", role: .unseen, samples: source,
        identifiers: (0..<700).map { .integer($0) })
    ]
    let path = folder.path("images.h5")
    try draft.write(to: path)
    let checkpoint = try Checkpoint(reading: path)
    let split = try checkpoint.split(named: "unseen")
    #expect(split.layout.elementType == (type == .bool ? .uint8 : type))
    #expect(split.layout.rowsPerBlock < 700)
    var (found, expected) = (source.buffer(100..<700), source.buffer(100..<700))
    try expected.withUnsafeMutableBytes { try source.readInputs(100..<700, into: $0) }
    try found.withUnsafeMutableBytes {
      try checkpoint.samples(of: split).readInputs(100..<700, into: $0)
    }
    #expect(found == expected)
    #expect(split.layout.classCount == 10)
    #expect(checkpoint.architecture == nil && checkpoint.storedWeights.isEmpty)
  }

  @Test func targetsMayBeProbabilities() throws {
    let source = PatternSource(
      count: 9, shape: Shape(vector: 4), type: .float32, hasDistributions: true)
    var draft = CheckpointDraft(modelConfig: nil)
    draft.splits = [
      DraftSplit(
        name: "train", role: .train, samples: source,
        identifiers: (0..<9).map { .integer($0) })
    ]
    let path = folder.path("soft.h5")
    try draft.write(to: path)
    let checkpoint = try Checkpoint(reading: path)
    let split = try checkpoint.split(named: "train")
    #expect(!split.hasClassIndices && split.layout.classCount == 10)
    #expect(
      try checkpoint.samples(of: split).readTargets(2..<5) == source.readTargets(2..<5))
    #expect(try checkpoint.classCounts(of: split) == [1, 1, 1, 1, 1, 1, 1, 1, 1, 0])
  }

  @Test func equalDraftsMakeEqualFiles() throws {
    let paths = ["1.h5", "2.h5"].map { folder.path($0) }
    for path in paths {
      try SmallModel.draft { .string("id\($0)") }.write(to: path)
      Thread.sleep(forTimeInterval: 1.1)
    }
    #expect(try fileBytes(paths[0]) == fileBytes(paths[1]))
  }

  @Test func layersAreListedInTheOrderOfKeras() throws {
    let folder = "networks/functional_branches"
    let original = try Checkpoint(reading: Fixtures.path("\(folder)/keras3.h5"))
    let config = try Fixtures.text("\(folder)/architecture_reversed.json")
    let draft = CheckpointDraft(modelConfig: config, parameters: try original.parameters())
    let path = self.folder.path("reversed.h5")
    try draft.write(to: path)
    let written = try Checkpoint(reading: path)
    #expect(try written.parameters() == original.parameters())
    #expect(
      written.storedWeights.map(\.parameterName) == original.storedWeights.map(\.parameterName))
  }

  @Test func wrongWeightsAreRefused() throws {
    var draft = try SmallModel.draft()
    draft.parameters = Parameters()
    let kernel = ParameterName(layer: "dense", role: "kernel")
    #expect(problem(draft) == .missingWeight(kernel, shape: try Shape([3, 2])))
    draft = try SmallModel.draft()
    draft.parameters.append(
      Parameter(
        name: ParameterName(layer: "x", role: "y"), shape: Shape(vector: 1), values: [1]))
    #expect(problem(draft) == .unexpectedWeight("x/y"))
    draft = try SmallModel.draft()
    draft.parameters.update { _, values in values[0] = .nan }
    #expect(problem(draft) == .notFinite(kernel))
  }

  @Test func wrongSplitsAreRefused() throws {
    var draft = try SmallModel.draft()
    draft.splits[1].identifiers[2] = .integer(3)
    #expect(
      problem(draft) == .duplicateIdentifier(split: "test", row: 2, otherSplit: "train"))
    draft = try SmallModel.draft()
    draft.splits[0].rows = [20]
    draft.splits[0].identifiers = [.integer(1)]
    #expect(problem(draft) == .rows(split: "train", count: 20))
    draft = try SmallModel.draft()
    draft.splits[0].identifiers[3] = .string("a")
    guard case .malformed = problem(draft) else {
      Issue.record("mixed ids")
      return
    }
    draft = try SmallModel.draft()
    draft.classNames = ["one", "two", "three"]
    guard case .malformed = problem(draft) else {
      Issue.record("class names")
      return
    }
    draft = try SmallModel.draft()
    draft.splits[0].samples = try MemorySource(
      inputs: [Float](repeating: 0, count: 60), sampleShape: [3],
      labels: [Int32](repeating: 2, count: 20), classCount: 2)
    #expect(problem(draft) == .classOutOfRange(split: "train", row: 0, classCount: 2))
  }

  @Test func aBrokenDescriptionIsRefused() throws {
    var draft = try SmallModel.draft()
    draft.modelConfig = "{}"
    guard case .configuration = problem(draft) else {
      Issue.record("expected the configuration to be at fault")
      return
    }
  }
}

/// Samples whose bytes follow a pattern, with ten classes.
final class PatternSource: SampleSource {
  let layout: SampleLayout
  private let hasDistributions: Bool

  init(count: Int, shape: Shape, type: ElementType, hasDistributions: Bool = false) {
    layout = SampleLayout(
      count: count, sampleShape: shape, elementType: type, rowsPerBlock: 16, classCount: 10)
    self.hasDistributions = hasDistributions
  }

  func buffer(_ rows: Range<Int>) -> [UInt8] {
    [UInt8](repeating: 0, count: rows.count * layout.bytesPerSample)
  }

  /// One sample.
  func bytes(_ row: Int) throws -> [UInt8] {
    var bytes = buffer(row..<row + 1)
    try bytes.withUnsafeMutableBytes { try readInputs(row..<row + 1, into: $0) }
    return bytes
  }

  func readInputs(_ rows: Range<Int>, into bytes: UnsafeMutableRawBufferPointer) throws {
    let start = rows.lowerBound * layout.bytesPerSample
    for index in bytes.indices {
      let position = start + index
      bytes[index] = UInt8(truncatingIfNeeded: (position &* 2_654_435_761) >> 13) & 0x3F
    }
  }

  func readTargets(_ rows: Range<Int>) throws -> Targets {
    guard hasDistributions else { return .classes(rows.map { Int32($0 % 10) }) }
    return .distributions(
      rows.flatMap { row in (0..<10).map { $0 == row % 10 ? 0.91 : 0.01 } }, classCount: 10)
  }
}
