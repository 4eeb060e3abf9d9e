import Checkpoints
import Foundation
import TestSupport
import Testing

/// A program that was written from the text of the format alone, and what it makes of our files.
private enum SecondReader {
  private static let script = JSONSchema.folder.deletingLastPathComponent()
    .appendingPathComponent("tools/reference/check_format.py").path

  /// A Python that has h5py; Debian's own before any other.
  static let python: String? = ["/usr/bin/python3", "python3"].first { path in
    (try? run(path, ["-c", "import h5py, numpy"]))?.status == 0
  }

  private static func run(
    _ python: String, _ arguments: [String]
  ) throws -> (status: Int32, output: String, errors: String) {
    let result = try Tool.start([python] + arguments, program: URL(fileURLWithPath: "/usr/bin/env"))
      .finish()
    return (result.status, result.output, result.errors)
  }

  struct Answer: Decodable {
    let records: [String]
    let contentDigest: String
    let problems: [String]
  }

  static func check(_ paths: String...) throws -> (status: Int32, answers: [Answer]) {
    let result = try run(try #require(python), [script] + paths)
    let answers = try? JSONDecoder().decode([Answer].self, from: Data(result.output.utf8))
    return (result.status, try #require(answers, "\(result.errors)"))
  }
}

@Suite(
  .enabled(
    if: SecondReader.python != nil,
    "no python3 with h5py: nobody else reads the digests that we write"))
struct SecondReaderTests {
  private static let samples = JSONSchema.folder.deletingLastPathComponent()
    .appendingPathComponent("samples")

  private let folder: TemporaryDirectory
  private let digits = samples.appendingPathComponent("digits.h5").path

  init() throws { folder = try TemporaryDirectory() }

  private func contentDigest(_ path: String) throws -> String? {
    try Tool.run("inspect", path, "--json").json()["contentDigest"] as? String
  }

  @Test func theSampleAndWhatUnlearningMakesOfIt() throws {
    let out = folder.path("out.h5")
    let forget = Self.samples.appendingPathComponent("forget.txt").path
    let unlearned = try Tool.run("unlearn", digits, out, "--forget", forget, "-q")
    #expect(unlearned.status == 0, "\(unlearned.errors)")
    let (status, answers) = try SecondReader.check(digits, out)
    #expect(status == 0)
    #expect(answers.map(\.problems) == [[], []])
    #expect(answers.map(\.records) == [["import", "train"], ["import", "train", "unlearn"]])
    #expect(try answers.map(\.contentDigest) == [contentDigest(digits), contentDigest(out)])
  }

  /// Text ids, weights that lie elsewhere, half precision, and a file without samples.
  @Test func otherFlavoursAndKindsOfColumns() throws {
    var small = SmallCheckpoint()
    small.usesNames = true
    small.recipe = nil
    let input = folder.path("in.h5")
    try small.write(to: input)
    let (objects, archive) = (folder.path("out.weights.h5"), folder.path("out.keras"))
    for output in [objects, archive] {
      #expect(try Tool.run("export", input, output).status == 0)
    }
    let (foreign, half) = (folder.path("foreign.h5"), folder.path("half.h5"))
    for (name, output) in [("big_endian", foreign), ("float16", half)] {
      let fixture = Fixtures.path("keras/keras3_\(name).h5")
      #expect(try Tool.run("export", fixture, output).status == 0)
    }
    let (status, answers) = try SecondReader.check(input, objects, archive, foreign, half)
    #expect(status == 0)
    #expect(answers.map(\.problems) == [[], [], [], [], []])
    #expect(Set(answers.map(\.contentDigest)).count == answers.count)
  }

  /// A check that finds nothing wrong with a changed file would prove nothing.
  @Test func changesShow() throws {
    var small = SmallCheckpoint()
    small.usesNames = true
    let paths = ["in.h5", "name.h5", "record.h5"].map { folder.path($0) }
    try small.write(to: paths[0])
    try small.write(to: paths[1], changing: "person-17", to: "person-71")
    #expect(try Tool.run("train", paths[0], paths[2], "--epochs", "1", "-q").status == 0)
    let again = folder.path("again.h5")
    #expect(try Tool.run("train", paths[2], again, "--epochs", "1", "-q").status == 0)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: again))
    let first = "\"index\": 0, \"operation\": \"train\""
    let place = try #require(bytes.range(of: Data(first.utf8)))
    bytes.replaceSubrange(place, with: Data(first.replacing("train", with: "trait").utf8))
    try bytes.write(to: URL(fileURLWithPath: again))
    let (status, answers) = try SecondReader.check(paths[0], paths[1], again)
    #expect(status == 1)
    #expect(answers[0].problems.isEmpty)
    #expect(answers[1].problems.first == "manifest: modelctl/splits/train/id")
    #expect(answers[2].problems == ["record 1: it does not continue the chain"])
  }
}
