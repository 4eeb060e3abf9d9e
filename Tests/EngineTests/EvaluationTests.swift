import Engine
import Foundation
import ModelCore
import TestSupport
import Testing

@Suite struct EvaluationTests {
  /// Scores equal inputs.
  private func identity() throws -> Network {
    var sketch = NetworkSketch([2])
    let layer = sketch.add(.dense(2, activation: .softmax, usesBias: false))
    let kernel = Parameter(
      name: ParameterName(layer: layer, role: "kernel"), shape: try Shape([2, 2]),
      values: [1, 0, 0, 1])
    return try Network(sketch.architecture, parameters: Parameters([kernel]), threads: 1)
  }

  /// Probabilities of the labels: 3/4, 1/4, 1/2, 8/9, 1/10.
  private func samples() throws -> MemorySource {
    let scores: [Float] = [0, log(3), 0, log(3), 5, 5, log(8), 0, 1, 1 + log(9)]
    return try MemorySource(
      inputs: scores, sampleShape: [2], labels: [1, 0, 0, 0, 0], classCount: 2, rowsPerBlock: 2)
  }

  private let probabilities = [3.0 / 4, 1.0 / 4, 1.0 / 2, 8.0 / 9, 1.0 / 10]

  @Test(arguments: [1, 2, 3, 5, 256])
  func countsHitsAndLoss(batchSize: Int) throws {
    let result = try identity().evaluate(samples(), batchSize: batchSize)
    #expect(result.count == 5)
    // Of two equal scores the first counts, which is the third sample's label.
    #expect(result.correct == 3)
    #expect(result.accuracy == 0.6)
    let loss = probabilities.reduce(0) { $0 - log($1) } / 5
    #expect(abs(result.loss - loss) < 1e-6)
  }

  @Test func evaluatesChosenRows() throws {
    let result = try identity().evaluate(samples(), rows: [1, 3])
    #expect(result.count == 2 && result.correct == 1)
    #expect(abs(result.loss + (log(probabilities[1]) + log(probabilities[3])) / 2) < 1e-6)
  }

  @Test func anEmptyEvaluationIsZero() {
    let result = Evaluation()
    #expect(result.accuracy == 0 && result.loss == 0 && result.count == 0)
  }

  @Test func softTargetsCountByTheirShares() {
    let batch = Batch(capacity: 1, sampleElementCount: 1, classCount: 2)
    (batch.targets[0], batch.targets[1]) = (0.25, 0.75)
    batch.setCount(1)
    var result = Evaluation()
    [Float(0), log(3)].withUnsafeBufferPointer { result.add(batch, logits: $0) }
    #expect(abs(result.loss + 0.25 * log(0.25) + 0.75 * log(0.75)) < 1e-6)
    #expect(result.correct == 1)
  }

  @Test func scoresComeInTheOrderOfTheRows() throws {
    let scores = try identity().logits(of: samples(), rows: [0, 2, 4], batchSize: 2)
    #expect(scores.labels == [1, 0, 0])
    expectClose(
      scores.logits, [0, log(3.0), 5, 5, 1, 1 + log(9.0)], Tolerance(relative: 1e-6, absolute: 0),
      "scores")
    #expect((0..<3).map(scores.prediction) == [1, 0, 1])
    #expect(abs(scores.accuracy - 2.0 / 3) < 1e-12)
  }

  @Test func batchesSayWhichRowsTheyHold() throws {
    var ranges: [Range<Int>] = []
    try identity().forEachBatch(of: samples(), rows: [0, 1, 2, 4], batchSize: 3) {
      batch, logits, range in
      #expect(logits.count == 2 * batch.count && batch.count == range.count)
      ranges.append(range)
    }
    #expect(ranges == [0..<3, 3..<4])
  }

  @Test func softmaxWithstandsLargeScores() {
    var scores: [Float] = [1000, 1000, -1000, 0, log(3), -.infinity]
    Scores.softmax(&scores, classCount: 3)
    expectClose(
      scores, [0.5, 0.5, 0, 0.25, 0.75, 0], Tolerance(relative: 1e-6, absolute: 0), "softmax")
  }
}
