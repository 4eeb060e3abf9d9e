import Evidence
import Testing

@Suite struct ResponsesTests {
  /// `z[y] - scipy.special.logsumexp(numpy.delete(z, y))`, SciPy 1.17.1.
  @Test func marginsAreThoseOfSciPy() throws {
    let responses = try Responses(
      logits: [2, -1, 0.5, 0, 3, -2, 100, -50, 20], labels: [0, 2, 1], classCount: 3)
    let expected = [1.2985867220172476, -5.048587351573742, -150.0]
    for (found, expected) in zip(responses.margins, expected) {
      #expect(abs(found - expected) < 1e-12)
    }
  }

  /// The probability of the label rounds to 1 in float32 from about 17 on; the margin goes on.
  @Test func aMarginDoesNotSaturate() {
    #expect(Responses.margin(of: [80, 0][...], label: 0) == 80)
    #expect(Responses.margin(of: [-80, 0][...], label: 0) == -80)
    #expect(Responses.margin(of: [0, 9, 3.5, 2][1...2], label: 1) == -5.5)
  }

  @Test func theFirstOfEqualScoresIsPredicted() throws {
    let responses = try Responses(
      logits: [1, 1, 0, 0, 2, 2, 0, 0, 0], labels: [0, 2, 1], classCount: 3)
    #expect(responses.predictions == [0, 1, 0])
    #expect(abs(responses.accuracy - 1 / 3) < 1e-15)
    #expect(abs(responses.accuracy(weights: [3, 1, 1]) - 0.6) < 1e-15)
    #expect(responses.positionsByClass == [[0], [2], [1]])
    #expect(responses[[2, 0]].labels == [1, 0])
    #expect(responses[[2, 0]].margins == [responses.margins[2], responses.margins[0]])
  }

  @Test func noSamplesAreNoAccuracy() throws {
    #expect(try Responses(logits: [], labels: [], classCount: 2).accuracy == 0)
  }

  @Test(
    arguments: [
      ([1, 2, 3], [0], 2, EvidenceError.logitCount(expected: 2, found: 3)),
      ([1, 2], [2], 2, .label(2, row: 0, classCount: 2)),
      ([1, 2, 3, 4], [0, -1], 2, .label(-1, row: 1, classCount: 2)),
      ([1, 2, .nan, 4], [0, 1], 2, .notFinite(row: 1)),
      ([.infinity, 2], [0], 2, .notFinite(row: 0)),
      ([1], [0], 1, .tooFewClasses(1)),
    ] as [([Float], [Int32], Int, EvidenceError)])
  func rejects(logits: [Float], labels: [Int32], classCount: Int, expected: EvidenceError) {
    #expect(throws: expected) {
      try Responses(logits: logits, labels: labels, classCount: classCount)
    }
  }
}
