import Engine
import Evidence
import Foundation
import ModelCore
import Testing

@testable import Unlearning

@Suite struct OtherMethodTests {
  private func session(
    _ subject: UnlearningRequest.Subject, _ problem: OverfitProblem, budget: Double = 50_000
  ) throws -> UnlearningSession {
    let network = try problem.network()
    let resolved = try UnlearningProblem(
      UnlearningRequest(subject, recipe: problem.recipe), data: problem.data, network: network,
      allowance: 1000)
    let judge = try Judge(network, problem: resolved, needs: .margins)
    return UnlearningSession(
      problem: resolved, network: network, original: try network.parameters,
      baseline: judge.baseline, recipe: problem.recipe, budget: budget, spentBefore: 0, seed: 3,
      attempt: 1, methodName: "test", report: { _ in })
  }

  // MARK: Newton

  /// Differences of gradients along a direction agree with the exact Hessian of a linear classifier:
  /// `H v = mean of x (diag(p) - p p^T) (x v)`.
  @Test func hessianProductsAreRight() throws {
    let problem = try OverfitProblem.linear()
    let session = try session(.samples(OverfitProblem.tenth), problem)
    let stream = try GradientStream(session, .retain, count: 900, name: "test")
    try stream.advance()
    var direction = try session.originalWeights
    var random = SeededGenerator(seed: 8)
    for index in direction.values.indices {
      direction.values[index] = Float(random.nextNormal())
    }
    let found = try Newton.hessian(
      times: direction, at: session.originalWeights, stream, session)
    let exact = try exactProduct(direction.values, problem, session)
    let scale = exact.map(abs).max() ?? 0
    #expect(zip(found.values, exact).allSatisfy { abs($0 - $1) < 0.01 * scale })
  }

  private func exactProduct(
    _ v: [Float], _ problem: OverfitProblem, _ session: UnlearningSession
  ) throws -> [Float] {
    let (size, width) = (OverfitProblem.inputCount, OverfitProblem.classCount)
    let rows = session.problem.retainRows
    let inputs = try StoredInputs(problem.network(), problem.train, rows)
    var scores = try problem.network().logits(of: problem.train, rows: rows).logits
    Scores.softmax(&scores, classCount: width)
    var result = [Float](repeating: 0, count: v.count)
    for row in rows.indices {
      let x = Array(inputs.values[(row * size)..<((row + 1) * size)]) + [1]
      let p = Array(scores[(row * width)..<((row + 1) * width)])
      // Kernel [in, out] and then the bias.
      let z = (0..<width).map { column in
        x.indices.reduce(Float(0)) { $0 + x[$1] * v[$1 * width + column] }
      }
      let mean = zip(p, z).reduce(Float(0)) { $0 + $1.0 * $1.1 }
      for column in 0..<width {
        let change = p[column] * (z[column] - mean) / Float(rows.count)
        for index in x.indices { result[index * width + column] += change * x[index] }
      }
    }
    return result
  }

  /// Where the loss is convex the step leads to its minimum without the forgotten samples.
  @Test func newtonStepsTowardsTheMinimum() throws {
    let problem = try OverfitProblem.linear()
    let session = try session(.classes([3]), problem, budget: 1e6)
    func gradient() throws -> Double {
      let stream = try GradientStream(session, .retain, count: 750, name: "after")
      return try #require(try stream.meanGradient(over: 750)).norm
    }
    let before = try gradient()
    try Newton().with(["batch": .number(750), "depth": .number(200)]).unlearn(session)
    #expect(try gradient() < 0.5 * before)
  }

  // MARK: Decay

