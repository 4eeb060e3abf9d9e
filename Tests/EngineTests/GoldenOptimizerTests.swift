import Engine
import ModelCore
import TestSupport
import Testing

@testable import Checkpoints

/// Training as a compiled Keras model says, against what Keras itself does with that model.
///
/// - SeeAlso: `tools/reference/make_optimizers.py`.
@Suite struct GoldenOptimizerTests {
  private static let cases = [
    "sgd", "sgd_momentum", "sgd_nesterov", "sgd_decay", "adam", "adam_settings", "amsgrad_off",
    "amsgrad", "adamw", "adamw_amsgrad", "rmsprop", "rmsprop_momentum", "rmsprop_centered",
    "rmsprop_both", "clip_norm", "clip_global_norm", "clip_value", "clip_then_decay", "cosine",
    "cosine_warmup", "exponential", "exponential_staircase", "piecewise", "linear",
  ]

  private let golden: GoldenNetwork
  private let weights: ReferenceArrays
  private let file: JSONValue
  private let steps: Int

  init() throws {
    golden = try GoldenNetwork("mlp")
    weights = try ReferenceArrays("optimizers/weights.safetensors")
    file = try JSONValue(parsing: try Fixtures.text("optimizers/configs.json"))
    steps = Int(try #require(file["steps"]?.integer))
  }

  /// What Keras wrote, read as `train` reads it.
  private func recipe(_ name: String) throws -> TrainingRecipe {
    let config = try #require(file["configs"]?[name]).text
    let compiled = try #require(CompiledTraining(parsing: config), "\(name) is not understood")
    return TrainingRecipe(
      epochs: steps, batchSize: golden.labelled.count, optimizer: compiled.optimizer,
      learningRate: compiled.learningRate, schedule: compiled.schedule,
      weightDecay: compiled.weightDecay, clipping: compiled.clipping)
  }

  /// The weights after one step an epoch, on all samples.
  private func trained(_ recipe: TrainingRecipe) throws -> [ParameterName: [Double]] {
    let labels = try golden.values.tensor("labels").floats.map { Int32($0) }
    let source = try MemorySource(
      inputs: golden.labelled.inputs, sampleShape: [7], labels: labels,
      classCount: try golden.architecture.classCount())
    let network = try Network(golden.architecture, parameters: golden.weights, threads: 2)
    #expect(try network.train(on: source, recipe: recipe).steps == steps)
    return try network.parameters.doubles
  }

  /// Adam and RMSprop divide by the root of small numbers, which lifts rounding.
  private let tolerance = Tolerance(relative: 2e-5, absolute: 3e-7)

  @Test(arguments: cases.filter { $0 != "linear" })
  func stepsEndWhereThoseOfKerasDo(_ name: String) throws {
    let expected = try weights.parameters(name).doubles
    expectClose(try trained(try recipe(name)), expected, tolerance, name)
  }

  /// `PolynomialDecay` of power one, which we call by another name and over the whole run.
  @Test func aLinearRateEndsWhereThatOfKerasDoes() throws {
    let config = try #require(file["configs"]?["linear"]).text
    #expect(CompiledTraining(parsing: config) == nil)
    let recipe = TrainingRecipe(
      epochs: steps, batchSize: golden.labelled.count, optimizer: .sgd(momentum: 0),
      learningRate: 0.2, schedule: .linearToZero)
    expectClose(
      try trained(recipe), try weights.parameters("linear").doubles, tolerance, "linear")
  }

  @Test func everyCaseIsTested() throws {
    #expect(Set(file["configs"]?.object?.keys.map { $0 } ?? []) == Set(Self.cases))
  }

  /// Nothing is said of a model whose training is followed in full.
  @Test(arguments: cases.filter { $0 != "linear" })
  func allOfItIsHeeded(_ name: String) throws {
    #expect(CompiledTraining.unheeded(in: try #require(file["configs"]?[name]).text) == [])
  }

  @Test(arguments: [
    ("\"loss\": \"mse\"", ["the loss mse"]),
    ("\"loss\": {\"a\": \"binary_crossentropy\", \"b\": [\"mae\", null]}", ["the loss mae"]),
    (
      "\"loss\": {\"class_name\": \"CategoricalCrossentropy\", \"config\": {\"label_smoothing\": 0.5}}",
      ["label_smoothing 0.5"]
    ),
    ("\"loss_weights\": [1.0, 0.5]", ["loss_weights"]), ("\"loss_weights\": {\"a\": 1}", []),
    (
      "\"optimizer_config\": {\"class_name\": \"Adam\", \"config\": {\"learning_rate\": {\"class_name\": \"Mine\", \"config\": {}}}}",
      ["the optimizer Adam with Mine"]
    ),
  ])
  func whatIsNotHeededIsNamed(_ settings: String, _ names: [String]) {
    #expect(CompiledTraining.unheeded(in: "{\(settings)}") == names)
  }
}
