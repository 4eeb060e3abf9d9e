import Engine
import ModelCore
import TestSupport
import Testing

@Suite struct VariationTests {
  private func run(
    _ augmentation: TrainingRecipe.Augmentation, threads: Int = 2, seed: UInt64 = 1,
    shape: [Int] = [6, 5, 2]
  ) throws -> Parameters {
    var sketch = NetworkSketch(shape)
    sketch.classify()
    let architecture = sketch.architecture
    let network = try Network(
      architecture, parameters: Parameters(randomFor: architecture, seed: 1), threads: threads)
    var random = SeededGenerator(seed: 2, stream: "images")
    let source = try MemorySource(
      inputs: (0..<12 * 60).map { _ in Float(random.nextNormal()) }, sampleShape: shape,
      labels: (0..<12).map { Int32($0 % 3) }, classCount: 3)
    try network.train(
      on: source,
      recipe: TrainingRecipe(epochs: 2, batchSize: 5, augmentation: augmentation, seed: seed))
    return try network.parameters
  }

  private let all = TrainingRecipe.Augmentation(
    shift: 2, flipsHorizontally: true, flipsVertically: true)

  @Test func doesTheSameWithAnyNumberOfThreads() throws {
    #expect(try run(all, threads: 1) == run(all, threads: 3))
  }

  @Test func eachSettingDoesSomething() throws {
    let runs = try [
      run(.none), run(all), run(all, seed: 2), run(.init(shift: 1)),
      run(.init(flipsHorizontally: true)), run(.init(flipsVertically: true)),
    ]
    #expect(Set(runs).count == runs.count)
  }

  @Test func needsImages() throws {
    #expect(throws: EngineError.self) { try run(all, shape: [60]) }
    #expect(throws: EngineError.self) { try run(.init(shift: 5)) }
  }

  /// ReLU would make a zero of it.
  @Test func aSampleThatIsNoNumberIsRefused() throws {
    let network = try SmallNetworks.network(SmallNetworks.dense)
    var inputs = [Float](repeating: 1, count: 27)
    inputs[13] = .nan
    for value in [Float.infinity, -.infinity] {
      inputs[13] = value
      let source = try MemorySource(
        inputs: inputs, sampleShape: [9], labels: [0, 1, 2], classCount: 5, name: "train")
      let error = SampleError.notFinite(value, row: 1, element: 4, split: "train")
      #expect(throws: error) { try network.train(on: source, recipe: TrainingRecipe(epochs: 1)) }
      #expect(throws: error) { try network.evaluate(source) }
    }
    inputs[13] = .nan
    let source = try MemorySource(
      inputs: inputs, sampleShape: [9], labels: [0, 1, 2], classCount: 5, name: "train")
    let error = #expect(throws: SampleError.self) { try network.evaluate(source) }
    #expect(
      error?.description
        == "row 1 of 'train' is nan at element 4; samples have to be finite numbers")
  }

  /// Half of the labels right, by hand.
  @Test func severalLabelsAreCountedOneByOne() throws {
    var evaluation = Evaluation(head: .multiLabel)
    let samples = Samples(
      inputs: [0, 0], targets: [1, 0, 1, 0], weights: [1, 1])
    let scores: [Float] = [2, 2, -2, -2]
    scores.withUnsafeBufferPointer { evaluation.add(samples.batch(), logits: $0) }
    #expect(evaluation.count == 2 && evaluation.accuracy == 0.5)
    // log(1 + e^-2) where right, log(1 + e^2) where wrong.
    #expect(abs(evaluation.loss - (0.126928 + 2.126928) / 2) < 1e-6)
  }

  @Test func schedulesAreThoseOfKeras() {
    func rates(_ schedule: TrainingRecipe.Schedule, _ steps: [Int]) -> [Double] {
      steps.map { schedule.factor(step: $0, of: 100) }
    }
    // CosineDecay(0.0, 10, alpha=0.1, warmup_target=1.0, warmup_steps=4) at 0, 2, 4, 9, 14, 20.
    let cosine = rates(.cosine(steps: 10, end: 0.1, warmup: 4), [0, 2, 4, 9, 14, 20])
    #expect(zip(cosine, [0, 0.5, 1, 0.55, 0.1, 0.1]).allSatisfy { abs($0 - $1) < 1e-6 })
    // ExponentialDecay(1.0, 10, 0.5) at 0, 5, 20, and as a staircase.
    let smooth = rates(.exponential(steps: 10, rate: 0.5), [0, 5, 20])
    #expect(zip(smooth, [1, 0.70710678, 0.25]).allSatisfy { abs($0 - $1) < 1e-6 })
    #expect(rates(.exponential(steps: 10, rate: 0.5, isStaircase: true), [9, 10]) == [1, 0.5])
    // PiecewiseConstantDecay([3, 5], [1.0, 0.5, 0.25]): a boundary belongs to what is before it.
    #expect(
      rates(.piecewise(boundaries: [3, 5], factors: [1, 0.5, 0.25]), [0, 3, 4, 5, 6])
        == [1, 1, 0.5, 0.5, 0.25])
  }
}
