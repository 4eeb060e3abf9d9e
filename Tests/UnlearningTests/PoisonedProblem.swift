import Engine
import Evidence
import ModelCore
import TestSupport
import Unlearning

/// The overlapping classes of `OverfitProblem` with some training samples stamped and called class 0,
/// and a network that learned to answer the stamp.
struct PoisonedProblem {
  let train: MemorySource
  let unseen: MemorySource
  let trigger: Trigger
  let parameters: Parameters
  let right: [Int: Int32]

  static let trigger = Result {
    var mask = [Float](repeating: 0, count: OverfitProblem.inputCount)
    for index in 20..<24 { mask[index] = 1 }
    return try Trigger(patch: mask.map { $0 * 5 }, mask: mask, label: 0)
  }
  /// Every twenty-fifth sample that is not of the class anyway.
  static let rows = (0..<OverfitProblem.trainCount).filter {
    $0 % 25 == 7 && $0 % OverfitProblem.classCount != 0
  }
  private static let trained = Result { try PoisonedProblem.train() }

  init() throws {
    trigger = try Self.trigger.get()
    train = try Self.samples()
    unseen = try OverfitProblem.overfit().unseen
    parameters = try Self.trained.get()
    right = Dictionary(
      uniqueKeysWithValues: Self.rows.map { ($0, Int32($0 % OverfitProblem.classCount)) })
  }

  private static func samples() throws -> MemorySource {
    let clean = try OverfitProblem.overfit().train
    let size = OverfitProblem.inputCount
    var inputs = [Float](repeating: 0, count: OverfitProblem.trainCount * size)
    try inputs.withUnsafeMutableBytes {
      try clean.readInputs(0..<OverfitProblem.trainCount, into: $0)
    }
    var labels = (0..<Int32(OverfitProblem.trainCount)).map {
      $0 % Int32(OverfitProblem.classCount)
    }
    let trigger = try trigger.get()
    for row in rows {
      for index in 0..<size where trigger.mask[index] > 0 {
        inputs[row * size + index] = trigger.patch[index]
      }
      labels[row] = 0
    }
    return try MemorySource(
      inputs: inputs, sampleShape: [size], labels: labels, classCount: OverfitProblem.classCount)
  }

  private static func train() throws -> Parameters {
    let problem = try OverfitProblem.overfit()
    let network = try Network(
      problem.architecture,
      parameters: Parameters(
        initializing: problem.architecture.parameterSpecifications(), seed: 5), threads: 1)
    try network.train(on: samples(), recipe: problem.recipe)
    return try network.parameters
  }

  func run(
    _ subject: UnlearningRequest.Subject, by method: any UnlearningMethod = Match(),
    maxCost: Double? = 0.1, change: (inout UnlearningRequest) -> Void = { _ in }
  ) throws -> UnlearningOutcome {
    let clean = try OverfitProblem.overfit()
    var request = UnlearningRequest(
      subject, recipe: clean.recipe, maxCost: maxCost, retries: false, seed: 2)
    change(&request)
    return try Unlearner(
      Network(clean.architecture, parameters: parameters, threads: 1),
      data: UnlearningData(train: train, unseen: unseen, reported: [("test", clean.test)]),
      request: request, method: method
    ).run()
  }
}
