import Checkpoints
import Foundation
import HDF5
import ModelCore
import TestSupport

/// A network of one dense layer, `[3] -> [2]`, and splits to go with it.
enum SmallModel {
  static let config = """
    {"class_name": "Sequential", "config": {"name": "small", "layers": [\
    {"class_name": "InputLayer", "config": {"batch_shape": [null, 3], "name": "input"}}, \
    {"class_name": "Dense", "config": {"name": "dense", "units": 2, "activation": "softmax"}}]}}
    """

  static func parameters(_ value: Float = 0.5) throws -> Parameters {
    let architecture = try KerasConfiguration(parsing: config).architecture
    return Parameters(
      try architecture.parameterSpecifications().map { specification in
        let count = specification.shape.elementCount
        return Parameter(
          name: specification.name, shape: specification.shape,
          values: (0..<count).map { value + Float($0) })
      })
  }

  /// Samples whose inputs tell their row: `[row, row + 0.25, -row]`.
  static func samples(_ count: Int, from first: Int = 0) throws -> MemorySource {
    let rows = first..<first + count
    return try MemorySource(
      inputs: rows.flatMap { [Float($0), Float($0) + 0.25, -Float($0)] }, sampleShape: [3],
      labels: rows.map { Int32($0 % 2) }, classCount: 2)
  }

  static func draft(
    _ count: Int = 20, identifier: (Int) -> SampleIdentifier = { .integer(Int64($0)) }
  ) throws -> CheckpointDraft {
    var draft = CheckpointDraft(modelConfig: config, parameters: try parameters())
    draft.splits = [
      DraftSplit(
        name: "train", role: .train, samples: try samples(count),
        identifiers: (0..<count).map(identifier)),
      DraftSplit(
        name: "test", role: .test, samples: try samples(5, from: 1000),
        identifiers: (1000..<1005).map(identifier)),
    ]
    draft.classNames = ["even", "odd"]
    draft.recipe = TrainingRecipe(epochs: 3, seed: 7)
    draft.provenance = ProvenanceEntry(operation: "import")
    return draft
  }

  /// The first input of each sample of a split, which tells the row it had.
  static func rows(_ checkpoint: Checkpoint, _ name: String) throws -> [Int] {
    let split = try checkpoint.split(named: name)
    let source = try checkpoint.samples(of: split)
    var bytes = [UInt8](repeating: 0, count: split.layout.count * split.layout.bytesPerSample)
    try bytes.withUnsafeMutableBytes {
      try source.readInputs(0..<split.layout.count, into: $0)
    }
    let tensor = try Tensor(
      elementType: split.layout.elementType,
      shape: Shape([split.layout.count] + split.layout.sampleShape.dimensions), bytes: bytes)
    let values = tensor.floats
    return stride(from: 0, to: values.count, by: split.layout.sampleShape.elementCount).map {
      Int(values[$0])
    }
  }
}

func fileBytes(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }
