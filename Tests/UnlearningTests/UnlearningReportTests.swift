import Evidence
import Foundation
import ModelCore
import TestSupport
import Testing

@testable import Unlearning

@Suite struct UnlearningReportTests {
  static let subjects: [UnlearningRequest.Subject] = [
    .samples(OverfitProblem.tenth), .samples([5]), .classes([0, 3]),
  ]

  private func json(_ report: UnlearningReport) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return try encoder.encode(report)
  }

  @Test(arguments: subjects) func reportsFitTheirSchema(
    subject: UnlearningRequest.Subject
  ) throws {
    let report = try OverfitProblem.overfit().run(subject, maxCost: 0.05).report
    let document = try JSONSerialization.jsonObject(with: json(report))
    #expect(try JSONSchema("report/unlearn-1.schema.json").violations(document) == [])
  }

  @Test func theSchemaRefusesWhatIsNoReport() throws {
    let report = try OverfitProblem.overfit().run(.samples([5]), maxCost: 0.05).report
    var document = try #require(
      try JSONSerialization.jsonObject(with: json(report)) as? [String: Any])
    let schema = try JSONSchema("report/unlearn-1.schema.json")
    document["ids"] = [5]
    #expect(schema.violations(document) == ["$: unknown ids"])
    document["ids"] = nil
    document["seed"] = nil
    #expect(schema.violations(document) == ["$: no seed"])
  }

  @Test(arguments: subjects) func aReportSurvivesJSON(subject: UnlearningRequest.Subject) throws {
    let report = try OverfitProblem.overfit().run(subject, maxCost: 0.05).report
    let back = try JSONDecoder().decode(UnlearningReport.self, from: json(report))
    #expect(back == report)
    #expect(back.description == report.description)
  }

  /// Two requests of one size that differ in their rows alone: nothing but rates tells them apart.
  @Test func aReportOfOneSampleDoesNotSayWhich() throws {
    let problem = try OverfitProblem.overfit()
    let report = try problem.run(.samples([737])).report
    #expect(report.before.forget == nil && report.after.forget == nil)
    #expect(!report.description.contains("737"))
    #expect(report.description.contains("would speak of"))
    #expect(!String(decoding: try json(report), as: UTF8.self).contains("737"))
  }

  /// The samples to forget moved more than unseen ones, and came nearer to what nobody taught; of fewer
  /// than ten nothing is said.
  @Test func howFarAnswersMovedIsSaid() throws {
    let problem = try OverfitProblem.overfit()
    let report = try problem.run(.samples(OverfitProblem.tenth), maxCost: 0.1).report
    let (forget, unseen) = (try #require(report.change.forget), try #require(report.change.unseen))
    #expect(forget.jensenShannon > unseen.jensenShannon, "\(report.change)")
    #expect(forget.activation > unseen.activation)
    #expect(forget.completeness < unseen.completeness)
    let likeness = try #require(report.change.zeroRetrainForgetting)
    #expect(likeness.after > likeness.before)
    #expect(abs(likeness.after - likeness.unseen) < abs(likeness.before - likeness.unseen))
    #expect(report.description.contains("\nmoved     answers to forgotten samples: JS "))

    let single = try problem.run(.samples([5]), maxCost: 0.05).report.change
    #expect(single.forget == nil && single.zeroRetrainForgetting == nil && single.unseen != nil)
  }

  @Test func theTextIsABlockForPeople() throws {
    let problem = try OverfitProblem.overfit()
    let text = try problem.run(.samples(OverfitProblem.tenth), maxCost: 0.1).report.description
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines[0] == "100 of 1,000 training samples to forget, 10.00 %, by match")
    #expect(lines.allSatisfy { $0.count <= 100 })
    #expect(lines.contains { $0.hasPrefix("forgotten") && $0.contains("100.0 %") })
    #expect(lines.contains { $0.hasPrefix("test") && $0.hasSuffix("1,000 samples") })
    #expect(lines.contains { $0.hasPrefix("cost") && $0.contains("% of retraining") })
    #expect(lines.contains { $0.hasPrefix("verdict   matched: ") })
  }

  @Test func anUnknownRecipeIsSaid() throws {
    let problem = try OverfitProblem.overfit()
    let request = UnlearningRequest(.samples([5]), maxCost: 0.05, seed: 1)
    let report = try Unlearner(
      problem.network(), data: problem.data, request: request, method: Match()
    ).run().report
    #expect(report.retraining.assumed)
    #expect(report.retraining.epochs == 50)
    #expect(report.remarks.contains { $0.contains("50 epochs of Adam at 0.001 are assumed") })
  }

  @Test func dearRunsAreToldOfRetraining() throws {
    let problem = try OverfitProblem.overfit()
    func says(_ cost: Double) throws -> Bool {
      try problem.run(.samples([5, 9]), maxCost: cost, retries: false).report.remarks.contains {
        $0.contains("--method retrain")
      }
    }
    #expect(try !says(0.1))
    #expect(try says(0.2))
  }

  @Test func aBudgetOfNothingIsRefused() throws {
    let problem = try OverfitProblem.overfit()
    for share in [0, -1, Double.nan, .infinity] {
      #expect { try problem.run(.samples([5]), maxCost: share) } throws: { error in
        guard case .maxCost = error as? UnlearningError else { return false }
        return true
      }
    }
  }

  @Test func numbersHaveNoNegativeZero() {
    #expect(Text.decimal(-0.0001, digits: 1) == "0.0")
    #expect(Text.percent(0.98765) == "98.8 %")
    #expect(Text.decimal(.infinity, digits: 2) == "-")
  }

  @Test func textIsWrappedBetweenWords() {
    #expect(Text.wrapped("aa bb cc", width: 5) == ["aa bb", "cc"])
    #expect(Text.wrapped("toolong a", width: 3) == ["toolong", "a"])
    #expect(Text.wrapped("a 5 % b", width: 4) == ["a", "5 %", "b"])
    #expect(Text.wrapped("", width: 3) == [])
  }
}
