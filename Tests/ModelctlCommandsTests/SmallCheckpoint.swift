import Checkpoints
import Foundation
import ModelCore
import TestSupport

/// A checkpoint of a two-layer network on four numbers, with whatever is wrong with it that a test
/// wants.
struct SmallCheckpoint {
  static let json = """
    {"class_name": "Sequential", "config": {"name": "small", "layers": [
      {"class_name": "InputLayer", "config": {"batch_shape": [null, 4], "name": "input"}},
      {"class_name": "Dense", "config": {"name": "hidden", "units": 16, "activation": "relu"}},
      {"class_name": "Dense", "config": {"name": "scores", "units": 3, "activation": "softmax"}}]}}
    """

  /// `hidden` may be replaced by any other layer of 16 outputs.
  var json = Self.json
  var splits: [(name: String, role: SplitRole, count: Int)] = [
    ("train", .train, 60), ("unseen", .unseen, 200), ("test", .test, 30),
  ]
  var features = 4
  var usesNames = false
  var recipe: TrainingRecipe? = TrainingRecipe(epochs: 20, batchSize: 16)
  var change: (inout Parameters) -> Void = { _ in }

  /// The id of the sample with this number, counted through all splits.
  func identifier(_ number: Int) -> SampleIdentifier {
    usesNames ? .string("person-\(number)") : .integer(Int64(1000 + number))
  }

  func write(to path: String) throws {
    let network = try KerasConfiguration(parsing: Self.json).architecture
    var parameters = Parameters(initializing: try network.parameterSpecifications(), seed: 3)
    teach(&parameters)
    change(&parameters)
    var draft = CheckpointDraft(modelConfig: json, parameters: parameters)
    var number = 0
    for split in splits {
      draft.splits.append(
        DraftSplit(
          name: split.name, role: split.role, samples: try samples(split.count, from: number),
          identifiers: (number..<number + split.count).map(identifier)))
      number += split.count
    }
    draft.recipe = recipe
    draft.classNames = ["ash", "birch", "cedar"]
    try draft.write(to: path)
  }

  /// Untrained weights, but for a path from each class's input to its score: such a model knows its
  /// samples.
  private func teach(_ parameters: inout Parameters) {
    let columns = ["hidden": 16, "scores": 3]
    parameters.update { name, values in
      guard name.role == "kernel", let width = columns[name.layer] else { return }
      for index in 0..<3 { values[index * width + index] += 3 }
    }
  }

  /// Writes the file and then changes its bytes, for what no writer of ours would write.
  ///
  /// - Parameter changes: what to look for, and as many bytes to put in its place.
  func write(to path: String, changing changes: [(old: Data, new: Data)]) throws {
    try write(to: path)
    var data = try Data(contentsOf: URL(fileURLWithPath: path))
    for (old, new) in changes {
      guard old.count == new.count, var range = data.range(of: old) else {
        throw CocoaError(.fileReadCorruptFile)
      }
      while true {
        data.replaceSubrange(range, with: new)
        guard let next = data.range(of: old, in: range.upperBound..<data.endIndex) else { break }
        range = next
      }
    }
    try data.write(to: URL(fileURLWithPath: path))
  }

  func write(to path: String, changing old: String, to new: String) throws {
    try write(to: path, changing: [(Data(old.utf8), Data(new.utf8))])
  }

  /// The bytes of a number in a file.
  static func bytes(_ value: Float) -> Data {
    withUnsafeBytes(of: value.bitPattern.littleEndian) { Data($0) }
  }

  /// Three clouds of points, one for each class.
  private func samples(_ count: Int, from number: Int) throws -> MemorySource {
    var random = SeededGenerator(seed: UInt64(number), stream: "small")
    let labels = (0..<count).map { Int32(($0 + number) % 3) }
    let inputs = labels.flatMap { label in
      (0..<features).map { Float(random.nextNormal()) + ($0 == Int(label) ? 2 : 0) }
    }
    return try MemorySource(
      inputs: inputs, sampleShape: [features], labels: labels, classCount: 3)
  }
}
