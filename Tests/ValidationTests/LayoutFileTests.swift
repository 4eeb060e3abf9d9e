import Foundation
import ModelCore
import TestSupport
import Testing

@testable import Validation

/// The files of `Schemas/`: what is published is what is executed, and says what it means.
@Suite struct LayoutFileTests {
  private static func files(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(
      atPath: JSONSchema.folder.appendingPathComponent(folder).path
    ).filter { $0.hasSuffix(".json") }.sorted().map { folder + "/" + $0 }
  }

  private static func data(_ name: String) throws -> Data {
    try Data(contentsOf: JSONSchema.folder.appendingPathComponent(name))
  }

  private static func json(_ name: String) throws -> JSONValue {
    try JSONValue(parsing: [UInt8](data(name)))
  }

  @Test func theProgramHoldsThePublishedFiles() throws {
    let published = try Set(Self.files("layout").map { [UInt8](try Self.data($0)) })
    #expect(published == Set(EmbeddedFiles.layouts))
    #expect(EmbeddedFiles.schemas.keys.sorted() == (try Self.files("json")))
    for (name, bytes) in EmbeddedFiles.schemas {
      #expect(bytes == [UInt8](try Self.data(name)))
    }
  }

  @Test(arguments: try files("layout"))
  func aLayoutKeepsToTheGrammar(_ name: String) throws {
    let schema = try DocumentSchema(Self.json("meta/layout.schema.json"))
    #expect(try schema.violations(Self.json(name)) == [])
    // Another reader of the grammar agrees.
    let document = try JSONSerialization.jsonObject(with: Self.data(name))
    #expect(try JSONSchema("meta/layout.schema.json").violations(document) == [])
    for item in try Layout(Self.json(name)).items {
      #expect(item.schema.map { EmbeddedFiles.schemas[$0] != nil } ?? true)
      if let expression = item.expression { #expect(throws: Never.self) { try Regex(expression) } }
    }
  }

  @Test func everyCodedRuleIsDocumented() throws {
    let text = String(decoding: try Self.data("README.md"), as: UTF8.self)
    for rule in CodedRule.allCases {
      let line = "| \(rule.rawValue) | \(rule.severity.rawValue) | \(rule.title) |"
      #expect(text.contains(line), "\(line)")
    }
  }

  @Test func aLayoutWhoseParentsComeLaterIsRefused() throws {
    let layout = """
      {"format": "a", "version": "1.0", "title": "A", "when": ["/a"],
       "items": [{"rule": "AA101", "dataset": "/a/<b>/c", "quantity": "1"}]}
      """
    #expect(throws: LayoutError.self) { try Layout(JSONValue(parsing: layout)) }
  }

  // MARK: Examples

  /// The schema that an example is for, which its name starts with.
  private static func schema(for example: String) throws -> DocumentSchema {
    let name = example.split(separator: "/").last.map(String.init) ?? ""
    let all = try files("json") + ["meta/layout.schema.json"]
    let path = try #require(
      all.first { path in
        let stem = path.split(separator: "/").last?.split(separator: ".").first ?? ""
        return name.hasPrefix(stem)
      })
    return try DocumentSchema(json(path))
  }

  @Test(arguments: try files("examples/valid"))
  func aValidExampleIsValid(_ name: String) throws {
    #expect(try Self.schema(for: name).violations(Self.json(name)) == [])
  }

  @Test(arguments: try files("examples/invalid"))
  func anInvalidExampleBreaksTheRuleThatItNames(_ name: String) throws {
    let example = try Self.json(name)
    let document = try #require(example["document"])
    let violations = try Self.schema(for: name).violations(document)
    #expect(violations.map(\.path) == [example["breaks"]?["path"]?.string])
    #expect(violations.map(\.keyword) == [example["breaks"]?["keyword"]?.string])
  }

  @Test func aKeywordThatIsNotKnownIsAnError() throws {
    let schema = try DocumentSchema(JSONValue(parsing: #"{"multipleOf": 2}"#))
    #expect(throws: LayoutError.self) { try schema.violations(.integer(3)) }
  }
}
