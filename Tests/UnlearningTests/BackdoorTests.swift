import Engine
import Foundation
import ModelCore
import TestSupport
import Testing

@testable import Unlearning

@Suite struct BackdoorTests {
  @Test(arguments: [true, false]) func aKnownTriggerLosesItsPower(knowsRecords: Bool) throws {
    let problem = try PoisonedProblem()
    let rows = knowsRecords ? PoisonedProblem.rows : []
    let report = try problem.run(.backdoor(problem.trigger, rows: rows), maxCost: 0.3).report
    let (before, after) = (
      try #require(report.before.labels), try #require(report.after.labels)
    )
    #expect(before.subject == .stamped)
    #expect(before.count > 700)
    #expect(before.rate > 0.8)
    #expect(after.rate <= before.base + 0.02, "\(report)")
    #expect(try #require(after.rightRate) > (try #require(before.rightRate)))
    #expect(report.power.hasPower)
    #expect(report.verdict.outcome == .matched, "\(report)")
    #expect(report.before.forget == nil)
    #expect(report.scenario.kind == .backdoor)
    #expect(report.scenario.forgetCount == rows.count)
    #expect(report.description.contains("attack success"))
    let json = try JSONSerialization.jsonObject(with: JSONEncoder().encode(report))
    #expect(try JSONSchema("report/unlearn-1.schema.json").violations(json) == [])
  }

  @Test func theAttackedClassIsFoundWhereNobodyNamesIt() throws {
    let problem = try PoisonedProblem()
    let nameless = try Trigger(patch: problem.trigger.patch, mask: problem.trigger.mask)
    let named = try problem.run(.backdoor(problem.trigger, rows: [])).report
    let found = try problem.run(.backdoor(nameless, rows: [])).report
    #expect(found.before.labels == named.before.labels)
  }

  @Test func wrongLabelsAreUntaughtWithoutKnowingTheRightOnes() throws {
    let problem = try PoisonedProblem()
    let report = try problem.run(.wrongLabels(PoisonedProblem.rows, right: [:])).report
    let (before, after) = (
      try #require(report.before.labels), try #require(report.after.labels)
    )
    #expect(before.subject == .records)
    #expect(before.rate == 1)
    #expect(before.rightRate == nil)
    #expect(after.passes, "\(report)")
    #expect(report.verdict.outcome == .matched, "\(report)")
    #expect(report.description.contains("wrong label"))
  }

  @Test func rightLabelsAreTaughtWhereTheyAreKnown() throws {
    let problem = try PoisonedProblem()
    let report = try problem.run(
      .wrongLabels(PoisonedProblem.rows, right: problem.right)
    ).report
    #expect(report.verdict.outcome == .matched, "\(report)")
    #expect(try #require(report.after.labels?.rightRate) > 0.9)
  }

  /// Weights are mixed with fresh ones once in a model's life.
  @Test func aModelThatWasResetIsNotResetAgain() throws {
    let problem = try PoisonedProblem()
    let subject = UnlearningRequest.Subject.wrongLabels(PoisonedProblem.rows, right: [:])
    #expect(try problem.run(subject).report.method.findings["softReset"] != nil)
    let second = try problem.run(subject) { $0.allowsReset = false }
    #expect(second.report.method.findings["softReset"] == nil)
    let method = try Match().with(["deep": .flag(true)])
    #expect(throws: UnlearningError.resetBefore) {
      try OverfitProblem.overfit().run(
        .samples([1]), by: method, maxCost: 0.2, change: { $0.allowsReset = false })
    }
  }

  @Test func fewRecordsAreNotCounted() throws {
    let problem = try PoisonedProblem()
    let report = try problem.run(
      .wrongLabels(Array(PoisonedProblem.rows.prefix(4)), right: [:])
    ).report
    #expect(report.before.labels == nil && report.after.labels == nil)
    #expect(report.description.contains("would speak of"))
  }

  @Test(arguments: ["retrain", "finetune", "neggrad", "random-label", "delete", "ssd"])
  func otherMethodsServeWrongLabelsToo(name: String) throws {
    let problem = try PoisonedProblem()
    let report = try problem.run(
      .wrongLabels(PoisonedProblem.rows, right: [:]), by: UnlearningMethods.named(name),
      maxCost: 0.1
    ).report
    #expect(report.scenario.kind == .wrongLabels)
    if name == "retrain" { #expect(try #require(report.after.labels).passes) }
  }

  @Test func aTriggerAloneNeedsMatch() throws {
    let problem = try PoisonedProblem()
    #expect(throws: UnlearningError.needsRecords(method: "scrub")) {
      try problem.run(.backdoor(problem.trigger, rows: []), by: Scrub())
    }
  }

  @Test func requestsThatMakeNoSenseAreRefused() throws {
    let problem = try PoisonedProblem()
    let rows = PoisonedProblem.rows
    #expect(throws: UnlearningError.labelIsRight(row: rows[0])) {
      try problem.run(.wrongLabels(rows, right: [rows[0]: 0]))
    }
    #expect(throws: UnlearningError.classIndex(9, count: 4)) {
      try problem.run(.wrongLabels(rows, right: [rows[0]: 9]))
    }
    let small = try Trigger(patch: [1, 1], mask: [1, 0])
    #expect(throws: TriggerError.self) { try problem.run(.backdoor(small, rows: [])) }
  }
}

@Suite struct LabelTestTests {
  /// Two standard errors of a share of ten samples are more than two points.
  @Test func theBandWidensForFewSamples() throws {
    let answers = try OverfitProblem.answers(labels: [0, 0, 0, 0], predictions: [0, 1, 1, 1])
    let few = LabelTest(records: answers, right: [1, 1, nil, 2], base: 0.1)
    #expect(few.rate == 0.25)
    #expect(try #require(few.rightRate) == 1.0 / 3)
    #expect(abs(few.band - 0.3) < 1e-12)
    #expect(few.passes && !few.hasPower)
    let stamped = LabelTest(stamped: answers, attack: 1, base: 0)
    #expect(stamped.rate == 0.75)
    #expect(stamped.band == 0.02)
    #expect(!stamped.passes && stamped.hasPower)
  }

  @Test func baseRatesLeaveTheClassItselfOut() throws {
    let answers = try OverfitProblem.answers(
      labels: [0, 0, 1, 1, 2, 2], predictions: [0, 1, 1, 0, 0, 2])
    #expect(LabelTest.baseRates(answers) == [0.5, 0.25, 0, 0])
  }
}
