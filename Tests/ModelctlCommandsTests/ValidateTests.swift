import Checkpoints
import Foundation
import TestSupport
import Testing

/// `modelctl validate` as a user meets it.
@Suite struct ValidateTests {
  private let folder: TemporaryDirectory
  private let digits = JSONSchema.folder.deletingLastPathComponent()
    .appendingPathComponent("samples/digits.h5").path

  init() throws { folder = try TemporaryDirectory() }

  private func violations(_ result: Tool.Result) throws -> [String] {
    try JSONSchema("report/validate-1.schema.json").violations(try result.json())
  }

  @Test func theSampleIsValid() throws {
    let result = try Tool.run("validate", digits, "--json")
    #expect(result.status == 0, "\(result.output)")
    #expect(try violations(result) == [])
    let json = try result.json()
    #expect(json["valid"] as? Bool == true)
    #expect(json["layouts"] as? [String] == ["modelctl-checkpoint 1.0", "keras-legacy-h5 1.0"])
    let text = try Tool.run("validate", digits)
    #expect(text.output.hasSuffix("valid: 0 errors, 0 warnings, 0 notes\n"))
    #expect(text.errors.isEmpty)
  }

  @Test(arguments: ["keras/keras3_functional.h5", "keras/tfkeras_weights_only.h5"])
  func aForeignFileIsJudgedByItsOwnLayout(_ name: String) throws {
    let result = try Tool.run("validate", Fixtures.path(name), "--json")
    #expect(result.status == 0)
    #expect(try violations(result) == [])
    #expect(try result.json()["layouts"] as? [String] == ["keras-legacy-h5 1.0"])
  }

  @Test func theWeightsInsideAnArchiveAreJudged() throws {
    let result = try Tool.run(
      "validate", Fixtures.path("keras/keras3_sequential.keras"), "--json")
    #expect(result.status == 0, "\(result.errors)")
    #expect(try violations(result) == [])
    let json = try result.json()
    #expect(json["layouts"] as? [String] == ["keras3-weights-h5 1.0"])
    #expect(json["unchecked"] as? String == "the bytes of the archive around the weights")
  }

  @Test func anInvalidFileEndsWithOneAndSaysWhere() throws {
    let path = Fixtures.path("validate/MC122.h5")
    let json = try Tool.run("validate", path, "--json")
    #expect(json.status == 1)
    #expect(try violations(json) == [])
    #expect(try json.json()["findingsByRule"] as? [String: Int] == ["MC122": 1])
    let text = try Tool.run("validate", path)
    #expect(text.status == 1)
    #expect(
      text.output.contains(
        """
        error MC122 at /modelctl/splits/train/x
          expected number [N, ..., channels]
          found    float32 [12]
        """))
    #expect(try Tool.run("validate", path, "-q").output.isEmpty)
  }

  @Test func findingsAreFilteredAndTheExitCodeIsNot() throws {
    let path = Fixtures.path("validate/by-hand.h5")
    func rules(_ arguments: String...) throws -> [String] {
      let result = try Tool.run(["validate", path, "--json"] + arguments)
      #expect(result.status == 1)
      let findings = try #require(try result.json()["findings"] as? [[String: Any]])
      return findings.compactMap { $0["rule"] as? String }
    }
    #expect(try rules("--rule", "MC016") == ["MC016"])
    #expect(try Set(rules("--rule", "MC016", "--rule", "MC015")) == ["MC015", "MC016"])
    #expect(try rules("--rule", "MC002") == [])
    #expect(try Set(rules("--severity", "error")) == ["MC007", "MC015", "MC016"])
  }

  @Test func whatCannotBeReadEndsWithSixtyFive() throws {
    #expect(try Tool.run("validate", Fixtures.path("malformed/external_link.h5")).status == 65)
    #expect(try Tool.run("validate", Fixtures.path("malformed/left_open.h5")).status == 65)
    #expect(try Tool.run("validate", folder.path("nothing.h5")).status == 66)
    #expect(try Tool.run("validate", digits, "--original", digits).status == 64)
    #expect(try Tool.run("validate", digits, "--erased", folder.path("nothing.txt")).status == 66)
  }

  @Test(arguments: [1, 2, 3])
  func whatUnlearnWritesIsClean(_ seed: Int) throws {
    var checkpoint = SmallCheckpoint()
    checkpoint.usesNames = seed != 2
    let (input, output) = (folder.path("in.h5"), folder.path("out.h5"))
    try checkpoint.write(to: input)
    let ids = (0..<6).map { checkpoint.identifier(($0 * 11 + seed * 5) % 60).description }
    let list = ids.joined(separator: "\n")
    let arguments = ["--erased", "-", "--original", input, "--json"]
    let before = try Tool.run(["validate", input] + arguments, input: list)
    #expect(before.status == 1)
    #expect(try before.json()["errors"] as? Int ?? 0 >= ids.count)
    let unlearned = try Tool.run(
      ["unlearn", input, output, "--forget", "-", "--keep", "-q"], input: list)
    #expect([0, 1].contains(unlearned.status), "\(unlearned.errors)")
    let after = try Tool.run(["validate", output] + arguments, input: list)
    #expect(after.status == 0, "\(after.output)")
    #expect(try violations(after) == [])
    let erasure = try #require(try after.json()["erasure"] as? [String: Any])
    #expect(erasure["recordsInOriginal"] as? Int == ids.count)
  }
}
