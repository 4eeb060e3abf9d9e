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
  let cache: String
  /// How many samples the models are trained on.
  let size: Int

  /// - Parameter isSmall: a fifth of the samples, for a look at everything in minutes.
  init(
    folder: String, network: String, isSmall: Bool, threads: Int, cache: String
  ) throws {
    guard ["mlp", "cnn", "cnn-bn"].contains(network) else {
      throw CaseError("a network is mlp, cnn or cnn-bn, not '\(network)'")
    }
    let isConvolutional = network != "mlp"
    size = isSmall ? 2000 : 10_000
    let shape = isConvolutional ? [28, 28, 1] : [784]
    let all = try Images(folder: folder, kind: "train", shape: shape)
    train = try all.rows(0..<size)
    unseen = try all.rows(10_000..<15_000)
    test = try Images(folder: folder, kind: "t10k", shape: shape)
    architecture =
      isConvolutional
      ? try Self.convolutional(normalizes: network == "cnn-bn") : try Self.perceptron()
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

  private static func convolutional(normalizes: Bool) throws -> Architecture {
    var chain = Chain(input: try Shape([28, 28, 1]))
    let two = Extent2D(height: 2, width: 2)
    for (index, filters) in [16, 32].enumerated() {
      chain.add(
        "conv_\(index)",
        .convolution2D(
          Convolution2D(
            filters: filters, kernelSize: Extent2D(height: 3, width: 3), padding: .same)))
      if normalizes {
        chain.add(
          "normalization_\(index)",
          .batchNormalization(BatchNormalization(momentum: 0.9, epsilon: 1e-5)))
      }
      chain.add("relu_\(index)", .activation(.relu))
      chain.add("pool_\(index)", .pooling2D(Pooling2D(statistic: .max, size: two, strides: two)))
    }
    chain.add("flatten", .flatten)
    chain.add("dense", .dense(Dense(units: 128, activation: .relu)))
    chain.add("scores", .dense(Dense(units: 10, activation: .softmax)))
    return chain.architecture(normalizes ? "cnn-bn" : "cnn")
  }

  func recipe(seed: UInt64) -> TrainingRecipe {
    var recipe = plan
    recipe.seed = seed
    return recipe
  }

  func network(_ parameters: Parameters) throws -> Network {
    try Network(architecture, parameters: parameters, threads: threads)
  }

  /// Weights, and how long training them took.
  struct Trained {
    let parameters: Parameters
    let seconds: Double
  }

  /// The weights after training without some rows.
  ///
  /// - Parameters:
  ///   - seed: of the study, which names them.
  ///   - start: of the weights and the order of samples; the study's own when nil.
  func trained(
    on source: Images, without rows: [Int], seed: Int, from start: Int? = nil, name: String
  ) throws -> Trained {
    let specifications = try architecture.parameterSpecifications()
    let fresh = Parameters(initializing: specifications, seed: UInt64(start ?? seed))
    let file = "\(name)-\(seed)"
    if let stored = try load(file, like: fresh) { return stored }
    let gone = Set(rows)
    let network = try network(fresh)
    let clock = ContinuousClock.now
    try network.train(
      on: source, rows: (0..<size).filter { !gone.contains($0) },
      recipe: recipe(seed: UInt64(start ?? seed)))
    let trained = Trained(
      parameters: try network.parameters,
      seconds: (ContinuousClock.now - clock) / .seconds(1))
    try save(trained, file)
    return trained
  }

  func responses(_ network: Network, _ source: Images, _ rows: [Int]? = nil) throws -> Responses {
    let scores = try network.logits(of: source, rows: rows)
    return try Responses(
      logits: scores.logits, labels: scores.labels, classCount: scores.classCount)
  }

  private func path(_ name: String) -> String {
    "\(cache)/\(architecture.name)-\(size)-\(name).f32"
  }

  /// The seconds come last, as one more number.
  private func save(_ trained: Trained, _ name: String) throws {
    let values = trained.parameters.all.flatMap(\.values) + [Float(trained.seconds)]
    try values.withUnsafeBytes {
      try Data($0).write(to: URL(fileURLWithPath: path(name)), options: .atomic)
    }
  }

  private func load(_ name: String, like template: Parameters) throws -> Trained? {
    guard let bytes = FileManager.default.contents(atPath: path(name)),
      bytes.count == (template.scalarCount + 1) * 4
    else { return nil }
    let values = bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    var result = template
    var start = 0
    result.update { _, slot in
      slot = Array(values[start..<(start + slot.count)])
      start += slot.count
    }
    return Trained(parameters: result, seconds: Double(values[start]))
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
