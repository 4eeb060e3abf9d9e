import Engine
import Evidence
import ModelCore
import TestSupport
import Unlearning

/// Overlapping Gaussian classes, few enough for a network to learn them by heart: what it was
/// trained on it answers rightly, and of what it never saw it misses a good part.
struct OverfitProblem {
  let train: MemorySource
  let unseen: MemorySource
  let test: MemorySource
  private(set) var parameters: Parameters
  let architecture: Architecture
  let recipe: TrainingRecipe

  static let classCount = 4
  static let trainCount = 1000
  static let inputCount = 24
  /// A tenth of the training rows, a quarter of them of each class.
  static let tenth = (0..<trainCount).filter { $0 / classCount % 10 == 7 }

  /// The weights of a network that knows its training samples by heart; trained once for all tests.
  private static let overfitParameters = Result { try trained(epochs: 150) }
  /// Those after one pass, which leaves nothing by heart.
  private static let honestParameters = Result { try trained(epochs: 1) }

  static func overfit() throws -> OverfitProblem {
    try OverfitProblem(parameters: overfitParameters.get(), epochs: 150)
  }

  static func honest() throws -> OverfitProblem {
    try OverfitProblem(parameters: honestParameters.get(), epochs: 150)
  }

  /// A linear classifier near its minimum.
  static func linear() throws -> OverfitProblem {
    try OverfitProblem(parameters: linearParameters.get(), epochs: 150, linearArchitecture())
  }

  private static let linearParameters = Result {
    let architecture = try linearArchitecture()
    let network = try Network(
      architecture,
      parameters: Parameters(initializing: architecture.parameterSpecifications(), seed: 5),
      threads: 1)
    try network.train(on: blobs(trainCount, stream: "train"), recipe: recipe(epochs: 60))
    return try network.parameters
  }

  /// The same with other weights.
  func with(_ parameters: Parameters) -> OverfitProblem {
    var problem = self
    problem.parameters = parameters
    return problem
  }

  /// Responses with given predictions, each by one point.
  static func answers(labels: [Int32], predictions: [Int32]) throws -> Responses {
    try Responses(
      logits: predictions.flatMap { prediction in
        (0..<Int32(classCount)).map { $0 == prediction ? 1 : 0 }
      }, labels: labels, classCount: classCount)
  }

  private init(
    parameters: Parameters, epochs: Int, _ architecture: Architecture? = nil
  ) throws {
    train = try Self.blobs(Self.trainCount, stream: "train")
    unseen = try Self.blobs(2000, stream: "unseen")
    test = try Self.blobs(1000, stream: "test")
    self.architecture = try architecture ?? Self.perceptron()
    recipe = Self.recipe(epochs: epochs)
    self.parameters = parameters
  }

  static func recipe(epochs: Int) -> TrainingRecipe {
    TrainingRecipe(epochs: epochs, batchSize: 32, learningRate: 3e-3, seed: 5)
  }

  private static func trained(epochs: Int) throws -> Parameters {
    let architecture = try perceptron()
    let network = try Network(
      architecture,
      parameters: Parameters(initializing: architecture.parameterSpecifications(), seed: 5),
      threads: 1)
    try network.train(on: blobs(trainCount, stream: "train"), recipe: recipe(epochs: epochs))
    return try network.parameters
  }

  func network() throws -> Network {
    try Network(architecture, parameters: parameters, threads: 1)
  }

  var data: UnlearningData {
    UnlearningData(train: train, unseen: unseen, reported: [("test", test)])
  }

  func run(
    _ subject: UnlearningRequest.Subject, by method: any UnlearningMethod = Match(),
    maxCost: Double? = nil, retries: Bool = true, requiresPower: Bool = false, seed: UInt64 = 1,
    change: (inout UnlearningRequest) -> Void = { _ in },
    progress: @escaping (UnlearningProgress) throws -> Void = { _ in }
  ) throws -> UnlearningOutcome {
    var request = UnlearningRequest(
      subject, recipe: recipe, maxCost: maxCost, retries: retries, requiresPower: requiresPower,
      seed: seed)
    change(&request)
    return try Unlearner(network(), data: data, request: request, method: method)
      .run(progress: progress)
  }

  private static func linearArchitecture() throws -> Architecture {
    Architecture(
      name: "linear",
      layers: [
        Layer(name: "input", kind: .input(shape: Shape(vector: inputCount)), inputs: []),
        Layer(
          name: "scores", kind: .dense(Dense(units: classCount, activation: .softmax)),
          inputs: ["input"]),
      ], output: "scores")
  }

  private static func perceptron() throws -> Architecture {
    Architecture(
      name: "perceptron",
      layers: [
        Layer(name: "input", kind: .input(shape: Shape(vector: inputCount)), inputs: []),
        Layer(
          name: "hidden", kind: .dense(Dense(units: 96, activation: .relu)), inputs: ["input"]),
        Layer(
          name: "scores", kind: .dense(Dense(units: classCount, activation: .softmax)),
          inputs: ["hidden"]),
      ], output: "scores")
  }

  /// Class `c` is centred at 1 in every fourth coordinate from `c` on.
  private static func blobs(_ count: Int, stream: String) throws -> MemorySource {
    var random = SeededGenerator(seed: 11, stream: stream)
    var inputs: [Float] = []
    var labels: [Int32] = []
    for index in 0..<count {
      let label = index % classCount
      labels.append(Int32(label))
      for coordinate in 0..<inputCount {
        let centre = coordinate % classCount == label ? 1.0 : 0
        inputs.append(Float(centre + 0.9 * random.nextNormal()))
      }
    }
    return try MemorySource(
      inputs: inputs, sampleShape: [inputCount], labels: labels, classCount: classCount)
  }
}
