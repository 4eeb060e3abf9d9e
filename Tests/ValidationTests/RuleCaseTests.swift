import Checkpoints
import Foundation
import HDF5
import ModelCore
import TestSupport
import Testing

@testable import Validation

/// A file for each rule that breaks it and no other, made by `tools/reference/make_invalid.py`.
@Suite struct RuleCaseTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let file: String
    let rules: Set<String>
    let erased: [String]?
    let original: String?

    var testDescription: String { file }

    static func all() throws -> [Case] {
      let json = try JSONValue(parsing: Fixtures.text("validate/cases.json"))
      return try (json.array ?? []).map { entry in
        Case(
          file: try #require(entry["file"]?.string),
          rules: Set(try #require(entry["rules"]?.array).compactMap(\.string)),
          erased: entry["erased"]?.array?.compactMap(\.string),
          original: entry["original"]?.string)
      }
    }

    func run() throws -> Validation.Result {
      try Validation.run(
        Fixtures.path("validate/\(file)"),
        Validation.Request(
          erased: erased, original: original.map { Fixtures.path("validate/\($0)") }))
    }
  }

  @Test(arguments: try Case.all())
  func aFileBreaksItsRuleAndNoOther(_ testCase: Case) throws {
    let result = try testCase.run()
    #expect(Set(result.findings.counts.keys) == testCase.rules, "\(result.findings.kept)")
    for finding in result.findings.kept {
      #expect(!finding.path.isEmpty && !finding.expected.isEmpty && !finding.found.isEmpty)
    }
  }

  @Test func everyRuleHasAFileThatBreaksItAlone() throws {
    let broken = Set(try Case.all().filter { $0.rules.count == 1 }.flatMap(\.rules))
    let layouts = try Layout.all().flatMap(\.items).map(\.rule).filter { !$0.isEmpty }
    #expect(Set(layouts + CodedRule.allCases.map(\.rawValue)) == broken)
    #expect(layouts.count == Set(layouts).count)
    #expect(Set(layouts).isDisjoint(with: CodedRule.allCases.map(\.rawValue)))
  }

  /// The writer of this file knows the format from its published text alone.
  @Test func whatAnotherWriterMadeIsSound() throws {
    let result = try Validation.run(Fixtures.path("validate/valid.h5"))
    #expect(result.layouts == ["modelctl-checkpoint 1.0", "keras-legacy-h5 1.0"])
    #expect(result.findings.kept == [])
    #expect(result.unchecked == nil)
  }

  /// The engine does not know what Keras puts beside a kernel, and the file is right all the same.
  @Test func weightsOfLowRankAreNoMistake() throws {
    let result = try Validation.run(Fixtures.path("flavours/adapted.h5"))
    #expect(result.findings.kept == [])
  }

  @Test func aForeignFileThatWasEditedIsToldSoAndIsNoError() throws {
    let result = try Validation.run(Fixtures.path("validate/MC015-foreign.h5"))
    #expect(result.findings.kept.map(\.severity) == [.note])
    #expect(result.storage.unusedByteCountNotZero > 4000)
  }

  @Test(arguments: ["soft_link", "external_storage", "newer_superblock", "group_cycle"])
  func aFileThatCannotBeTrustedIsRefused(_ name: String) throws {
    #expect(throws: CheckpointError.self) {
      try Validation.run(Fixtures.path("malformed/\(name).h5"))
    }
  }

  @Test func aNewerVersionIsRefused() throws {
    let folder = try TemporaryDirectory()
    let path = folder.path("newer.h5")
    let file = try HDF5File(creating: path)
    let group = try file.root.createGroup("modelctl")
    try group.setAttribute("encoding-type", to: "modelctl-checkpoint")
    try group.setAttribute("encoding-version", to: "2.0")
    try file.close()
    #expect(throws: CheckpointError(path, .newerVersion(found: "2.0", supported: "1.0"))) {
      try Validation.run(path)
    }
  }

  @Test func whatIsNoCheckpointIsRefused() throws {
    let folder = try TemporaryDirectory()
    let path = folder.path("other.h5")
    let file = try HDF5File(creating: path)
    _ = try file.root.createGroup("other")
    try file.close()
    #expect(throws: CheckpointError(path, .notACheckpoint(hint: nil))) {
      try Validation.run(path)
    }
  }
}
