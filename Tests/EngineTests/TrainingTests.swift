import Engine
import ModelCore
import TestSupport
import Testing

@Suite struct TrainingTests {
  private struct Stop: Error {}

  /// Three clouds in the plane, far apart.
  private func clouds(_ count: Int) throws -> MemorySource {
    var random = SeededGenerator(seed: 1, stream: "clouds")
    let centers: [(Double, Double)] = [(2, 0), (-2, 2), (-1, -3)]
    var inputs: [Float] = []
    for index in 0..<count {
      let (x, y) = centers[index % 3]
      inputs.append(Float(x + 0.3 * random.nextNormal()))
      inputs.append(Float(y + 0.3 * random.nextNormal()))
    }
    return try MemorySource(
      inputs: inputs, sampleShape: [2], labels: (0..<count).map { Int32($0 % 3) }, classCount: 3,
      rowsPerBlock: 7)
  }

  private func network(seed: UInt64 = 1) throws -> Network {
    var sketch = NetworkSketch([2])
    sketch.add(.dense(8, activation: .relu))
    sketch.classify(3, flatten: false)
    let architecture = sketch.architecture
    let parameters = Parameters(
      initializing: try architecture.parameterSpecifications(), seed: seed)
    return try Network(architecture, parameters: parameters, threads: 2)
  }

  @Test(arguments: [
    TrainingRecipe(epochs: 20, batchSize: 16, learningRate: 0.02, seed: 3),
    TrainingRecipe(
      epochs: 20, batchSize: 16, optimizer: .sgd(momentum: 0.9), learningRate: 0.1,
      schedule: .constant, seed: 3),
  ])
  func learnsWhatCanBeLearned(_ recipe: TrainingRecipe) throws {
    let (source, network) = (try clouds(50), try network())
    let before = try network.evaluate(source)
    let summary = try network.train(on: source, recipe: recipe)
    let after = try network.evaluate(source)
    #expect(before.accuracy < 0.9)
    #expect(after.accuracy == 1)
    #expect(after.loss < 0.1 && after.loss < before.loss)
    // 50 samples are three batches of 16 and one of 2.
    #expect(summary.steps == 80)
    #expect(summary.samplePasses == 1000)
    #expect(summary.finalLoss < 0.2)
  }

  @Test func trainsConvolutionsToo() throws {
    // Which quarter of the image is bright.
    var random = SeededGenerator(seed: 2, stream: "quarters")
    var inputs: [Float] = []
    for index in 0..<60 {
      for pixel in 0..<36 {
        let quarter = pixel / 18 * 2 + pixel % 6 / 3
        inputs.append(Float(0.3 * random.nextNormal()) + (quarter == index % 4 ? 1 : 0))
      }
    }
    let source = try MemorySource(
      inputs: inputs, sampleShape: [6, 6, 1], labels: (0..<60).map { Int32($0 % 4) },
      classCount: 4)
    var sketch = NetworkSketch([6, 6, 1])
    sketch.add(.conv(8, 3, padding: .same, usesBias: false))
    sketch.add(.norm())
    sketch.add(.activation(.relu))
    sketch.add(.pool(.max, 2, strides: (2, 2)))
    sketch.add(.dropout(rate: 0.1))
    sketch.classify(4)
    let architecture = sketch.architecture
    let network = try Network(
      architecture,
      parameters: Parameters(
        initializing: try architecture.parameterSpecifications(), seed: 1), threads: 2)
    try network.train(
      on: source, recipe: TrainingRecipe(epochs: 30, batchSize: 20, learningRate: 0.02))
    #expect(try network.evaluate(source).accuracy == 1)
  }

  /// One batch of everything is the same in any order, so the oracle can follow.
  @Test(arguments: [TrainingRecipe.Schedule.constant, .linearToZero])
  func followsTheScheduleOfItsRecipe(_ schedule: TrainingRecipe.Schedule) throws {
    let (source, network) = (try clouds(9), try network())
    var naive = try NaiveNetwork(network.architecture, parameters: network.parameters)
    var optimizer = NaiveOptimizer(.sgd(momentum: 0.9))
    let summary = try network.train(
      on: source,
      recipe: TrainingRecipe(
        epochs: 4, batchSize: 64, optimizer: .sgd(momentum: 0.9), learningRate: 0.1,
        schedule: schedule))
    var inputs = [Float](repeating: 0, count: 18)
    try inputs.withUnsafeMutableBytes { try source.readInputs(0..<9, into: $0) }
    let samples = Samples(inputs: inputs, labels: (0..<9).map { Int32($0 % 3) }, classCount: 3)
    var loss = 0.0
    for step in 0..<4 {
      let rate = schedule == .constant ? 0.1 : 0.1 * (1 - Double(step) / 4)
      let result = naive.step(samples, mode: .training)
      optimizer.step(&naive, result.gradients, learningRate: rate)
      loss = result.loss
    }
    expectClose(try network.parameters.doubles, naive.weights, .direct, "weights")
    expectClose([summary.finalLoss], [loss], .direct, "loss")
    #expect(summary.steps == 4 && summary.samplePasses == 36)
  }

