import Auditing
import Engine
import ModelCore
import TestSupport
import Testing
import Unlearning

@testable import Tuning

@Suite struct TunerTests {
  private static let count = 240
  private static let forget = Array(stride(from: 0, to: count, by: 8))
  private static let recipe = TrainingRecipe(
    epochs: 60, batchSize: 32, learningRate: 5e-3, seed: 1)

  private let train: MemorySource
  private let unseen: MemorySource
  private let validation: MemorySource
  private let network: Network

  init() throws {
    train = try Self.clouds(Self.count, stream: "train")
    unseen = try Self.clouds(400, stream: "unseen")
    validation = try Self.clouds(300, stream: "validation")
    let architecture = Architecture(
      name: "small",
      layers: [
        Layer(name: "input", kind: .input(shape: Shape(vector: 12)), inputs: []),
        Layer(name: "hidden", kind: .dense(Dense(units: 48, activation: .relu)), inputs: ["input"]),
        Layer(
          name: "scores", kind: .dense(Dense(units: 3, activation: .softmax)), inputs: ["hidden"]),
      ], output: "scores")
    network = try Network(
      architecture,
      parameters: Parameters(initializing: architecture.parameterSpecifications(), seed: 1),
      threads: 1)
    try network.train(on: train, recipe: Self.recipe)
  }

  private func tuner(_ method: any UnlearningMethod, validationCount: Int = 300) -> Tuner {
    let request = UnlearningRequest(
      .samples(Self.forget), recipe: Self.recipe, maxCost: 0.1, seed: 1)
    return Tuner(
      network, data: UnlearningData(train: train, unseen: unseen), request: request, method: method,
      validation: validation, validationRows: Array(0..<validationCount))
  }

  @Test func theWinnerHasTheLowestScoreOfWhatTheBudgetPaysFor() throws {
    var tuner = tuner(GradientDifference())
    tuner.budget = 0.45
    let report = try tuner.run(forgetRows: Self.forget)
    #expect((2...6).contains(report.trials.count) && report.trials.count < report.candidates)
    #expect(report.cost <= 0.5)
    let winner = try #require(report.winner)
    let accepted = report.trials.filter { $0.outcome?.isAccepted(requiringPower: false) ?? false }
    #expect(report.isAccepted == !accepted.isEmpty)
    let rivals = accepted.isEmpty ? report.trials : accepted
    #expect(report.trials[winner].score == rivals.compactMap(\.score).min())
    #expect(report.trials[0].changes.isEmpty)
    #expect(report.originalForgetAccuracy > report.originalValidationAccuracy + 0.1)
    for trial in report.trials {
      let (forget, validation) = (trial.forgetAccuracy ?? 0, trial.validationAccuracy ?? 0)
      #expect(abs((trial.distance ?? 0) - abs(forget - validation)) < 1e-12)
      let loss = report.originalValidationAccuracy - validation
      #expect(abs((trial.score ?? 0) - (abs(forget - validation) + max(0, loss)) / 2) < 1e-12)
    }
    #expect(report.locality?.forgotten == 30)
  }

  @Test func theSameSearchFindsTheSame() throws {
    var tuner = tuner(FineTune())
    tuner.budget = 0.3
    let original = try network.parameters
    let first = try tuner.run(forgetRows: Self.forget)
    try network.setParameters(original)
    #expect(try tuner.run(forgetRows: Self.forget) == first)
  }

  @Test func biasCountsLabelsThatAreStillGiven() throws {
    var tuner = tuner(FineTune())
    tuner.goal = .bias
    tuner.tradeOff = 1
    tuner.budget = 0.15
    let report = try tuner.run(forgetRows: Self.forget)
    #expect(report.trials[0].distance == report.trials[0].forgetAccuracy)
    #expect(report.trials[0].score == report.trials[0].distance)
  }

  @Test func settingsThatRunWildAreAResult() throws {
    var method = GradientDifference()
    method.weight = 1e6
    method.rateShare = 1e6
    method.gradientNorm = .greatestFiniteMagnitude
    // With an end to ascent, large steps on these samples make a perceptron that is no worse.
    method.ceiling = .greatestFiniteMagnitude
    var tuner = tuner(method)
    tuner.budget = 0.15
    let report = try tuner.run(forgetRows: Self.forget)
    let trial = report.trials[0]
    #expect(trial.score == nil ? report.winner == nil : trial.outcome != .matched)
  }

  @Test func whatMakesNoSenseIsRefused() throws {
    var broke = tuner(FineTune())
    broke.budget = 0.05
    #expect(throws: TuningError.budget(0.05, smallest: 0.1)) {
      try broke.run(forgetRows: Self.forget)
    }
    var odd = tuner(FineTune())
    odd.tradeOff = 2
    #expect(throws: TuningError.tradeOff(2)) { try odd.run(forgetRows: Self.forget) }
    #expect(throws: TuningError.noRecords) { try tuner(FineTune()).run(forgetRows: []) }
    #expect(throws: TuningError.tooFewValidationSamples(found: 3, needed: 20)) {
      try tuner(FineTune(), validationCount: 3).run(forgetRows: Self.forget)
    }
  }

  private static func clouds(_ count: Int, stream: String) throws -> MemorySource {
    var random = SeededGenerator(seed: 3, stream: stream)
    var (inputs, labels): ([Float], [Int32]) = ([], [])
    for index in 0..<count {
      let label = index % 3
      labels.append(Int32(label))
      for coordinate in 0..<12 {
        inputs.append(Float((coordinate % 3 == label ? 0.7 : 0) + random.nextNormal()))
      }
    }
    return try MemorySource(inputs: inputs, sampleShape: [12], labels: labels, classCount: 3)
  }
}
