import Auditing
import Engine
import ModelCore
import TestSupport

/// A network that knows 240 samples of overlapping clouds by heart, the same trained without 60 of
/// them, and one that forgets by having lost its way.
struct OverfitModels {
  static let classCount = 3
  static let inputCount = 12
  static let forgetRows = Array(stride(from: 0, to: 240, by: 4))

  let train: MemorySource
  let strangers: MemorySource
  let original: Parameters
  let retrained: [Parameters]
  let architecture: Architecture
  static let recipe = TrainingRecipe(epochs: 60, batchSize: 32, learningRate: 5e-3, seed: 1)

  /// Trained once for all tests.
  private static let parameters = Result {
    let source = try clouds(240, stream: "train")
    let retained = (0..<240).filter { $0 % 4 != 0 }
    return [try trained(source, rows: nil, seed: 1)]
      + (try [2, 3].map { try trained(source, rows: retained, seed: $0) })
  }

  init() throws {
    train = try Self.clouds(240, stream: "train")
    strangers = try Self.clouds(600, stream: "strangers")
    architecture = Self.perceptron
    let all = try Self.parameters.get()
    original = all[0]
    retrained = Array(all[1...])
  }

  private static let perceptron = Architecture(
    name: "overfit",
    layers: [
      Layer(name: "input", kind: .input(shape: Shape(vector: inputCount)), inputs: []),
      Layer(name: "hidden", kind: .dense(Dense(units: 64, activation: .relu)), inputs: ["input"]),
      Layer(
        name: "scores", kind: .dense(Dense(units: classCount, activation: .softmax)),
        inputs: ["hidden"]),
    ], output: "scores")

  private static func trained(
    _ source: MemorySource, rows: [Int]?, seed: UInt64
  ) throws -> Parameters {
    let network = try Network(
      perceptron,
      parameters: Parameters(initializing: perceptron.parameterSpecifications(), seed: seed),
      threads: 1)
    var recipe = recipe
    recipe.seed = seed
    try network.train(on: source, rows: rows, recipe: recipe)
    return try network.parameters
  }

  func network() throws -> Network { try Network(architecture, parameters: original, threads: 1) }

  func samples(forget: [Int] = forgetRows) throws -> AuditSamples {
    try AuditSamples(
      train: train, forgetRows: forget, strangers: strangers,
      strangerRows: Array(0..<strangers.layout.count))
  }

  private static func clouds(_ count: Int, stream: String) throws -> MemorySource {
    var random = SeededGenerator(seed: 3, stream: stream)
    var (inputs, labels): ([Float], [Int32]) = ([], [])
    for index in 0..<count {
      let label = index / 4 % classCount
      labels.append(Int32(label))
      for coordinate in 0..<inputCount {
        let centre = coordinate % classCount == label ? 0.7 : 0
        inputs.append(Float(centre + random.nextNormal()))
      }
    }
    return try MemorySource(
      inputs: inputs, sampleShape: [inputCount], labels: labels, classCount: classCount)
  }
}
