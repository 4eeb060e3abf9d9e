import Foundation
import TestSupport
import Testing

/// `--profile` on the commands that train.
@Suite struct ProfileTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private func input() throws -> String {
    let path = folder.path("in.h5")
    try SmallCheckpoint().write(to: path)
    return path
  }

  /// Runs with and without, and compares all but the profile.
  private func check(_ command: String, _ arguments: [String]) throws -> [String: Any] {
    let input = try input()
    func run(_ name: String, _ options: [String]) throws -> (Tool.Result, Data) {
      let path = folder.path(name)
      let result = try Tool.run([command, input, path, "--threads", "2"] + arguments + options)
      #expect([0, 1].contains(result.status), "\(result.errors)")
      return (result, try Data(contentsOf: URL(fileURLWithPath: path)))
    }
    let (plain, plainBytes) = try run("plain.h5", ["--json"])
    let (measured, bytes) = try run("measured.h5", ["--json", "--profile"])
    #expect(bytes == plainBytes, "measuring changed the output")
    #expect(measured.status == plain.status)
    #expect(try plain.json()["profile"] == nil)
    #expect(plain.errors == "")
    let schema = try JSONSchema("report/\(command)-1.schema.json")
    #expect(schema.violations(try measured.json()) == [])
    #expect(schema.violations(try plain.json()) == [])
    for word in ["hidden", "scores", "optimizer", "GFLOP/s", "ms/step"] {
      #expect(measured.errors.contains(word), "\(word) is missing:\n\(measured.errors)")
    }
    let quiet = try run("quiet.h5", ["--profile", "--quiet"]).0
    #expect(quiet.output == "" && quiet.errors == "")
    return try #require(try measured.json()["profile"] as? [String: Any])
  }

  private func shares(_ profile: [String: Any]) throws -> [String: Double] {
    var result: [String: Double] = [:]
    for part in try #require(profile["parts"] as? [[String: Any]]) {
      result[try #require(part["name"] as? String)] = try #require(part["share"] as? Double)
    }
    for layer in try #require(profile["layers"] as? [[String: Any]]) {
      result[try #require(layer["name"] as? String)] =
        try #require(layer["forwardShare"] as? Double)
        + #require(layer["backwardShare"] as? Double)
    }
    return result
  }

  @Test func trainTellsWhereItsTimeWent() throws {
    let profile = try check("train", ["--epochs", "3", "--batch", "16"])
    let shares = try shares(profile)
    #expect(profile["steps"] as? Int == 12)
    #expect(abs(shares.values.reduce(0, +) - 1) < 1e-9)
    for name in ["hidden", "scores", "input", "loss", "optimizer", "evaluation", "planning"] {
      #expect(shares[name] ?? 0 > 0, "\(name)")
    }
  }

  @Test func unlearnTellsWhereItsTimeWent() throws {
    let ids = folder.path("ids.txt")
    try "1000\n1007\n1013\n".write(toFile: ids, atomically: true, encoding: .utf8)
    let profile = try check("unlearn", ["--forget", ids, "--keep"])
    let shares = try shares(profile)
    #expect(try #require(profile["steps"] as? Int) > 0)
    #expect(abs(shares.values.reduce(0, +) - 1) < 1e-9)
    for name in ["hidden", "scores", "input", "optimizer", "evaluation"] {
      #expect(shares[name] ?? 0 > 0, "\(name)")
    }
  }
}