  @Test func progressCountsStepsAndEpochs() throws {
    let source = try clouds(10)
    var seen: [TrainingProgress] = []
    let summary = try network().train(
      on: source, recipe: TrainingRecipe(epochs: 2, batchSize: 4)
    ) { seen.append($0) }
    #expect(seen.map(\.step) == [1, 2, 3, 4, 5, 6])
    #expect(seen.map(\.steps) == .init(repeating: 6, count: 6))
    #expect(seen.map(\.epoch) == [0, 0, 0, 1, 1, 1])
    #expect(seen.map(\.epochs) == .init(repeating: 2, count: 6))
    #expect(seen.map(\.endsEpoch) == [false, false, true, false, false, true])
    #expect(seen.allSatisfy { $0.loss.isFinite && $0.loss > 0 })
    #expect(seen.last?.loss == summary.finalLoss)
  }

  @Test func whatProgressThrowsEndsTheRun() throws {
    let (source, network) = (try clouds(10), try network())
    let before = try network.parameters
    var count = 0
    #expect(throws: Stop.self) {
      try network.train(on: source, recipe: TrainingRecipe(epochs: 5, batchSize: 4)) {
        count += 1
        if $0.step == 2 { throw Stop() }
      }
    }
    #expect(count == 2)
    #expect(try network.parameters != before)
  }

  @Test func theSeedDecidesTheOrder() throws {
    func trained(_ seed: UInt64) throws -> Parameters {
      let network = try network()
      try network.train(
        on: try clouds(20), recipe: TrainingRecipe(epochs: 2, batchSize: 3, seed: seed))
      return try network.parameters
    }
    let first = try trained(1)
    #expect(try trained(1) == first)
    #expect(try trained(2) != first)
  }

  /// Rows that are left out must not matter at all, whatever they hold.
  @Test func trainsOnTheChosenRowsOnly() throws {
    let rows = [0, 1, 2, 3, 5, 9, 11]
    func trained(spoiled: Bool) throws -> Parameters {
      var inputs = (0..<24).map { Float($0 % 7) / 4 - 1 }
      for row in 0..<12 where spoiled && !rows.contains(row) {
        inputs[2 * row] = .nan
        inputs[2 * row + 1] = 1000
      }
      let source = try MemorySource(
        inputs: inputs, sampleShape: [2], labels: (0..<12).map { Int32($0 % 3) }, classCount: 3,
        rowsPerBlock: 4)
      let network = try network()
      let summary = try network.train(
        on: source, rows: rows, recipe: TrainingRecipe(epochs: 3, batchSize: 4))
      #expect(summary.samplePasses == 21)
      return try network.parameters
    }
    #expect(try trained(spoiled: true) == trained(spoiled: false))
  }

  @Test func aLabelThatTheNetworkDoesNotHaveIsNamed() throws {
    let source = try MemorySource(
      inputs: .init(repeating: 0, count: 10), sampleShape: [2], labels: [0, 1, 2, 3, 0],
      classCount: 4)
    let error = SampleError.label(3, row: 3, classCount: 3)
    let network = try network()
    #expect(throws: error) { try network.train(on: source, recipe: TrainingRecipe(epochs: 1)) }
    #expect(throws: error) { try network.evaluate(source) }
  }

  @Test func aRunThatDivergesIsEnded() throws {
    let (source, network) = (try clouds(12), try network())
    let error = #expect(throws: EngineError.self) {
      try network.train(
        on: source,
        recipe: TrainingRecipe(
          epochs: 200, batchSize: 4, optimizer: .sgd(momentum: 0.9), learningRate: 1e30,
          schedule: .constant))
    }
    guard case .diverged(let step, of: 600, let reason) = error, step < 10 else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(reason.isDivergence)
    #expect(error?.description.contains("at step \(step) of 600: ") == true)
    // Which layer, or which weight of which layer.
    #expect(error?.description.contains("_Dense") == true)
  }
}
