import Checkpoints
import Foundation
import ModelCore
import TestSupport
import Testing

/// Splits that are larger than the memory that a process may have.
@Suite struct ScaleTests {
  /// `[N, 16384]` bytes that pack to a small part of their size; the class is in the first one.
  private final class WideSource: SampleSource {
    let layout: SampleLayout

    init(_ count: Int) throws {
      layout = SampleLayout(
        count: count, sampleShape: try Shape([16_384]), elementType: .uint8, rowsPerBlock: 32,
        classCount: 3)
    }

    func readInputs(_ rows: Range<Int>, into bytes: UnsafeMutableRawBufferPointer) throws {
      bytes.initializeMemory(as: UInt8.self, repeating: 0)
      for (index, row) in rows.enumerated() {
        var random = SeededGenerator(seed: UInt64(row), stream: "wide")
        let start = index * layout.bytesPerSample
        // Enough of what does not pack that the gate finds the whole plausible.
        for place in 0..<200 { bytes[start + place] = UInt8(random.next(below: 256)) }
        bytes[start] = UInt8(row % 3 * 100)
      }
    }

    func readTargets(_ rows: Range<Int>) throws -> Targets { .classes(rows.map { Int32($0 % 3) }) }
  }

  private static let json = """
    {"class_name": "Sequential", "config": {"name": "wide", "layers": [
      {"class_name": "InputLayer", "config": {"batch_shape": [null, 16384], "name": "input"}},
      {"class_name": "Dense", "config": {"name": "scores", "units": 3, "activation": "softmax"}}]}}
    """

  private let folder: TemporaryDirectory
  private let input: String
  /// In KiB, as the shell counts; the training split alone takes more.
  private static let limit = 330_000
  private static let samples = 24_000

  init() throws {
    folder = try TemporaryDirectory()
    input = folder.path("in.h5")
    let network = try KerasConfiguration(parsing: Self.json).architecture
    var draft = CheckpointDraft(
      modelConfig: Self.json,
      parameters: Parameters(initializing: try network.parameterSpecifications(), seed: 1))
    var first = 0
    for (name, role, count) in [
      ("train", SplitRole.train, Self.samples), ("unseen", .unseen, 300),
    ] {
      draft.splits.append(
        DraftSplit(
          name: name, role: role, samples: try WideSource(count),
          identifiers: (first..<first + count).map { .integer(Int64($0)) }))
      first += count
    }
    draft.inputScale = [1.0 / 255]
    draft.recipe = TrainingRecipe(epochs: 2)
    try draft.write(to: input)
  }

  private func run(_ arguments: [String]) throws -> Tool.Result {
    let command = "ulimit -v \(Self.limit); exec \"$0\" \"$@\""
    return try Tool.start(
      ["-c", command, Tool.executable.path] + arguments, program: URL(fileURLWithPath: "/bin/sh")
    ).finish(within: 300)
  }

  @Test func aSplitLargerThanMemory() throws {
    #expect(Self.samples * 16_384 > Self.limit * 1024)
    let size = try Data(contentsOf: URL(fileURLWithPath: input), options: .alwaysMapped).count
    #expect(size < 16 << 20)
    for command in [
      ["inspect", input], ["inspect", "--trusted", input], ["validate", input],
      ["validate", "--trusted", input],
    ] {
      let result = try run(command)
      #expect(result.status == 0, "\(command): \(result.status) \(result.errors)")
    }
    let out = folder.path("out.h5")
    let result = try run([
      "unlearn", input, out, "--forget", try ids(), "--keep", "--threads", "1", "-q",
    ])
    #expect([0, 1].contains(result.status), "\(result.status) \(result.errors)")
    let rewritten = try Checkpoint(reading: out)
    #expect(try rewritten.split(named: "train").layout.count == Self.samples - 100)
    let clean = try run(["validate", out, "--erased", ids(), "--original", input])
    #expect(clean.status == 0, "\(clean.status) \(clean.output) \(clean.errors)")
  }

  /// A limit that nothing meets would prove nothing: the whole split does not fit it.
  @Test func theLimitHolds() throws {
    let result = try Tool.start(
      [
        "-c",
        "ulimit -v \(Self.limit); exec head -c \(Self.samples * 16_384) /dev/zero | tail -n 1",
      ],
      program: URL(fileURLWithPath: "/bin/sh")
    ).finish()
    #expect(result.status != 0)
  }

  private func ids() throws -> String {
    let path = folder.path("ids.txt")
    let text = stride(from: 12_000, to: 12_100, by: 1).map { "\($0)" }.joined(separator: "\n")
    try text.write(toFile: path, atomically: false, encoding: .utf8)
    return path
  }
}
