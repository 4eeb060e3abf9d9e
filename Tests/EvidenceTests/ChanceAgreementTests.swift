import Evidence
import Testing

@Suite struct ChanceAgreementTests {
  /// Responses of a model that gives these classes.
  private func responses(_ given: [Int32], _ labels: [Int32], classes: Int = 2) throws -> Responses
  {
    let logits = given.flatMap { answer in
      (0..<classes).map { Float($0 == Int(answer) ? 1 : 0) }
    }
    return try Responses(logits: logits, labels: labels, classCount: classes)
  }

  /// Worked by hand: 7 of 10 right; class 1 is given 5 times and is the label of 6.
  @Test func chanceIsWhatTheSameAnswersWouldGetInAnotherOrder() throws {
    let agreement = ChanceAgreement(
      try responses([1, 1, 1, 1, 0, 0, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1, 0, 0, 0, 0]))
    #expect(abs(agreement.observed - 0.7) < 1e-12)
    #expect(abs(agreement.expected - (0.5 * 0.6 + 0.5 * 0.4)) < 1e-12)
    #expect(!agreement.isIgnorance)
  }

  @Test func oneAnswerForAllIsIgnorance() throws {
    let labels = (0..<300).map { Int32($0 % 10) }
    let given = [Int32](repeating: 4, count: labels.count)
    #expect(ChanceAgreement(try responses(given, labels, classes: 10)).isIgnorance)
  }

  /// A rare class makes chance right nearly always; a model that finds half of it knows something.
  @Test func aRareClassIsEnough() throws {
    let labels = (0..<1000).map { Int32($0 % 20 == 0 ? 1 : 0) }
    let given = (0..<1000).map { Int32($0 % 40 == 0 ? 1 : 0) }
    #expect(!ChanceAgreement(try responses(given, labels)).isIgnorance)
  }

  @Test(arguments: [0, 1, 10]) func nobodyIsCalledIgnorantForAHandful(count: Int) throws {
    let labels = (0..<count).map { Int32($0 % 10) }
    let given = labels.map { ($0 + 1) % 10 }
    #expect(!ChanceAgreement(try responses(given, labels, classes: 10)).isIgnorance)
  }
}
