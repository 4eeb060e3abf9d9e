import Evidence
import Foundation
import Testing

@testable import Unlearning

@Suite struct TargetTableTests {
  static let logits: [Float] = [2, 1, 0, -1, 3, 0.5]

  private func row(_ table: TargetTable, _ index: Int) -> ArraySlice<Float> {
    table.probabilities[(index * table.classCount)..<((index + 1) * table.classCount)]
  }

  @Test func theLabelGetsItsMarginAndTheOthersKeepTheirProportions() {
    let table = TargetTable.margins(
      [0, -2], logits: Self.logits, labels: [0, 1], classCount: 3)
    // softmax of (1, 0) is (e, 1) / (e + 1); the label's share is 1/2.
    let share = exp(1.0) / (exp(1.0) + 1)
    for (found, expected) in zip(row(table, 0), [0.5, share / 2, (1 - share) / 2]) {
      #expect(abs(Double(found) - expected) < 1e-6)
    }
    let label = 1 / (1 + exp(2.0))
    #expect(abs(Double(row(table, 1)[4]) - label) < 1e-6)
    #expect(abs(Double(row(table, 1)[3] / row(table, 1)[5]) - exp(-1.5)) < 1e-5)
  }

  @Test func everyRowSumsToOne() {
    let labels: [Int32] = [2, 0]
    let tables = [
      TargetTable.margins([5, -40], logits: Self.logits, labels: labels, classCount: 3),
      .masked([1], logits: Self.logits, classCount: 3),
      .withoutLabel(logits: Self.logits, labels: labels, classCount: 3),
      .labels(labels, classCount: 3),
    ]
    for table in tables {
      for index in 0..<2 {
        #expect(abs(row(table, index).reduce(0, +) - 1) < 1e-5)
        #expect(row(table, index).allSatisfy { $0 >= 0 && $0 <= 1 })
      }
    }
  }

  @Test(arguments: [(-1e9, -12.0), (1e9, 12.0), (3, 3)])
  func marginsAreClamped(margin: Double, expected: Double) {
    let table = TargetTable.margins([margin], logits: [0, 0], labels: [0], classCount: 2)
    let (own, other) = (Double(table.probabilities[0]), Double(table.probabilities[1]))
    #expect(abs(log(own) - log(other) - expected) < 1e-4)
  }

  /// A network that gives the target its target margin has that margin.
  @Test func aModelThatHitsTheTargetHasTheMargin() throws {
    let table = TargetTable.margins([1.25], logits: [4, 1, -2], labels: [2], classCount: 3)
    let logits = table.probabilities.map { Float(log(Double($0))) }
    let found = try Responses(logits: logits, labels: [2], classCount: 3).margins[0]
    #expect(abs(found - 1.25) < 1e-5)
  }

  @Test func maskedClassesGetNothingAndTheRestIsRenormalised() {
    let table = TargetTable.masked([0, 2], logits: Self.logits, classCount: 3)
    #expect(Array(row(table, 0)) == [0, 1, 0])
    let one = TargetTable.masked([1], logits: Self.logits, classCount: 3)
    #expect(row(one, 0)[1] == 0)
    #expect(abs(row(one, 0)[0] / row(one, 0)[2] - exp(2)) < 1e-4)
  }

  @Test func eachSamplesOwnClassIsTakenOut() {
    let table = TargetTable.withoutLabel(logits: Self.logits, labels: [1, 2], classCount: 3)
    #expect(row(table, 0)[1] == 0)
    #expect(row(table, 1)[5] == 0)
    #expect(Array(TargetTable.labels([1], classCount: 3).probabilities) == [0, 1, 0])
  }

  /// `sqrt(.8, .15, .05) = .894, .387, .224`, divided by their sum 1.505.
  @Test func aTemperatureMakesAnswersLessSure() {
    let table = TargetTable(classCount: 3, probabilities: [0.8, 0.15, 0.05, 0, 1, 0])
    let soft = table.softened(2)
    for (found, expected) in zip(row(soft, 0), [0.5942, 0.2573, 0.1485]) {
      #expect(abs(Double(found) - expected) < 1e-4)
    }
    #expect(Array(row(soft, 1)) == [0, 1, 0])
    #expect(table.softened(1) == table)
  }
}
