internal import Engine
internal import Evidence
internal import Foundation
internal import ModelCore

/// Forgets classes without looking at their samples: learns noise that the model takes for anything but
/// the class, teaches the class's label for it beside retained samples, and repairs what that broke.
///
/// The noise maximises `CE(label) - 0.1 |noise|^2`. Every class has noise of its own under its own
/// label; the published code labels all of it as class 0. Batch normalization keeps its running
/// statistics and uses them: with the batch's own, as published, they are those of the noise, which no
/// repair within the budget makes good (``usesBatchStatistics``). Rates are training's own, and all that
/// the budget leaves goes into the repair, with the published rates one pass.
///
/// - SeeAlso: Tarun, Chundawat, Mandal and Kankanhalli, "Fast Yet Effective Machine Unlearning", TNNLS
///   2023.
public struct Unsir: UnlearningMethod, Hashable {
  /// Images of noise for each class.
  public var noiseCount = 64
  public var noiseSteps = 20
  public var noiseRate: Float = 0.1
  public var retainBatch = 128
  /// Adam's rates as shares of training's.
  public var impairShare: Float = 1.5
  public var repairShare: Float = 1
  /// Whether the rates are the published ones instead, .02 and .01, which cost much accuracy.
  public var usesPublishedRates = false
  /// Whether batch normalization takes the batch's statistics, and moves its own, as published.
  public var usesBatchStatistics = false

  public init() {}

  public var name: String { "unsir" }
  public static var knobs: [String: Knob<Unsir>] {
    [
      "noiseCount": .count(\.noiseCount, in: 1...65_536),
      "noiseSteps": .count(\.noiseSteps, in: 0...100_000),
      "noiseRate": .rate(\.noiseRate, in: 0...1000),
      "retainBatch": .count(\.retainBatch, in: 1...65_536),
      "impairShare": .rate(\.impairShare, in: 0.0001...1000),
      "repairShare": .rate(\.repairShare, in: 0.0001...1000),
      "publishedRates": .flag(\.usesPublishedRates),
      "batchStatistics": .flag(\.usesBatchStatistics),
    ]
  }

  public func defaultCost(for scenario: UnlearningProblem.Scenario) -> Double? { 0.08 }

  public func unlearn(_ session: UnlearningSession) throws {
    guard case .classes(let classes) = session.problem.scenario else {
      throw UnlearningError.scenario(method: name, expected: "whole classes")
    }
    try session.requireInputGradient()
    let network = session.network
    // At most half of the budget goes into the noise.
    let each = session.remaining / 2 / Double(classes.count * max(1, noiseSteps))
    let count = max(1, min(noiseCount, Int(min(each, 1e6))))
    session.note("noiseSamples", .number(Double(count)))
    var (noise, labels): ([Float], [Int32]) = ([], [])
    for label in classes {
      noise += try self.noise(against: label, count: count, session)
      labels += [Int32](repeating: Int32(label), count: count)
    }
    let samples = GivenSamples(
      "noise",
      FloatSamples(
        noise, shape: network.sampleShape, labels: labels, classCount: network.classCount),
      rows: Array(labels.indices))
    try repair(session, after: samples)
  }

  private func repair(_ session: UnlearningSession, after noise: GivenSamples) throws {
    let retain = session.batchSizes(forget: 0, retain: retainBatch).retain
    // The published ratio: 20 times 256 images of noise to 9,000 retained ones.
    let share = max(1, min(noise.rows.count, retain * 4 / 7))
    let room = session.remaining / Double(2 * retain + share)
    // One pass, as published; small data takes more of them to get as many steps.
    let wanted = max(session.problem.retainRows.count / retain, 70)
    let steps = max(1, min(Int(min(room, 1e9)), wanted))
    let sum = Float(retain + share)
    try session.descend(
      stage(
        [
          .init(.retain, count: retain, .init(.labels, weight: Float(retain) / sum)),
          .init(.given(noise), count: share, .init(.labels, weight: Float(share) / sum)),
        ], steps,
        rate: usesPublishedRates ? 0.02 : session.adamLearningRate * impairShare))
    // Published is one pass; what the budget leaves wins back more.
    let checks = usesPublishedRates ? 0 : session.affordableChecks / 2
    let left = session.affordableSteps(passesPerStep: Double(retain), checks: checks)
    var repair = stage(
      [.init(.retain, count: retain, .init(.labels))], usesPublishedRates ? steps : left,
      rate: usesPublishedRates ? 0.01 : session.adamLearningRate * repairShare)
    if !usesPublishedRates {
      repair.schedule = .linearToZero
      (repair.checks, repair.choice) = (checks, .nearest)
    }
    try session.descend(repair)
  }

  private func stage(_ terms: [Descent.Term], _ steps: Int, rate: Float) -> Descent {
    var descent = Descent([.init(terms)], steps: steps, learningRate: rate)
    descent.schedule = .constant
    descent.mode = usesBatchStatistics ? .training : .frozen
    descent.averages = false
    return descent
  }

  /// Noise that the original model takes for anything but a class: `[count, E]`.
  private func noise(
    against label: Int, count: Int, _ session: UnlearningSession
  ) throws -> [Float] {
    let network = session.network
    let batch = Batch(
      capacity: count, sampleElementCount: network.sampleShape.elementCount,
      classCount: network.classCount)
    var random = SeededGenerator(seed: session.seed, stream: "unlearn/noise/\(label)")
    for index in batch.inputs.indices { batch.inputs[index] = Float(random.nextNormal()) }
    batch.setCount(count)
    var adam = InputAdam(count: batch.inputs.count, rate: noiseRate)
    for step in 0..<noiseSteps {
      var gradient = try InputLoss.gradients(
        network, batch, labels: [Int](repeating: label, count: count), weight: -1)
      session.meter.addTrained(count)
      // The mean over the batch of 0.1 |noise|^2 has the gradient 0.2 noise / count.
      for index in gradient.indices {
        gradient[index] += 0.2 * batch.inputs[index] / Float(count)
      }
      adam.step(batch.inputs, gradient)
      try session.progress(step: step + 1, of: noiseSteps)
    }
    return Array(batch.inputs)
  }
}

/// Adam on samples instead of weights.
private struct InputAdam {
  private var first: [Float]
  private var second: [Float]
  private let rate: Float
  private var steps: Float = 0

  init(count: Int, rate: Float) {
    first = [Float](repeating: 0, count: count)
    second = first
    self.rate = rate
  }

  mutating func step(_ values: UnsafeMutableBufferPointer<Float>, _ gradient: [Float]) {
    steps += 1
    let (one, two) = (1 - pow(0.9, steps), 1 - pow(0.999, steps))
    for index in gradient.indices {
      first[index] = 0.9 * first[index] + 0.1 * gradient[index]
      second[index] = 0.999 * second[index] + 0.001 * gradient[index] * gradient[index]
      values[index] -= rate * first[index] / one / ((second[index] / two).squareRoot() + 1e-8)
    }
  }
}