  /// A factor in the weights is a factor on the neurons' outputs, whatever lies between.
  @Test func factorsReachTheOutputs() throws {
    let layers: [(String, Layer.Kind)] = [
      (
        "conv",
        .convolution2D(
          Convolution2D(filters: 3, kernelSize: Extent2D(height: 3, width: 3), padding: .same))
      ),
      ("norm", .batchNormalization(BatchNormalization(momentum: 0.9, epsilon: 1e-3))),
      ("relu", .activation(.relu)), ("flat", .flatten),
      ("hidden", .dense(Dense(units: 5, activation: .relu))),
      ("saturating", .dense(Dense(units: 5, activation: .tanh))),
      ("scores", .dense(Dense(units: 4))), ("softmax", .activation(.softmax)),
    ]
    var all = [Layer(name: "input", kind: .input(shape: try Shape([6, 6, 1])), inputs: [])]
    for (name, kind) in layers {
      all.append(Layer(name: name, kind: kind, inputs: [all[all.count - 1].name]))
    }
    let architecture = Architecture(name: "test", layers: all, output: "softmax")
    let units = HiddenUnits.all(in: architecture)
    #expect(units.map(\.weightLayer) == ["norm", "hidden"])
    #expect(units.map(\.outputLayer) == ["relu", "hidden"])

    let parameters = Parameters(
      initializing: try architecture.parameterSpecifications(), seed: 1)
    let network = try Network(architecture, parameters: parameters, threads: 1)
    var random = SeededGenerator(seed: 3)
    let source = FloatSamples(
      (0..<10 * 36).map { _ in Float(random.nextNormal()) }, shape: try Shape([6, 6, 1]),
      labels: [Int32](repeating: 0, count: 10), classCount: 4)
    let inputs = try StoredInputs(network, source, Array(0..<10))
    for unit in units {
      let before = try unit.activity(network, inputs)
      let factors = before.indices.map { 1 / Float($0 + 2) }
      var changed = parameters
      unit.scale(&changed, by: factors)
      try network.setParameters(changed)
      let after = try unit.activity(network, inputs)
      for index in before.indices {
        #expect(abs(after[index] - before[index] * Double(factors[index])) < 1e-5)
      }
      try network.setParameters(parameters)
    }
  }

  /// A neuron that answers along a sequence has one activity, the mean over its steps.
  @Test func neuronsOfSequencesHaveOneActivity() throws {
    var layers = [Layer(name: "input", kind: .input(shape: try Shape([6, 3])), inputs: [])]
    for (name, kind) in [
      ("hidden", .dense(Dense(units: 5, activation: .relu))), ("flat", .flatten),
      ("scores", .dense(Dense(units: 4))),
    ] as [(String, Layer.Kind)] {
      layers.append(Layer(name: name, kind: kind, inputs: [layers[layers.count - 1].name]))
    }
    let architecture = Architecture(name: "test", layers: layers, output: "scores")
    let network = try Network(
      architecture,
      parameters: Parameters(initializing: architecture.parameterSpecifications(), seed: 1),
      threads: 1)
    let samples = FloatSamples(
      (0..<10 * 18).map { sin(Float($0)) }, shape: try Shape([6, 3]),
      labels: [Int32](repeating: 0, count: 10), classCount: 4)
    let units = HiddenUnits.all(in: architecture)
    #expect(units.map(\.outputLayer) == ["hidden"])
    let activity = try units[0].activity(
      network, try StoredInputs(network, samples, Array(0..<10)))
    #expect(activity.count == 5)
    #expect(activity.contains { $0 > 0 })
  }

