import Engine
import Evidence
import Foundation
import ModelCore
import Unlearning

/// The data, the recipe and the models of the reference case.
struct Case {
  let train: Images
  let unseen: Images
  let test: Images
  let architecture: Architecture
  private let plan: TrainingRecipe
  let threads: Int
  let cache: String?

  static let trainCount = 10_000

  init(folder: String, network: String, threads: Int, cache: String?) throws {
    let isConvolutional = network == "cnn"
    let shape = isConvolutional ? [28, 28, 1] : [784]
    let all = try Images(folder: folder, kind: "train", shape: shape)
    train = try all.rows(0..<Self.trainCount)
    unseen = try all.rows(10_000..<15_000)
    test = try Images(folder: folder, kind: "t10k", shape: shape)
    architecture = isConvolutional ? try Self.convolutional() : try Self.perceptron()
    plan =
      isConvolutional
      ? TrainingRecipe(epochs: 25, batchSize: 128, learningRate: 1e-3)
      : TrainingRecipe(epochs: 50, batchSize: 128, learningRate: 2e-3)
    self.threads = threads
    self.cache = cache
  }

  private static func perceptron() throws -> Architecture {
    var chain = Chain(input: try Shape([784]))
    chain.add("dense_1", .dense(Dense(units: 256, activation: .relu)))
    chain.add("dense_2", .dense(Dense(units: 128, activation: .relu)))
    chain.add("scores", .dense(Dense(units: 10, activation: .softmax)))
    return chain.architecture("mlp")
  }

  private static func convolutional() throws -> Architecture {
    var chain = Chain(input: try Shape([28, 28, 1]))
    let two = Extent2D(height: 2, width: 2)
    for (index, filters) in [16, 32].enumerated() {
      chain.add(
        "conv_\(index)",
        .convolution2D(
          Convolution2D(
            filters: filters, kernelSize: Extent2D(height: 3, width: 3), padding: .same)))
      chain.add(
        "normalization_\(index)",
        .batchNormalization(BatchNormalization(momentum: 0.9, epsilon: 1e-5)))
      chain.add("relu_\(index)", .activation(.relu))
      chain.add("pool_\(index)", .pooling2D(Pooling2D(statistic: .max, size: two, strides: two)))
    }
    chain.add("flatten", .flatten)
    chain.add("dense", .dense(Dense(units: 128, activation: .relu)))
    chain.add("scores", .dense(Dense(units: 10, activation: .softmax)))
    return chain.architecture("cnn")
  }

  func recipe(seed: UInt64) -> TrainingRecipe {
    var recipe = plan
    recipe.seed = seed
    return recipe
  }

  var data: UnlearningData { UnlearningData(train: train, unseen: unseen) }

  func network(_ parameters: Parameters) throws -> Network {
    try Network(architecture, parameters: parameters, threads: threads)
  }

  /// The weights after training without some rows.
  func trained(without rows: [Int], seed: UInt64, name: String) throws -> Parameters {
    let specifications = try architecture.parameterSpecifications()
    let fresh = Parameters(initializing: specifications, seed: seed)
    if let stored = try load(name, like: fresh) { return stored }
    let gone = Set(rows)
    let network = try network(fresh)
    try network.train(
      on: train, rows: (0..<Self.trainCount).filter { !gone.contains($0) },
      recipe: recipe(seed: seed))
    let parameters = try network.parameters
    try save(parameters, name)
    return parameters
  }

  func responses(_ network: Network, _ source: Images, _ rows: [Int]? = nil) throws -> Responses {
    let scores = try network.logits(of: source, rows: rows)
    return try Responses(
      logits: scores.logits, labels: scores.labels, classCount: scores.classCount)
  }

  /// Forget, retain and test accuracy and what else a comparison needs.
  func profile(_ parameters: Parameters, forget: [Int]) throws -> ModelProfile {
    let network = try network(parameters)
    let all = try responses(network, train)
    let gone = Set(forget)
    let profile = ModelProfile(
      forget: all[forget], retain: all[(0..<all.count).filter { !gone.contains($0) }],
      test: try responses(network, test))
    guard let profile else { throw CaseError("nothing to compare") }
    return profile
  }

  private func path(_ name: String) -> String? {
    cache.map { "\($0)/\(architecture.name)-\(name).f32" }
  }

  private func save(_ parameters: Parameters, _ name: String) throws {
    guard let path = path(name) else { return }
    let values = parameters.all.flatMap(\.values)
    try values.withUnsafeBytes { try Data($0).write(to: URL(fileURLWithPath: path)) }
  }

  private func load(_ name: String, like template: Parameters) throws -> Parameters? {
    guard let path = path(name), let bytes = FileManager.default.contents(atPath: path),
      bytes.count == template.scalarCount * 4
    else { return nil }
    let values = bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    var result = template
    var start = 0
    result.update { _, slot in
      slot = Array(values[start..<(start + slot.count)])
      start += slot.count
    }
    return result
  }
}

/// Layers that each read the one before.
private struct Chain {
  private var layers: [Layer]

  init(input: Shape) { layers = [Layer(name: "input", kind: .input(shape: input), inputs: [])] }

  mutating func add(_ name: String, _ kind: Layer.Kind) {
    layers.append(Layer(name: name, kind: kind, inputs: layers.suffix(1).map(\.name)))
  }

  func architecture(_ name: String) -> Architecture {
    Architecture(name: name, layers: layers, output: layers[layers.count - 1].name)
  }
}
