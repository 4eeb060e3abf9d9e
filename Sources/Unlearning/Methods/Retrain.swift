internal import Engine
internal import ModelCore

/// Trains a new model on the retained samples: what all other methods are measured by.
///
/// It starts from fresh weights and follows the recipe. A limit on the cost leaves out epochs; the
/// learning rate still runs down to its end.
public struct Retrain: UnlearningMethod, Hashable {
  public init() {}

  public var name: String { "retrain" }
  public var isExact: Bool { true }
  public static var knobs: [String: Knob<Retrain>] { [:] }

  public func defaultCost(for scenario: UnlearningProblem.Scenario) -> Double? { nil }

  public func unlearn(_ session: UnlearningSession) throws {
    var recipe = session.recipe
    let rows = try session.rows(of: .retain)
    try session.require(Double(rows.count), purpose: "an epoch takes")
    let affordable = session.remaining / Double(rows.count)
    recipe.epochs = max(1, min(recipe.epochs, Int(min(affordable, 1e9))))
    // The original may have been trained from the same seed: draw another start.
    var random = SeededGenerator(seed: session.seed, stream: "unlearn/retrain")
    let start = random.next()
    recipe.seed = random.next()
    session.note("epochs", .number(Double(recipe.epochs)))
    let network = session.network
    try network.setParameters(
      Parameters(initializing: network.architecture.parameterSpecifications(), seed: start))
    try session.timed(recipe.epochs * rows.count) {
      let summary = try network.train(
        on: session.problem.data.train, rows: rows, recipe: recipe
      ) { try session.progress(step: $0.step, of: $0.steps) }
      session.meter.addTrained(summary.samplePasses)
    }
  }
}