  @Test func decayNeedsNeuronsThatScale() throws {
    let problem = try OverfitProblem.linear()
    let session = try session(.samples(OverfitProblem.tenth), problem)
    #expect {
      try Decay().unlearn(session)
    } throws: { error in
      guard case .architecture = error as? UnlearningError else { return false }
      return true
    }
  }

  // MARK: Selective synaptic dampening

  @Test func dampeningSearchesForItsThreshold() throws {
    let problem = try OverfitProblem.overfit()
    let report = try problem.run(
      .samples(OverfitProblem.tenth), by: SynapticDampening(), maxCost: 0.1, retries: false
    ).report
    #expect(try report.number("alpha") < 1000)
    let share = try report.number("dampened")
    #expect(share > 0 && share <= 1)
    #expect(try #require(report.after.forget).accuracy < 1)
    // Far above any weight's share nothing is touched.
    let fixed = try problem.run(
      .samples(OverfitProblem.tenth),
      by: SynapticDampening().with(["alpha": .number(1e8)]), maxCost: 0.1, retries: false)
    #expect(try fixed.report.number("dampened") == 0)
    #expect(fixed.parameters == problem.parameters)
  }

  // MARK: Classes

  @Test(arguments: ["unsir", "boundary"]) func classesAreForgotten(name: String) throws {
    let problem = try OverfitProblem.overfit()
    let report = try problem.run(
      .classes([1]), by: UnlearningMethods.named(name), maxCost: 0.3, retries: false
    ).report
    let test = try #require(report.after.forgottenClasses)
    #expect(test.forgetAccuracy < 0.1, "\(report)")
    #expect(try #require(test.unseenAccuracy) < 0.1, "\(report)")
  }

  /// No small step leads from one word to another: said in words, and what goes without is there.
  @Test func samplesLookedUpInATableTakeNoStep() throws {
    let network = try Self.lookingUp()
    let words = { (count: Int) in
      FloatSamples(
        (0..<count * 6).map { Float(($0 * 7 + $0 / 6) % 10) }, shape: try Shape([6]),
        labels: (0..<count).map { Int32($0 % 3) }, classCount: 3)
    }
    let recipe = OverfitProblem.recipe(epochs: 10)
    let problem = try UnlearningProblem(
      UnlearningRequest(.classes([1]), recipe: recipe),
      data: UnlearningData(train: words(120), unseen: words(60)), network: network,
      allowance: 1000)
    let judge = try Judge(network, problem: problem, needs: .forget)
    let session = UnlearningSession(
      problem: problem, network: network, original: try network.parameters,
      baseline: judge.baseline, recipe: recipe, budget: 5_000, spentBefore: 0, seed: 3,
      attempt: 1, methodName: "test", report: { _ in })
    for method in [Unsir(), BoundaryShrink()] as [any UnlearningMethod] {
      #expect {
        try method.unlearn(session)
      } throws: { error in
        guard case .architecture = error as? UnlearningError else { return false }
        return true
      }
    }
    var still = BoundaryShrink()
    still.epsilon = 0
    try still.unlearn(session)
    #expect(session.steps > 0)
  }

  private static func lookingUp() throws -> Network {
    var layers = [Layer(name: "input", kind: .input(shape: try Shape([6])), inputs: [])]
    for (name, kind) in [
      ("table", .embedding(Embedding(vocabulary: 10, dimension: 4))), ("flat", .flatten),
      ("scores", .dense(Dense(units: 3))),
    ] as [(String, Layer.Kind)] {
      layers.append(Layer(name: name, kind: kind, inputs: [layers[layers.count - 1].name]))
    }
    let architecture = Architecture(name: "test", layers: layers, output: "scores")
    return try Network(
      architecture,
      parameters: Parameters(initializing: architecture.parameterSpecifications(), seed: 1),
      threads: 1)
  }

  /// The class that was added is gone from the result, and much of the one to forget; more than by
  /// boundary shrink is left, for nothing pushes it below the other classes.
  @Test func aClassIsForgottenByAddingOne() throws {
    let problem = try OverfitProblem.overfit()
    let method = try BoundaryShrink().with(["expand": .flag(true), "rateShare": .number(0.5)])
    let outcome = try problem.run(.classes([1]), by: method, maxCost: 0.1, retries: false)
    let test = try #require(outcome.report.after.forgottenClasses)
    #expect(test.forgetAccuracy < 0.5, "\(outcome.report)")
    #expect(try #require(test.unseenAccuracy) < 0.5, "\(outcome.report)")
    #expect(outcome.parameters.all.map(\.shape) == problem.parameters.all.map(\.shape))
    #expect(outcome.report.utility.loss <= outcome.report.utility.allowance)
    #expect(outcome.report.cost.share <= 0.1)
  }

  /// Each class has noise of its own under its own label, so that both are forgotten.
  @Test func unsirForgetsSeveralClasses() throws {
    let problem = try OverfitProblem.overfit()
    let report = try problem.run(
      .classes([1, 2]), by: Unsir(), maxCost: 0.4, retries: false
    ).report
    #expect(try #require(report.after.forgottenClasses).forgetAccuracy < 0.15, "\(report)")
  }

  @Test func theLossIsDifferentiatedByTheSamples() throws {
    let network = try OverfitProblem.overfit().network()
    let batch = Batch(
      capacity: 2, sampleElementCount: OverfitProblem.inputCount,
      classCount: OverfitProblem.classCount)
    batch.setCount(2)
    var random = SeededGenerator(seed: 12)
    for index in batch.inputs.indices { batch.inputs[index] = Float(random.nextNormal()) }
    func loss() throws -> Double {
      var logits = [Float](repeating: 0, count: 2 * OverfitProblem.classCount)
      try logits.withUnsafeMutableBufferPointer {
        try network.logits(UnsafeBufferPointer(batch.inputs), count: 2, into: $0)
      }
      return [1, 3].enumerated().reduce(0.0) { sum, item in
        let row = logits[(item.offset * 4)..<(item.offset * 4 + 4)].map(Double.init)
        return sum + (log(row.reduce(0) { $0 + exp($1) }) - row[item.element]) / 2
      }
    }
    let found = try InputLoss.gradients(network, batch, labels: [1, 3])
    for index in stride(from: 0, to: found.count, by: 5) {
      let value = batch.inputs[index]
      batch.inputs[index] = value + 1e-3
      let above = try loss()
      batch.inputs[index] = value - 1e-3
      let below = try loss()
      batch.inputs[index] = value
      #expect(abs(Double(found[index]) - (above - below) / 2e-3) < 2e-2)
    }
  }
}
